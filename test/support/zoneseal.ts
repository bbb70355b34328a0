import { request } from 'undici';
import { projectRoot } from '#test/support/commands.ts';
import { startPatience } from '#test/support/patience.ts';
import { start, type StartedProcess } from '#test/support/process.ts';

export interface ZonesealOptions {
  /** Data folder; what a former process left there is opened again. */
  readonly data: string;
  /** Further settings; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A whole service in a process of its own, with an admin token that the test knows. */
export interface Zoneseal extends AsyncDisposable {
  /** Base URL, without a slash at its end. */
  readonly url: string;
  readonly process: StartedProcess;
  /** Headers of a caller that may do everything. */
  readonly headers: Readonly<Record<string, string>>;
  /** Call the API; `body` is sent as JSON. */
  call(method: Method, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  stop(): Promise<void>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Answer {
  readonly status: number;
  /** The parsed body; undefined when it is empty. */
  readonly body: unknown;
}

export const testToken = 'test-admin-token-0123456789abcdef';

/** Start the service on a free port of 127.0.0.1 and wait until it listens. */
export function startZoneseal({ data, env = {} }: ZonesealOptions): Promise<Zoneseal> {
  const settings = {
    DATABASE_URL: undefined,
    REDIS_URL: undefined,
    ZONESEAL_CHAOS_ZONES: undefined, // of tests, and no setting, as the next one
    ZONESEAL_CRASH_ROUNDS: undefined,
    ZONESEAL_DATA: data,
    ZONESEAL_HOST: '127.0.0.1',
    ZONESEAL_PORT: '0',
    ZONESEAL_ADMIN_TOKEN: testToken,
    ZONESEAL_RESOLVERS: 'none',
  };
  return startNode(['bin/zoneseal.js', 'serve'], { ...settings, ...env });
}

/**
 * Start a KMS alone, which takes half the time.
 *
 * @param largestFile KiB that a file may grow to, beyond which the disk is full for the service
 */
export function startKms({ data, env = {} }: ZonesealOptions, largestFile?: number): Promise<Zoneseal> {
  return startNode(['test/support/kms-server.ts', data, testToken], env, largestFile);
}

async function startNode(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  largestFile?: number,
): Promise<Zoneseal> {
  const node = globalThis.process.execPath;
  const process =
    largestFile === undefined
      ? start(node, args, { cwd: projectRoot, env })
      : start('bash', ['-c', `ulimit -f ${largestFile}; exec "$0" "$@"`, node, ...args], { cwd: projectRoot, env });
  const [, address = ''] = await process.waitFor(/^listening (\S+)$/m, startPatience);
  const url = address.replace(/\/+$/, '');
  const organisation = env['ZONESEAL_ORGANISATION'] ?? 'o-default';
  const headers = { authorization: `Bearer ${testToken}`, 'x-organisation-identity': organisation };
  const stop = async (): Promise<void> => void (await process.stop());
  return {
    url,
    process,
    headers,
    stop,
    [Symbol.asyncDispose]: stop,
    async call(method, path, body, more = {}) {
      const json = body === undefined ? {} : { 'content-type': 'application/json' };
      const answer = await request(url + path, {
        method,
        headers: { ...headers, ...json, ...more },
        body: body === undefined ? null : JSON.stringify(body),
        headersTimeout: 0, // a large zone takes minutes to sign, and each test has a limit of its own
        bodyTimeout: 0,
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    },
  };
}
