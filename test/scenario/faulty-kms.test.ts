import { describe, expect, test } from 'vitest';
import { composeDnskey, keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import { octetsOf } from '#lib/octets.ts';
import { makeSecure, settle } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'faulty.example';
const day = 86_400;

const isSigning = (url: string): boolean => url.endsWith('/sign');

/** Change each signature of a batch. */
function eachSignature(
  text: string | undefined,
  change: (one: { signature: string; keyVersion: string }) => object,
): string {
  const { results } = JSON.parse(text ?? '{}') as { results: { signature: string; keyVersion: string }[] };
  return JSON.stringify({ results: results.map((one) => ({ ...one, ...change(one) })) });
}

/** The octets of a signature, one of them another. */
function bent(signature: string): string {
  const [kms, version, base64 = ''] = signature.split(':');
  const octets = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  octets[octets.length - 1] = (octets.at(-1) ?? 0) ^ 1;
  return [kms, version, btoa(String.fromCharCode(...octets))].join(':');
}

const faults: Record<string, NonNullable<ManagedWorld['spoil']>> = {
  'signs with its other version and says so': (url, text) =>
    isSigning(url)
      ? eachSignature(text, ({ signature, keyVersion }) => {
          const other = keyVersion === '1' ? '2' : '1';
          return { keyVersion: other, signature: signature.replace(`v${keyVersion}:`, `v${other}:`) };
        })
      : undefined,
  'signs with another key than it says': (url, text) =>
    isSigning(url) ? eachSignature(text, ({ signature }) => ({ signature: bent(signature) })) : undefined,
  'answers a batch with the signatures in another order': (url, text) =>
    isSigning(url)
      ? JSON.stringify({ results: (JSON.parse(text ?? '{}') as { results: object[] }).results.toReversed() })
      : undefined,
  'answers a part of a batch': (url, text) =>
    isSigning(url)
      ? JSON.stringify({ results: (JSON.parse(text ?? '{}') as { results: object[] }).results.slice(1) })
      : undefined,
  'sends something that is no answer': (url) => (isSigning(url) ? '<html>' : undefined),
  'refuses with 403': (url) => (isSigning(url) ? { status: 403 } : undefined),
  'knows no such key': (url) => (isSigning(url) ? { status: 404 } : undefined),
  'is busy': (url) => (isSigning(url) ? { status: 429 } : undefined),
  'is not there': (url) => (isSigning(url) ? { status: 503 } : undefined),
  'signs, and its answers are lost': (url) => (isSigning(url) ? 'lost' : undefined),
};

describe('while the KMS', () => {
  test.each(Object.keys(faults))('%s, nothing wrong is published, and all comes right when it does', async (fault) => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name);
    const [{ kmsKeyIdentity }] = await world.keys(name);
    await world.rotate(kmsKeyIdentity);
    world.spoil = faults[fault];
    const { serial } = await world.zone(name);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await world.tryToTend(name)).toEqual(expect.any(String));
      expect(await world.faults(name)).toEqual([]);
      expect(await world.zone(name)).toMatchObject({ serial, dueAt: world.now + 60 });
      const change = { changes: [{ action: 'put', name: 'new', type: 'A', values: ['192.0.2.9'] }] };
      expect((await world.call('POST', `/zones/${name}/changes`, change)).status).toBeGreaterThanOrEqual(400);
      world.clock.advance(day);
    }
    const { body: status } = await world.call('GET', `/zones/${name}/dnssec`);
    expect(status).toMatchObject({ enabled: true, lastSignError: expect.any(String) });
    world.spoil = undefined;
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 2 }]);
    expect(await world.faults(name)).toEqual([]);
    expect((await world.call('GET', `/zones/${name}/dnssec`)).body).not.toHaveProperty('lastSignError');
  });

  test('gives out the public key of another key, a new version waits until it proves itself', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name);
    const [{ kmsKeyIdentity }] = await world.keys(name);
    const other = await world.call('POST', '/v1/kms/nl-01/keys', { name: 'other', keyType: 'ecdsa-p256' });
    const shown = await world.call('GET', `/v1/kms/nl-01/keys/${other.body['identity']}/public-key`);
    await world.rotate(kmsKeyIdentity);
    world.spoil = (url, text) => withPublicKey(url, text, 2, () => shown.body['keys']['1']);
    expect(await world.tryToTend(name)).toContain('self-test');
    expect(await world.keys(name)).toHaveLength(1);
    world.spoil = undefined;
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 2 }]);
  });

  test('is away for long, the zone is served on, and it is told once that signatures run out', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name);
    world.spoil = (url) => (isSigning(url) ? { status: 403 } : undefined);
    const runway = async () => (await world.call('GET', `/zones/${name}/dnssec`)).body['runwaySeconds'];
    const lows = async () => {
      const { body } = await world.call('GET', `/zones/${name}/dnssec/events?limit=1000`);
      return body.filter(({ kind }: { kind: string }) => kind === 'runway-low').length;
    };
    const { dueAt = 0 } = await world.zone(name);
    world.clock.advance(dueAt - world.now);
    const atFirst = await runway();
    expect(await world.tryToTend(name)).toContain('403');
    expect([await lows(), atFirst]).toEqual([0, 5 * day - 3600 - 300]);
    world.clock.advance(3 * day);
    for (let count = 0; count < 3; count++) await world.tryToTend(name);
    expect(await lows()).toBe(1);
    expect(await runway()).toBe(atFirst - 3 * day);
    expect(await world.faults(name)).toEqual([]);
    world.spoil = undefined;
    await world.tend(name);
    expect(await runway()).toBeGreaterThan(atFirst);
    expect(await world.faults(name)).toEqual([]);
  });

  test('has a key disabled that zones need, this is told, and told again only when it happens again', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name);
    const [{ kmsKeyIdentity }] = await world.keys(name);
    const dangers = async () => {
      const { body } = await world.call('GET', `/zones/${name}/dnssec/events?limit=1000`);
      return body
        .filter(({ kind }: { kind: string }) => kind === 'kms-key-in-danger')
        .map((one: { text: string }) => one.text);
    };
    for (const expected of [1, 2]) {
      await world.call('POST', `/v1/kms/nl-01/keys/${kmsKeyIdentity}/disable`);
      await world.look();
      await world.tryToTend(name);
      await world.tryToTend(name);
      expect(await dangers()).toHaveLength(expected);
      await world.call('POST', `/v1/kms/nl-01/keys/${kmsKeyIdentity}/enable`);
      await world.look();
      await world.tend(name);
    }
    expect((await dangers())[0]).toMatch(/disabled.*version 1/);
  });

  test('shows a new version with the public key of the one before, it is not taken', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name);
    const [{ kmsKeyIdentity }] = await world.keys(name);
    await world.rotate(kmsKeyIdentity);
    world.spoil = (url, text) => withPublicKey(url, text, 2, (keys) => keys['1'] ?? '');
    expect(await world.tryToTend(name)).toContain('the public key of another key');
    expect(await world.keys(name)).toHaveLength(1);
  });

  test('makes a version that shares its key tag, that one is passed over, and the next one follows', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name, { keyType: 'ed25519' });
    const [{ kmsKeyIdentity, keyTag }] = await world.keys(name);
    await world.rotate(kmsKeyIdentity);
    world.spoil = (url, text) => withPublicKey(url, text, 2, () => btoa(publicKeyWithTag(keyTag)));
    expect(await world.tryToTend(name)).toBeUndefined();
    world.spoil = undefined;
    await world.pass(name, day);
    expect(await world.keys(name)).toMatchObject([{ version: 1 }]);
    const { body: events } = await world.call('GET', `/zones/${name}/dnssec/events?limit=1000`);
    expect(events.filter(({ kind }: { kind: string }) => kind === 'key-refused')).toMatchObject([
      { text: expect.stringContaining(`share the key tag ${keyTag}`), details: { version: 2 } },
    ]);
    await world.rotate(kmsKeyIdentity);
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 3 }]);
  });

  test('takes its time, what is waited for counts from the publication, and not from when signing began', async () => {
    const slowness = { seconds: 0 };
    const clock: { advance?: (seconds: number) => void } = {};
    await using world = await ManagedWorld.open({
      isTold: true,
      wrap: (ports) => ({
        ...ports,
        serviceSigner: (zone, region) => {
          const signer = ports.serviceSigner(zone, region);
          const sign: typeof signer.sign = (batch) => {
            clock.advance?.(slowness.seconds);
            return signer.sign(batch);
          };
          return { getKey: (keyId) => signer.getKey(keyId), sign };
        },
      }),
    });
    clock.advance = (seconds) => world.clock.advance(seconds);
    await makeSecure(world, name);
    const [{ kmsKeyIdentity }] = await world.keys(name);
    await world.rotate(kmsKeyIdentity);
    slowness.seconds = 600;
    await world.tend(name);
    const [, successor] = await world.keys(name);
    const { at: published } = (await world.call('GET', `/zones/${name}/versions?limit=1`)).body[0];
    expect(world.now - Date.parse(published) / 1000).toBeGreaterThanOrEqual(600);
    const wait = successor.waiting.find(({ record }: { record: string }) => record === 'dnskey');
    expect(Date.parse(wait.until) / 1000).toBe(world.now + 3600 + 300 + 3600);
  });
});

/** Give one version another public key, in the answer that shows them. */
function withPublicKey(
  url: string,
  text: string | undefined,
  version: number,
  choose: (keys: Record<string, string>) => string,
): string | undefined {
  if (!url.includes('/public-key')) return undefined;
  const { keys } = JSON.parse(text ?? '{}') as { keys: Record<string, string> };
  return JSON.stringify({ keys: { ...keys, [version]: choose(keys) } });
}

/** 32 octets that make a KSK of Ed25519 with a key tag. */
function publicKeyWithTag(keyTag: number): string {
  for (let number = 0; number < 0x1_0000; number++) {
    const publicKey = octetsOf(...Array.from({ length: 30 }, () => 7), number >> 8, number & 0xff);
    if (keyTagOf(composeDnskey({ flags: 257, protocol: 3, algorithm: 15, publicKey })) === keyTag) return publicKey;
  }
  throw new Error(`no key has the tag ${keyTag}`);
}
