import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { groupedAuditLog } from '#kms/adapters/audit/open-audit-log.ts';
import type { AuditEvent } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import { hmac, verifyHmac } from '#kms/operations/authenticate-message.ts';
import { deleteKey, disableKey, rotateKey } from '#kms/operations/change-key.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import { createKey } from '#kms/operations/create-key.ts';
import { decrypt, encrypt, generateDataKey, rewrap } from '#kms/operations/encrypt.ts';
import { exportKey } from '#kms/operations/export-key.ts';
import { sign, signPacked, verify } from '#kms/operations/sign.ts';
import type { WriteUnderWay } from '#kms/ports/audit-log.ts';
import type { CryptoProvider } from '#kms/ports/crypto-provider.ts';
import { utf8Bytes } from '#lib/bytes.ts';
import { pack } from '#lib/packed.ts';
import { patience } from '#test/support/patience.ts';
import { kmsOrganisation, type KmsApi, openKmsApi } from '#test/support/kms-api.ts';

const region = 'nl-01';
const caller: Caller = {
  principal: { identity: 'admin', policies: ['kms:FullAccess'] },
  organisation: kmsOrganisation,
};
const secret = utf8Bytes('attack at dawn');

let api: KmsApi;
const keys = new Map<string, string>();
beforeAll(async () => {
  api = await openKmsApi({ workers: 1 });
  for (const keyType of ['ecdsa-p256', 'aes256-gcm96', 'hmac-sha256'] as const) {
    const { key } = await createKey(api.kms.ports, caller, region, { name: keyType, keyType, exportAllowed: true });
    keys.set(keyType, key.identity);
  }
});
afterAll(() => api[Symbol.asyncDispose]());
const at = (keyType: string) => ({ region, id: keys.get(keyType) ?? '' });

/** An audit log whose events are durable, or cannot be, when a test says so. */
class HeldAudit {
  readonly events: AuditEvent[] = [];
  #held: PromiseWithResolvers<void>[] = [];

  async begin(event: AuditEvent): Promise<WriteUnderWay> {
    this.events.push(event);
    const held = Promise.withResolvers<void>();
    this.#held.push(held);
    return { durable: held.promise };
  }

  write(): void {
    for (const { resolve } of this.#held.splice(0)) resolve();
  }

  fail(): void {
    const error = new KmsError('audit-unavailable', 'the disk is full');
    for (const { reject } of this.#held.splice(0)) reject(error);
  }

  get outcomes(): string[] {
    return this.events.map(({ outcome }) => outcome);
  }
}

const pureUses = ['sign', 'signPacked', 'verify', 'decrypt', 'hmac', 'verifyHmac'] as const;
type Watched = Extract<keyof CryptoProvider, string>;

/** The ports with a held audit log, and what the provider was asked for and gave. */
class Bench {
  readonly audit = new HeldAudit();
  readonly given = new Map<string, unknown>();
  readonly asked: string[] = [];
  readonly ports: KmsPorts;

  constructor(failing?: Error) {
    const provider = new Proxy(api.kms.ports.provider, {
      get: (target, name: Watched) => {
        const method = target[name] as (...all: unknown[]) => unknown;
        return async (...all: unknown[]) => {
          this.asked.push(name);
          if (failing !== undefined) throw failing;
          const result = await method.apply(target, all);
          this.given.set(name, result);
          return result;
        };
      },
    });
    this.ports = {
      ...api.kms.ports,
      provider,
      audit: { ...api.kms.ports.audit, begin: (event) => this.audit.begin(event) },
    };
  }
}

/** Wait until something is the case. */
async function until(isSo: () => boolean): Promise<void> {
  for (const signal = AbortSignal.timeout(patience); !isSo(); await turn()) signal.throwIfAborted();
}

/** What a call is refused with; undefined when it is not. */
function refusalOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Let everything that does not wait for the audit log happen. */
async function someTurns(): Promise<void> {
  for (let index = 0; index < 20; index++) await turn();
}

const inputs = [secret, utf8Bytes('at noon')];
/** Uses of a key that change nothing, each with what the provider's method is called. */
const uses: Record<(typeof pureUses)[number], (ports: KmsPorts) => Promise<unknown>> = {
  sign: (ports) => sign(ports, caller, at('ecdsa-p256'), { inputs, options: {} }),
  signPacked: (ports) => signPacked(ports, caller, at('ecdsa-p256'), { inputs: pack(inputs), options: {} }),
  async verify(ports) {
    const items = [{ input: secret, signature: new Uint8Array(70), version: 1 }];
    return verify(ports, caller, at('ecdsa-p256'), { items, options: {} });
  },
  async decrypt(ports) {
    const { outcomes } = await encrypt(api.kms.ports, caller, at('aes256-gcm96'), { items: [{ plaintext: secret }] });
    const [ciphertext] = outcomes as Uint8Array[];
    return decrypt(ports, caller, at('aes256-gcm96'), [{ ciphertext: ciphertext!, version: 1 }]);
  },
  hmac: (ports) => hmac(ports, caller, at('hmac-sha256'), { inputs, options: {} }),
  async verifyHmac(ports) {
    const items = [{ input: secret, hmac: new Uint8Array(32), version: 1 }];
    return verifyHmac(ports, caller, at('hmac-sha256'), { items, options: {} });
  },
};

describe.each(pureUses)('%s, which changes nothing', (name) => {
  test('goes on while its event is written, and gives nothing out before it is durable', async () => {
    const { ports, audit, given } = new Bench();
    let isAnswered = false;
    const answer = uses[name](ports).finally(() => (isAnswered = true));
    await until(() => given.has(name));
    await someTurns();
    expect(isAnswered).toBe(false);
    audit.write();
    expect(await answer).toBeDefined();
    expect(audit.outcomes).toEqual(['allowed']);
  });

  test('is refused when its event cannot be written, be the work done before that or after', async () => {
    for (const isDoneBefore of [true, false]) {
      const { ports, audit, given } = new Bench();
      const refusal = refusalOf(uses[name](ports));
      await until(() => (isDoneBefore ? given.has(name) : audit.events.length > 0));
      audit.fail();
      expect(await refusal).toMatchObject({ code: 'audit-unavailable' });
      expect(given.has(name)).toBe(true);
      expect(audit.outcomes).toEqual(['allowed']);
    }
  });

  test('that fails is a second event, which follows the first once that is durable', async () => {
    const failure = new KmsError('worker-lost', 'a thread ended');
    const { ports, audit, asked } = new Bench(failure);
    const refusal = refusalOf(uses[name](ports));
    await until(() => asked.includes(name));
    await someTurns();
    expect(audit.outcomes).toEqual(['allowed']);
    audit.write();
    await until(() => audit.events.length === 2);
    audit.write();
    expect(await refusal).toBe(failure);
    expect(audit.events[1]).toMatchObject({ outcome: 'failed', code: 'worker-lost' });
  });

  test('that fails and has no durable event is told as unaudited', async () => {
    const { ports, audit, asked } = new Bench(new KmsError('worker-lost', 'a thread ended'));
    const refusal = refusalOf(uses[name](ports));
    await until(() => asked.includes(name));
    audit.fail();
    expect(await refusal).toMatchObject({ code: 'audit-unavailable' });
    expect(audit.outcomes).toEqual(['allowed']);
  });
});

test('what was computed and may not leave is wiped', async () => {
  for (const name of ['sign', 'decrypt', 'hmac'] as const) {
    const { ports, audit, given } = new Bench();
    const refusal = refusalOf(uses[name](ports));
    await until(() => given.has(name));
    const results = given.get(name) as Uint8Array[];
    expect(results.every((result) => result.some((octet) => octet !== 0))).toBe(true);
    audit.fail();
    expect(await refusal).toMatchObject({ code: 'audit-unavailable' });
    expect(results.every((result) => result.every((octet) => octet === 0))).toBe(true);
  }
});

describe('what changes something, counts or gives out material waits for its event:', () => {
  let ciphertext: Uint8Array;
  beforeEach(async () => {
    const sealed = await encrypt(api.kms.ports, caller, at('aes256-gcm96'), { items: [{ plaintext: secret }] });
    ciphertext = sealed.outcomes[0] as Uint8Array;
  });

  const changes: Record<string, (ports: KmsPorts) => Promise<unknown>> = {
    createKey: (ports) => createKey(ports, caller, region, { name: 'never' }),
    rotateKey: (ports) => rotateKey(ports, caller, region, at('ecdsa-p256').id),
    disableKey: (ports) => disableKey(ports, caller, region, at('ecdsa-p256').id),
    deleteKey: (ports) => deleteKey(ports, caller, region, at('ecdsa-p256').id),
    exportKey: (ports) => exportKey(ports, caller, at('ecdsa-p256')),
    encrypt: (ports) => encrypt(ports, caller, at('aes256-gcm96'), { items: [{ plaintext: secret }] }),
    rewrap: (ports) => rewrap(ports, caller, at('aes256-gcm96'), [{ ciphertext, version: 1 }]),
    generateDataKey: (ports) => generateDataKey(ports, caller, at('aes256-gcm96'), { bytes: 32 }),
  };
  test.each(Object.keys(changes))('%s', async (name) => {
    const { ports, audit, asked } = new Bench();
    const before = await api.call('GET', `/v1/kms/${region}/keys`);
    const refusal = refusalOf(changes[name]!(ports));
    await until(() => audit.events.length > 0);
    await someTurns();
    expect(asked).toEqual([]);
    audit.fail();
    expect(await refusal).toMatchObject({ code: 'audit-unavailable' });
    await someTurns();
    expect(asked).toEqual([]);
    expect((await api.call('GET', `/v1/kms/${region}/keys`)).body).toEqual(before.body);
  });
});

test('the event is on its way to the disk before the calling thread is busy signing', async () => {
  const order: string[] = [];
  const { ports } = api.kms;
  const writer = {
    async append() {
      order.push('event handed over');
    },
    list: async () => [],
    verify: (...all: Parameters<typeof ports.audit.verify>) => ports.audit.verify(...all),
    close: async () => undefined,
  };
  const provider = new Proxy(ports.provider, {
    get: (target, name: Watched) =>
      name === 'sign'
        ? (...all: Parameters<CryptoProvider['sign']>) => target.sign(...all).finally(() => order.push('signed'))
        : target[name].bind(target),
  });
  await sign({ ...ports, provider, audit: groupedAuditLog(writer) }, caller, at('ecdsa-p256'), {
    inputs: [secret],
    options: {},
  });
  expect(order).toEqual(['event handed over', 'signed']);
});
