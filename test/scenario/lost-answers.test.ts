import { expect, test } from 'vitest';
import { makeSecure } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';

const name = 'lost.example';
const once = { 'idempotency-key': 'once' };

/** Ports whose next write, or rotation of a key, is done and then not told of, as where a crash comes between. */
function losing(ports: ZonePorts, isLost: (what: 'publish' | 'note' | 'rotate') => boolean): ZonePorts {
  const after = async <Result>(what: 'publish' | 'note' | 'rotate', done: Promise<Result>): Promise<Result> => {
    const result = await done;
    if (isLost(what)) throw new Error(`the answer to ${what} was lost`);
    return result;
  };
  const { store } = ports;
  return {
    ...ports,
    store: {
      ...store,
      publish: (change) => after('publish', store.publish(change)),
      noteSigning: (zone, news) => after('note', store.noteSigning(zone, news)),
    },
    keyMaker: (...args) => {
      const maker = ports.keyMaker(...args);
      return { ...maker, rotateKey: (...rotated) => after('rotate', maker.rotateKey(...rotated)) };
    },
  };
}

async function open(): Promise<{ world: ManagedWorld; lose: (what: string) => void }> {
  let lost: string | undefined;
  const wrap = (ports: ZonePorts) =>
    losing(ports, (what) => {
      const isLost = what === lost;
      if (isLost) lost = undefined;
      return isLost;
    });
  const world = await ManagedWorld.open({ wrap });
  return { world, lose: (what) => (lost = what) };
}

test('a change whose answer was lost in a crash is not made again by the same request', async () => {
  const { world, lose } = await open();
  await using _ = world;
  await makeSecure(world, name);
  const { version } = await world.zone(name);
  const body = { changes: [{ action: 'create', name: 'new', type: 'A', values: ['192.0.2.1'] }] };
  lose('publish');
  expect((await world.call('POST', `/zones/${name}/changes`, body, once)).status).toBe(500);
  await world.restart();
  const again = await world.call('POST', `/zones/${name}/changes`, body, once);
  expect(again).toMatchObject({ status: 200, body: { version: version + 1, records: [{ name: 'new' }] } });
  expect((await world.zone(name)).version).toBe(version + 1);
});

test('a rollover that was lost after the KMS made a version goes on with that version', async () => {
  const { world, lose } = await open();
  await using _ = world;
  await makeSecure(world, name);
  lose('rotate');
  expect((await world.call('POST', `/zones/${name}/dnssec/rollovers`, {}, once)).status).toBe(500);
  await world.restart();
  for (let count = 0; count < 2; count++)
    expect((await world.call('POST', `/zones/${name}/dnssec/rollovers`, {}, once)).status).toBe(200);
  expect((await world.keys(name)).map(({ version }) => version)).toEqual([1, 2]);
});

test('steps that were allowed and not told of are not followed by others', async () => {
  const { world, lose } = await open();
  await using _ = world;
  await makeSecure(world, name, { approval: true });
  await world.call('POST', `/zones/${name}/dnssec/rollovers`, {});
  lose('note');
  expect((await world.call('POST', `/zones/${name}/dnssec/approve`, undefined, once)).status).toBe(500);
  await world.pass(name, 86_400);
  const states = (await world.keys(name)).map(({ records }) => records);
  const waiting = (await world.keys(name)).flatMap((key) => key.waiting).filter(({ kind }) => kind === 'human');
  expect(waiting.length).toBeGreaterThan(0);
  expect((await world.call('POST', `/zones/${name}/dnssec/approve`, undefined, once)).status).toBe(200);
  await world.pass(name, 60);
  expect((await world.keys(name)).map(({ records }) => records)).toEqual(states);
});
