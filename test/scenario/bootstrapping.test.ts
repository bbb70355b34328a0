import { describe, expect, test } from 'vitest';
import { settle } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const child = 'boot.example.org';
const day = 86_400;

/** Lines of a zone at an owner, without the owner: the type and the rest. */
async function linesAt(world: ManagedWorld, zone: string, owner: string): Promise<string[]> {
  const lines = (await world.text(zone)).split('\n').map((line) => line.split('\t'));
  return lines.filter(([name]) => name === owner).map(([, , , type = '', rdata = '']) => `${type} ${rdata}`);
}

const signalsIn = async (world: ManagedWorld, zone: string, nameServer: string): Promise<string[]> =>
  (await linesAt(world, zone, `_dsboot.${child}._signal.${nameServer}.`)).filter((line) => line.startsWith('CD'));

async function eventsOf(world: ManagedWorld): Promise<string[]> {
  const { body } = await world.call('GET', `/zones/${child}/dnssec/events?limit=1000`);
  return (body as { kind: string }[]).map(({ kind }) => kind).filter((kind) => kind.startsWith('signals'));
}

/** Live until the child asks its parent for a DS, which does nothing yet. */
async function untilAsked(world: ManagedWorld): Promise<void> {
  world.isParentPrompt = false;
  await world.signedZone(child);
  const isAsking = async () => (await world.zone(child)).signing?.keys[0]?.records.ds?.state === 'rumoured';
  await world.until(child, isAsking);
}

describe('authenticated bootstrapping (RFC 9615)', () => {
  test('our name servers vouch for the CDS of a zone until its parent has a DS', async () => {
    await using world = await ManagedWorld.open();
    world.isParentPrompt = false;
    await world.signedZone('_signal.ns1.example.net', { keys: 'split' });
    await world.signedZone('example.net');
    await untilAsked(world);
    const own = (await linesAt(world, child, `${child}.`)).filter((line) => line.startsWith('CD'));
    expect(own.map((line) => line.split(' ')[0])).toEqual(['CDS', 'CDNSKEY']);
    expect(await signalsIn(world, '_signal.ns1.example.net', 'ns1.example.net')).toEqual(own);
    expect(await signalsIn(world, 'example.net', 'ns2.example.net')).toEqual(own);
    for (const zone of ['_signal.ns1.example.net', 'example.net', child]) expect(await world.faults(zone)).toEqual([]);
    expect(await eventsOf(world)).toEqual(['signals-published']);

    const versions = (await world.zone('example.net')).version;
    await world.pass(child, day / 8);
    expect((await world.zone('example.net')).version).toBe(versions);

    world.isParentPrompt = true;
    await settle(world, child);
    expect(await signalsIn(world, '_signal.ns1.example.net', 'ns1.example.net')).toEqual([]);
    expect(await signalsIn(world, 'example.net', 'ns2.example.net')).toEqual([]);
    expect(await eventsOf(world)).toEqual(['signals-published', 'signals-removed']);
  });

  test('signals are data of the zone that holds them: they are signed anew when its keys roll', async () => {
    await using world = await ManagedWorld.open();
    world.isParentPrompt = false;
    const holder = '_signal.ns1.example.net';
    await world.signedZone(holder, { keys: 'split' });
    await untilAsked(world);
    const owner = `_dsboot.${child}._signal.ns1.example.net.`;
    const signersOf = async () =>
      (await linesAt(world, holder, owner))
        .filter((line) => line.startsWith('RRSIG CD'))
        .map((line) => Number(line.split(' ')[7]));
    const tagOf = async (role: string, version: number): Promise<number> =>
      (await world.keys(holder)).find((key) => key.role === role && key.version === version).keyTag;
    const first = await tagOf('zsk', 1);
    expect(await signersOf()).toEqual([first, first]);
    const [, zsk] = await world.keys(holder);
    await world.rotate(zsk.kmsKeyIdentity);
    const isRolled = async () => (await world.keys(holder)).every((key) => key.role !== 'zsk' || key.version === 2);
    await world.until(holder, isRolled);
    const second = await tagOf('zsk', 2);
    expect(await signersOf()).toEqual([second, second]);
    expect(await world.faults(holder)).toEqual([]);
  });

  test('a zone that is deleted leaves no signals behind', async () => {
    await using world = await ManagedWorld.open();
    await world.signedZone('example.net');
    await untilAsked(world);
    expect(await signalsIn(world, 'example.net', 'ns1.example.net')).toHaveLength(2);
    expect((await world.call('DELETE', `/zones/${child}`)).status).toBe(204);
    expect(await world.text('example.net')).not.toContain('_signal');
  });

  test('a zone that names the server of another writes nothing into its zone', async () => {
    await using world = await ManagedWorld.open();
    await world.signedZone('other.net');
    await world.call('POST', '/zones', { zoneName: child });
    const ns = { action: 'put', name: '@', type: 'NS', values: ['ns.other.net'] };
    const { status } = await world.call('POST', `/zones/${child}/changes`, { changes: [ns] });
    expect(status).toBe(200);
    await untilAsked(world);
    await world.pass(child, day / 8);
    expect(await world.text('other.net')).not.toContain('_signal');
    expect(await eventsOf(world)).toEqual([]);
  });

  test('a zone that holds no signals because it is not signed is left alone', async () => {
    await using world = await ManagedWorld.open();
    await world.call('POST', '/zones', { zoneName: 'example.net' });
    await untilAsked(world);
    const { body } = await world.call('GET', '/zones/example.net/export?signed=true');
    expect(body.zoneFile).not.toContain('_signal');
    expect(await eventsOf(world)).toEqual([]);
  });
});
