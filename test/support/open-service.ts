import { readConfig } from '#app/config.ts';
import { createLogger } from '#app/logger.ts';
import { type Service, startService } from '#app/server.ts';
import { type Clock, systemClock } from '#lib/clock.ts';
import { type CommandOutcome, runZoneseal } from '#test/support/run-zoneseal.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { testToken } from '#test/support/zoneseal.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- bodies of all forms are looked into
  readonly body: any;
}

export type ApiCall = (
  method: string,
  path: string,
  body?: object,
  headers?: Readonly<Record<string, string>>,
) => Promise<ApiAnswer>;

/** A whole service in this process, with a data folder of its own. */
export interface OpenService extends AsyncDisposable {
  readonly service: Service;
  readonly baseUrl: string;
  /** A file of the data folder. */
  file(name: string): string;
  /** Call the API below `/v1`, and below `/v1/dns`, as one who may do everything; a body is JSON. */
  readonly call: ApiCall;
  readonly callDns: ApiCall;
  /** Run a command that speaks to the service. */
  zoneseal(args: readonly string[], input?: string): Promise<CommandOutcome>;
}

/** Settings of a service that a test opens: quiet, on any port. */
export function testSettings(data: string, more: Readonly<Record<string, string>> = {}) {
  return readConfig({
    ZONESEAL_DATA: data,
    ZONESEAL_PORT: '0',
    ZONESEAL_ADMIN_TOKEN: testToken,
    ZONESEAL_LOG_LEVEL: 'silent',
    ...more,
  });
}

/** Open a service on a folder that is there. */
export function startTestService(
  data: string,
  { clock = systemClock, settings = {} }: { clock?: Clock; settings?: Readonly<Record<string, string>> } = {},
): Promise<Service> {
  return startService(testSettings(data, settings), { clock, logger: createLogger('silent') });
}

/** Open a service that closes, and takes its folder with it, at the end of the scope. */
export async function openService(options: Parameters<typeof startTestService>[1] = {}): Promise<OpenService> {
  await using opened = new AsyncDisposableStack();
  const dir = opened.use(makeTempDir());
  const service = await startTestService(dir.at('data'), options);
  opened.defer(() => service.close());
  const { baseUrl } = service;
  const all = opened.move();
  return {
    service,
    baseUrl,
    call: callerOf(() => baseUrl),
    callDns: callerOf(() => baseUrl, '/v1/dns'),
    file: (name) => dir.at(`data/${name}`),
    zoneseal: (args, input) => runZoneseal([...args, '--service', baseUrl], { ZONESEAL_TOKEN: testToken }, input),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Make a caller of the service that is at an address now, for paths below `base`. */
export function callerOf(baseUrl: () => string, base = '/v1'): ApiCall {
  return async (method, path, body, headers = {}) => {
    const answer = await fetch(`${baseUrl()}${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${testToken}`,
        'x-organisation-identity': 'o-default',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
}

/** Make a caller that gives bodies alone. */
export function soundCallerOf(
  baseUrl: () => string,
  base?: string,
  // oxlint-disable-next-line typescript/no-explicit-any -- bodies of all forms are looked into
): (method: string, path: string, body?: object) => Promise<any> {
  const call = callerOf(baseUrl, base);
  return async (method, path, sent) => {
    const { status, body } = await call(method, path, sent);
    if (status >= 400) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
}
