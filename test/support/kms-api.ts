import { createHttp, mount } from '#app/http.ts';
import { createLogger } from '#app/logger.ts';
import { kmsRoutes } from '#kms/http/routes.ts';
import { kmsStatuses } from '#kms/http/statuses.ts';
import { type Kms, type KmsOptions, openKms } from '#kms/kms.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { testToken } from '#test/support/zoneseal.ts';

export interface KmsAnswer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of all forms
  readonly body: any;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly octets: Uint8Array;
}

/** A KMS in this process, with a clock that tests move, called without a network. */
export interface KmsApi extends AsyncDisposable {
  readonly kms: Kms;
  readonly clock: FakeClock;
  readonly dir: TempDir;
  /** Call a path below the root as the administrator, unless headers say otherwise. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<KmsAnswer>;
  /** Make a token. @returns the headers of its bearer */
  tokenFor(wanted: object, organisation?: string): Promise<Readonly<Record<string, string>>>;
}

export const kmsOrganisation = 'o-default';

/** Open a KMS in a folder of its own. */
export async function openKmsApi(options: Partial<KmsOptions> = {}): Promise<KmsApi> {
  const dir = makeTempDir();
  const clock = new FakeClock();
  const kms = await openKms({
    place: { kind: 'folder', path: dir.path },
    rootKey: { kind: 'file', path: dir.at('root.key') },
    clock,
    organisation: kmsOrganisation,
    regions: ['nl-01'],
    adminToken: testToken,
    workers: 0,
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  const app = await createHttp({ logger: createLogger('silent') });
  await mount(app, kmsRoutes, { ports: kms.ports, bell: kms.bell }, kmsStatuses);
  const call: KmsApi['call'] = async (method, path, body, headers = {}) => {
    const answer = await app.inject({
      method: method as 'GET',
      url: path,
      headers: {
        authorization: `Bearer ${testToken}`,
        'x-organisation-identity': kmsOrganisation,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: payloadOf(body) }),
    });
    const isJson = answer.body.startsWith('{') || answer.body.startsWith('[');
    return {
      status: answer.statusCode,
      body: isJson ? JSON.parse(answer.body) : answer.body,
      headers: answer.headers,
      octets: answer.rawPayload,
    };
  };
  return {
    kms,
    clock,
    dir,
    call,
    async tokenFor(wanted, organisation = kmsOrganisation) {
      const made = await call('POST', '/v1/admin/tokens', { name: 'token', organisation, ...wanted });
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      return { authorization: `Bearer ${made.body.secret}`, 'x-organisation-identity': organisation };
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await kms.close();
      dir[Symbol.dispose]();
    },
  };
}

function payloadOf(body: unknown): string | Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return typeof body === 'string' ? body : JSON.stringify(body);
}
