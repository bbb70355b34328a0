import { describe, expect, test } from 'vitest';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { keyTagOf, revokedDnskey } from '#dnssec/core/keys/dnskey.ts';
import { parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { rdataOf } from '#test/support/dns.ts';
import { makeSecure, settle, shownStates } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';
import { type DnskeyRRset, ResolverCaches } from '#test/support/resolver-caches.ts';

const name = 'moving.example';
const day = 86_400;
const keysPath = `/zones/${name}/dnssec/foreign-keys`;

/** What a signer publishes: its DNSKEY RRset, and who signs its data. */
interface Published {
  readonly dnskeys: DnskeyRRset;
  readonly data: readonly string[];
  /** Key tags of the DS that it asks for. */
  readonly cds: readonly number[];
}

const signersIn = (rrsigs: readonly Rdata[]): string[] => rrsigs.map((rrsig) => String(parseRrsig(rrsig).keyTag));

async function publishedBy(world: ManagedWorld): Promise<Published> {
  const rrsets = await world.ports.store.readRRsets((await world.zone(name)).id, 1000);
  const found = (type: number) => rrsets.find(({ rrset }) => rrset.type === type);
  const dnskeys = found(rrTypes.DNSKEY);
  return {
    dnskeys: {
      keys: (dnskeys?.rrset.rdatas ?? []).map((rdata) => String(keyTagOf(rdata))),
      signers: signersIn(dnskeys?.rrsigs ?? []),
    },
    data: signersIn(found(rrTypes.SOA)?.rrsigs ?? []),
    cds: (found(rrTypes.CDNSKEY)?.rrset.rdatas ?? []).map(keyTagOf),
  };
}

/** Sign a zone with a KSK and a ZSK until every resolver knows it, and begin it anew beside its keys in the KMS. */
async function leftBehind(world: ManagedWorld) {
  await makeSecure(world, name, { keys: 'split' });
  const [ksk, zsk] = await world.keys(name);
  const before = await publishedBy(world);
  await world.call('DELETE', `/zones/${name}`);
  await world.call('POST', '/zones', { zoneName: name });
  return { ksk, zsk, before };
}

/** Return a mix of answers that no chain of trust joins, if resolvers can hold one. */
function faultIn(ds: readonly (readonly number[])[], keySets: readonly Published[], data: readonly Published[]) {
  for (const dsSet of ds) {
    for (const { dnskeys } of keySets) {
      for (const signed of data) {
        const caches = new ResolverCaches({ zone: 0, parent: 0 }, () => 13);
        caches.publishDs(0, 'a', dsSet.map(String), 1);
        caches.publishDnskeys(0, dnskeys, 1);
        caches.publishRRset(0, 'soa', signed.data, 1);
        const fault = caches.faultAt(0);
        if (fault !== undefined) return fault;
      }
    }
  }
  return undefined;
}

/** Two signers of one zone, under one clock and one parent. */
class TwoSigners implements AsyncDisposable {
  readonly from: ManagedWorld;
  readonly to: ManagedWorld;

  private constructor(from: ManagedWorld, to: ManagedWorld) {
    this.from = from;
    this.to = to;
  }

  static async open(): Promise<TwoSigners> {
    const from = await ManagedWorld.open();
    await makeSecure(from, name);
    from.isParentPrompt = false;
    const to = await ManagedWorld.open({ start: from.clock.now() });
    to.isParentPrompt = false;
    const signers = new TwoSigners(from, to);
    signers.setDs((await publishedBy(from)).cds);
    await to.signedZone(name);
    return signers;
  }

  get both(): readonly ManagedWorld[] {
    return [this.from, this.to];
  }

  setDs(tags: readonly number[]): void {
    for (const world of this.both) world.parent.servers.a = world.parent.servers.b = tags;
  }

  async pass(seconds: number): Promise<void> {
    for (const world of this.both) await world.pass(name, seconds);
  }

  /** Let a signer publish the keys of the other. @returns its answer, and what is wrong with its zone then */
  async crossPublish(world: ManagedWorld, other: ManagedWorld) {
    const { body } = await other.call('GET', keysPath);
    const answer = await world.call('PUT', keysPath, { foreignKeys: body.crossPublish });
    return { ...answer, faults: await world.faults(name) };
  }

  /** What the registrar is told to do about each DS, by key tag. */
  async toldToRegistrar(world: ManagedWorld): Promise<Record<string, string>> {
    const { body } = await world.call('GET', `/zones/${name}/dnssec/registrar`);
    return Object.fromEntries(body.keys.map((key: { keyTag: number; action: string }) => [key.keyTag, key.action]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.from[Symbol.asyncDispose]();
    await this.to[Symbol.asyncDispose]();
  }
}

describe('a signed zone that moves from one signer to another', () => {
  test('has a chain of trust in every mix of DS, DNSKEY and data at each step, and none without cross-publishing', async () => {
    await using signers = await TwoSigners.open();
    const { from, to } = signers;
    const [alone, before] = [await publishedBy(from), await publishedBy(to)];
    const [oldTag, newTag] = [Number(alone.data[0]), Number(before.data[0])];
    expect(faultIn([[oldTag]], [alone, before], [alone, before])).toBeDefined();

    const published = { status: 200, body: { foreignKeys: [{ entryPoint: true }] }, faults: [] };
    expect(await signers.crossPublish(to, from)).toMatchObject(published);
    expect(await signers.crossPublish(from, to)).toMatchObject(published);
    const [old, fresh] = [await publishedBy(from), await publishedBy(to)];
    expect(old.cds).toEqual([oldTag, newTag]);
    expect(faultIn([[oldTag]], [alone, old], [alone])).toBeUndefined();
    expect(faultIn([[oldTag]], [old, fresh], [old, fresh])).toBeDefined(); // no DS of the new signer yet
    await signers.pass(day);
    expect(await signers.toldToRegistrar(from)).toEqual({ [oldTag]: 'keep', [newTag]: 'add' });
    expect(await signers.toldToRegistrar(to)).toEqual({ [oldTag]: 'keep', [newTag]: 'add' });

    expect((await from.call('DELETE', `/zones/${name}/dnssec?handedOver=true`)).body.message).toContain('is not seen');
    signers.setDs([oldTag, newTag]);
    await signers.pass(3600);
    expect((await from.call('DELETE', `/zones/${name}/dnssec?handedOver=true`)).body.message).toContain('before 20');
    expect((await from.call('DELETE', `/zones/${name}/dnssec`)).status).toBe(409);
    expect(faultIn([[oldTag], [oldTag, newTag]], [old], [old])).toBeUndefined();
    await signers.pass(2 * day);

    const [here, there] = [await publishedBy(from), await publishedBy(to)];
    expect(there.cds).toEqual([newTag, oldTag]);
    expect(faultIn([[oldTag, newTag]], [here, there], [here, there])).toBeUndefined(); // NS change hands here
    expect((await to.call('DELETE', keysPath)).body.message).toContain('the parent shows a DS');

    expect((await from.call('DELETE', `/zones/${name}/dnssec?handedOver=true`)).status).toBe(204);
    await signers.pass(day);
    expect((await publishedBy(from)).cds).toEqual([newTag]);
    expect(await signers.toldToRegistrar(from)).toEqual({ [oldTag]: 'remove', [newTag]: 'keep' });
    const epp = await from.picture(`/zones/${name}/dnssec/registrar?format=epp`);
    expect(epp).toContain(`<secDNS:keyTag>${oldTag}</secDNS:keyTag>`);
    expect(epp).not.toMatch(new RegExp(`secDNS:all|keyTag>${newTag}<`));
    signers.setDs([newTag]);
    await signers.pass(3 * day);
    const left = await publishedBy(from);
    expect(left.data).toEqual([String(oldTag)]); // it stays signed until it is deleted
    expect((await from.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ enabled: false, leaving: true });

    expect((await to.call('DELETE', keysPath)).status).toBe(204);
    const after = await publishedBy(to);
    expect(after.dnskeys).toEqual({ keys: [String(newTag)], signers: [String(newTag)] });
    expect(faultIn([[newTag], [oldTag, newTag]], [there, after], [there, after])).toBeUndefined();
    await settle(to, name);
    expect((await publishedBy(to)).cds).toEqual([newTag]);
  });

  test('keeps its own keys as the other signer publishes them, and follows a rotation when the move is over', async () => {
    await using signers = await TwoSigners.open();
    const { to } = signers;
    await signers.crossPublish(to, signers.from);
    const [{ kmsKeyIdentity }] = await to.keys(name);
    await to.rotate(kmsKeyIdentity);
    await signers.pass(day);
    expect(await to.keys(name)).toMatchObject([{ version: 1 }]);
    for (const [method, path, body] of [
      ['POST', 'rollovers', {}],
      ['POST', 'keys', {}],
      ['DELETE', `keys/${(await to.keys(name))[0].key}`, undefined],
      ['PUT', '', { region: 'nl-01', policy: { keyType: 'ed25519' } }],
    ] as const) {
      const { status, body: answer } = await to.call(method, `/zones/${name}/dnssec/${path}`.replace(/\/$/, ''), body);
      expect([path, status, answer.message]).toEqual([path, 409, expect.stringContaining('another signer')]);
    }
    signers.setDs([]);
    expect((await to.call('DELETE', keysPath)).status).toBe(409); // ours is asked for, and not there yet
    signers.setDs([(await to.keys(name))[0].keyTag]);
    await signers.pass(2 * day);
    expect((await to.call('DELETE', keysPath)).status).toBe(204);
    expect(await to.keys(name)).toMatchObject([{ version: 1 }, { version: 2 }]);
  });

  test('is told which key of the other signer is missing, and refuses what cannot stand beside its own', async () => {
    await using world = await ManagedWorld.open();
    await makeSecure(world, name);
    const [{ dnskey }] = await world.keys(name);
    const put = (...foreignKeys: string[]) => world.call('PUT', keysPath, { foreignKeys });
    expect(await put(dnskey)).toMatchObject({ status: 400, body: { message: expect.stringContaining('key of ours') } });
    expect(await put('257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('both signers need the same') },
    });
    expect((await publishedBy(world)).dnskeys.keys).toHaveLength(1);
    expect((await world.call('GET', keysPath)).body).toMatchObject({ foreignKeys: [], removalWaitsFor: [] });
  });
});

describe('a zone whose key is adopted', () => {
  const policy = { region: 'nl-01', takeover: true };

  test('has its DS and its DNSKEY from the first version on, and nothing is asked to be removed', async () => {
    await using old = await ManagedWorld.open();
    await makeSecure(old, name);
    const [{ kmsKeyIdentity, keyTag }] = await old.keys(name);
    // The zone is taken down without its parent being asked, and set up again with the same key of the same KMS.
    await old.call('DELETE', `/zones/${name}`);
    await old.call('POST', '/zones', { zoneName: name });
    const put = (more: object) => old.call('PUT', `/zones/${name}/dnssec`, { ...policy, ...more });
    expect((await put({})).body.message).toContain('kmsKeyIdentity');
    old.parent.servers.b = [];
    expect((await put({ kmsKeyIdentity })).body.message).toContain('is seen somewhere');
    expect((await old.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ enabled: false });
    old.parent.servers.b = [keyTag];
    expect((await put({ kmsKeyIdentity })).status).toBe(200);
    const [key] = await old.keys(name);
    expect([key.keyTag, shownStates(key)]).toEqual([keyTag, 'oroo']);
    expect((await publishedBy(old)).cds).toEqual([keyTag]);
    const { body } = await old.call('GET', `/zones/${name}/dnssec/registrar`);
    expect(body.keys).toMatchObject([{ keyTag, action: 'keep' }]);
    await settle(old, name);
    expect(await old.faults(name)).toEqual([]);
  });

  test('leaves the ZSK that signed its data in the key set, until no resolver has data of it', async () => {
    await using old = await ManagedWorld.open();
    const { ksk, zsk, before } = await leftBehind(old);
    const more = { kmsKeyIdentity: ksk.kmsKeyIdentity, foreignKeys: [zsk.dnskey] };
    for (let count = 0; count < 2; count++)
      // the second call changes nothing
      expect((await old.call('PUT', `/zones/${name}/dnssec`, { ...policy, ...more })).status).toBe(200);
    const after = await publishedBy(old);
    expect(after.dnskeys.keys.toSorted()).toEqual(before.dnskeys.keys.toSorted());
    expect(after.data).toEqual([String(ksk.keyTag)]);
    expect(faultIn([[ksk.keyTag]], [before, after], [before, after])).toBeUndefined();
    const early = await old.call('DELETE', keysPath);
    expect(early).toMatchObject({ status: 409, body: { message: expect.stringContaining('not known to every') } });
    await settle(old, name);
    expect((await old.call('DELETE', keysPath)).status).toBe(204);
    expect((await publishedBy(old)).dnskeys.keys).toEqual([String(ksk.keyTag)]);
  });

  test('may have a KSK and a ZSK: nothing that resolvers hold changes, and both roll afterwards', async () => {
    await using old = await ManagedWorld.open();
    const { ksk, zsk, before } = await leftBehind(old);
    const named = { kmsKeyIdentity: ksk.kmsKeyIdentity, zskKmsKeyIdentity: zsk.kmsKeyIdentity };
    const put = (more: object = {}) => old.call('PUT', `/zones/${name}/dnssec`, { ...policy, ...named, ...more });
    for (let count = 0; count < 2; count++)
      // the second call changes nothing
      expect(await put()).toMatchObject({ status: 200, body: { ...named, policy: { keys: 'split' } } });
    const after = await publishedBy(old);
    expect([after.dnskeys.keys.toSorted(), after.dnskeys.signers, after.data, after.cds]).toEqual([
      before.dnskeys.keys.toSorted(),
      before.dnskeys.signers,
      before.data,
      before.cds,
    ]);
    expect((await old.keys(name)).map(shownStates)).toEqual(['o-oo', 'or--']);
    expect(faultIn([[ksk.keyTag]], [before, after], [before, after])).toBeUndefined();
    await settle(old, name);
    expect(await old.faults(name)).toEqual([]);
    for (const { kmsKeyIdentity } of [zsk, ksk]) {
      await old.rotate(kmsKeyIdentity);
      await settle(old, name);
    }
    expect(await old.keys(name)).toMatchObject([
      { role: 'zsk', version: 2 },
      { role: 'ksk', version: 2 },
    ]);
    expect(await old.faults(name)).toEqual([]);
  });

  test('is refused where the pair is none, or its KSK has no DS at some server of the parent', async () => {
    await using old = await ManagedWorld.open();
    await makeSecure(old, name, { keys: 'split' });
    const [ksk, zsk] = await old.keys(name);
    await old.call('DELETE', `/zones/${name}`);
    await old.call('POST', '/zones', { zoneName: name });
    const pair = { kmsKeyIdentity: ksk.kmsKeyIdentity, zskKmsKeyIdentity: zsk.kmsKeyIdentity };
    const refusals: [object, string][] = [
      [{ zskKmsKeyIdentity: zsk.kmsKeyIdentity }, 'name the KSK too'],
      [{ ...pair, zskKmsKeyIdentity: ksk.kmsKeyIdentity }, 'are two keys'],
      [{ ...pair, policy: { keys: 'csk' } }, 'has no ZSK'],
      [{ ...pair, policyName: 'default' }, 'has no ZSK'],
      [{ ...pair, foreignKeys: [zsk.dnskey] }, 'is a key of ours'],
      [{ kmsKeyIdentity: zsk.kmsKeyIdentity, zskKmsKeyIdentity: ksk.kmsKeyIdentity }, 'is seen nowhere'],
    ];
    for (const [body, message] of refusals) {
      const answer = await old.call('PUT', `/zones/${name}/dnssec`, { ...policy, ...body });
      expect([body, answer]).toEqual([
        body,
        { status: 400, body: expect.objectContaining({ message: expect.stringContaining(message) }) },
      ]);
    }
    old.parent.servers.b = [];
    const somewhere = await old.call('PUT', `/zones/${name}/dnssec`, { ...policy, ...pair });
    expect(somewhere.body.message).toContain('is seen somewhere');
    expect((await old.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ enabled: false });
  });

  test('is refused where its name servers have another DNSKEY RRset than the one that is to come', async () => {
    await using old = await ManagedWorld.open();
    await makeSecure(old, name, { keys: 'split' });
    const [ksk, zsk] = await old.keys(name);
    await old.call('DELETE', `/zones/${name}`);
    await old.call('POST', '/zones', { zoneName: name });
    const pair = { kmsKeyIdentity: ksk.kmsKeyIdentity, zskKmsKeyIdentity: zsk.kmsKeyIdentity };
    const put = (more: object = {}) => old.call('PUT', `/zones/${name}/dnssec`, { ...policy, ...pair, ...more });
    const both = [ksk.dnskey, zsk.dnskey].map((text: string) => rdataOf('DNSKEY', text));
    const other = '256 3 13 kXKkvWU3vGYfTJGl3qBd4qhiWp5aRs7YtkCJxD2d+t7KXqwahww5IgJtxJT2yFItlggazyfXqJEVOmMJ3qT0tQ==';
    const shown = (...dnskeys: Rdata[]) => ({ server: 'ns1.old.example.', dnskeys });
    old.elsewhere = [shown(...both), { ...shown(both[0]!), server: 'ns2.old.example.' }];
    expect((await put()).body.message).toContain(`ns2.old.example. does not publish key ${zsk.keyTag}`);
    old.elsewhere = [shown(...both, rdataOf('DNSKEY', other))];
    expect((await put()).body.message).toContain(`publishes key ${keyTagOf(rdataOf('DNSKEY', other))}`);
    expect((await old.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ enabled: false });
    old.elsewhere = [shown(...both, revokedDnskey(rdataOf('DNSKEY', ksk.dnskey)), rdataOf('DNSKEY', other))];
    expect((await put({ foreignKeys: [other] })).status).toBe(200);
    expect((await publishedBy(old)).dnskeys.keys).toHaveLength(3);
  });
});
