import { describe, expect, test } from 'vitest';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { makeSecure, settle, shownStates } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'rolling.example';
const day = 86_400;

describe('a managed zone whose KMS key is rotated', () => {
  test('goes secure, rolls its CSK over, and goes insecure, with a chain of trust at every instant', async () => {
    await using world = await ManagedWorld.open();
    await world.signedZone(name);
    expect(await world.faults(name)).toEqual([]);
    expect(await world.text(name)).not.toContain('CDS');
    await settle(world, name);
    expect(await world.text(name)).toContain('CDS');
    const [first] = await world.keys(name);

    await world.rotate(first.kmsKeyIdentity);
    await world.tend(name);
    const [old, successor] = await world.keys(name);
    expect(shownStates(old)).toBe('oooo');
    expect(shownStates(successor)).toBe('rhrh');
    expect(successor).toMatchObject({ version: 2, predecessor: old.key, goal: 'omnipresent' });
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 2 }]);
    expect(await world.faults(name)).toEqual([]);

    expect((await world.call('DELETE', `/zones/${name}/dnssec`)).status).toBe(204);
    await world.observe(name);
    await world.until(name, async () => (await world.zone(name)).signing === undefined);
    expect(await world.text(name)).not.toMatch(/RRSIG|DNSKEY|CDS/);
    await world.pass(name, 3 * day);
  });

  test.each(['double-ksk', 'double-ds'])('rolls a KSK by %s and a ZSK, also both at once', async (kskRollover) => {
    await using world = await ManagedWorld.open();
    await makeSecure(world, name, { keys: 'split', kskRollover });
    const [ksk, zsk] = await world.keys(name);
    expect([shownStates(ksk), shownStates(zsk)]).toEqual(['o-oo', 'oo--']);
    await world.rotate(zsk.kmsKeyIdentity);
    await settle(world, name);
    await world.rotate(ksk.kmsKeyIdentity);
    await settle(world, name);
    await world.rotate(zsk.kmsKeyIdentity);
    await world.rotate(ksk.kmsKeyIdentity);
    await settle(world, name);
    const keys = await world.keys(name);
    expect(keys.map(({ role, version }) => `${role} ${version}`).toSorted()).toEqual(['ksk 3', 'zsk 3']);
    expect(await world.faults(name)).toEqual([]);
  });

  test('a rotation in the middle of a rollover goes on to the newest version', async () => {
    await using world = await ManagedWorld.open();
    await makeSecure(world, name);
    const [{ kmsKeyIdentity }] = await world.keys(name);
    await world.rotate(kmsKeyIdentity);
    await world.pass(name, 4 * 3600);
    await world.rotate(kmsKeyIdentity);
    await world.pass(name, day / 2);
    await world.rotate(kmsKeyIdentity);
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 4 }]);
  });
});

describe('a managed zone whose policy asks for other keys', () => {
  test('goes over to another algorithm, and to split keys and back', async () => {
    await using world = await ManagedWorld.open();
    await makeSecure(world, name);
    const put = async (policy: object): Promise<void> => {
      const { status } = await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policy });
      expect(status).toBe(200);
      await world.observe(name);
      await settle(world, name);
      expect(await world.faults(name)).toEqual([]);
    };
    await put({ keyType: 'ed25519' });
    expect(await world.keys(name)).toMatchObject([{ role: 'csk', algorithm: 15 }]);
    await put({ keys: 'split' });
    expect(await world.keys(name)).toMatchObject([
      { role: 'ksk', algorithm: 15 },
      { role: 'zsk', algorithm: 15 },
    ]);
    await put({ keys: 'csk', keyType: 'ecdsa-p256', denial: 'nsec3' });
    expect(await world.keys(name)).toMatchObject([{ role: 'csk', algorithm: 13 }]);
  });

  test('turns back to its old keys when it changes its mind half-way', async () => {
    await using world = await ManagedWorld.open();
    await makeSecure(world, name);
    const put = (policy: object) => world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policy });
    await put({ keyType: 'ed25519' });
    await world.pass(name, day / 2);
    expect(await world.keys(name)).toHaveLength(2);
    await put({ keyType: 'ecdsa-p256' });
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ algorithm: 13, version: 1 }]);
  });

  test('stays signed when it is switched on again before the parent has let go', async () => {
    await using world = await ManagedWorld.open();
    await makeSecure(world, name);
    await world.call('DELETE', `/zones/${name}/dnssec`);
    await world.pass(name, 2 * 3600);
    expect((await world.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ enabled: false, leaving: true });
    await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01' });
    expect((await world.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ enabled: true });
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 1 }]);
  });

  test('is not unsigned while the parent has a DS, be it one that nobody told of or of a key that it never had', async () => {
    await using world = await ManagedWorld.open();
    world.isParentPrompt = false;
    await world.signedZone(name);
    const [{ keyTag, records }] = await world.keys(name);
    await world.pass(name, 5000); // safe for resolvers, and sooner than the service asks for it
    expect(records.ds.state).toBe('hidden');
    for (const server of ['a', 'b'] as const) await world.setDs(name, server, [keyTag]);
    await world.call('DELETE', `/zones/${name}/dnssec`);
    await world.observe(name);
    expect((await world.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ leaving: true, dsDelegated: true });
    world.parent.foreign = [parseRdataText(rrTypes.DS, `1 13 2 ${'00'.repeat(32)}`)];
    for (const server of ['a', 'b'] as const) await world.setDs(name, server, []);
    await world.pass(name, 3 * day);
    const { body } = await world.call('GET', `/zones/${name}/dnssec`);
    expect(body).toMatchObject({ leaving: true, foreignDsRecords: [expect.stringMatching(/^1 13 2 0+$/)] });
    const { body: events } = await world.call('GET', `/zones/${name}/dnssec/events?limit=1000`);
    expect(events.filter(({ kind }: { kind: string }) => kind === 'parent-unexpected')).toHaveLength(2);
    expect(body).not.toHaveProperty('parentValidated');
    for (const isValidated of [true, false]) {
      world.parent.isValidated = isValidated;
      await world.pass(name, 2 * 3600);
      const status = (await world.call('GET', `/zones/${name}/dnssec`)).body;
      expect(status).toMatchObject({ parentValidated: isValidated });
    }
    world.parent.isReachable = false;
    world.parent.isValidated = undefined;
    await world.pass(name, 3 * day);
    const unasked = (await world.call('GET', `/zones/${name}/dnssec`)).body;
    expect(unasked).not.toHaveProperty('parentValidated');
    expect(unasked).toMatchObject({
      leaving: true,
      foreignDsRecords: [expect.any(String)],
      parentProblems: ['no server of the parent can be reached'],
    });
    world.parent.isReachable = true;
    world.parent.foreign = [];
    await world.pass(name, 2 * 3600);
    expect((await world.zone(name)).signing).toBeUndefined();
    await world.observe(name);
  });
});
