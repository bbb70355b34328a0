import { expect, test } from 'vitest';
import { octetsOf } from '#lib/octets.ts';
import { parseName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { makeSecure } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'small.example';

const watchedCalls: Readonly<Record<string, string>> = {
  readSmallZone: 'read',
  getZone: 'read zone',
  readRRsets: 'read RRsets',
  dueRRsets: 'read due',
  publish: 'publish',
  noteSigning: 'note',
  sign: 'sign',
};

/** Ports that write down what is asked of the store and the KMS. */
function watched(ports: ZonePorts, log: string[], before: (what: string) => Promise<void>): ZonePorts {
  const noting = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, property) {
        const call: unknown = Reflect.get(target, property);
        const what = watchedCalls[String(property)];
        if (what === undefined || typeof call !== 'function') return call;
        return async (...args: unknown[]) => {
          await before(what);
          log.push(what);
          return Reflect.apply(call, target, args) as unknown;
        };
      },
    });
  return {
    ...ports,
    store: noting(ports.store),
    serviceSigner: (zone, region) => noting(ports.serviceSigner(zone, region)),
  };
}

async function openWatched() {
  const log: string[] = [];
  let meddle: ((what: string) => Promise<void>) | undefined;
  const wrap = (ports: ZonePorts) => watched(ports, log, async (what) => meddle?.(what));
  const world = await ManagedWorld.open({ wrap, isTold: true });
  await makeSecure(world, name);
  return { world, log, meddleWith: (work: typeof meddle) => (meddle = work) };
}

test('a small zone is read once and written once when its signatures are renewed', async () => {
  const { world, log } = await openWatched();
  await using _ = world;
  const { refreshAt = 0, version } = await world.zone(name);
  world.clock.advance(refreshAt - world.now);
  const { id } = await world.zone(name);
  log.length = 0;
  await world.tend(name);
  expect(log.filter((what) => what !== 'read RRsets')).toEqual(['read', 'sign', 'publish']); // the test reads RRsets itself
  expect(await world.faults(name)).toEqual([]);
  const after = await world.ports.store.getZone(id);
  expect(after.version).toBe(version + 1);
  expect(after.dueAt).toBeGreaterThan(world.now);
  expect(after.refreshAt).toBe(await world.ports.store.firstRefresh(id));
});

test('a new version of a key is taken up and published in one transaction', async () => {
  const { world, log } = await openWatched();
  await using _ = world;
  const [{ kmsKeyIdentity }] = await world.keys(name);
  await world.rotate(kmsKeyIdentity);
  log.length = 0;
  await world.tend(name);
  expect(log.filter((what) => what === 'publish' || what === 'note')).toEqual(['publish']);
  const events = await world.ports.store.listEvents((await world.zone(name)).id, 100);
  expect(events.map(({ kind }) => kind)).toContain('rollover-started');
  expect(await world.faults(name)).toEqual([]);
});

test('what somebody else writes in between is kept, and all is done again on top of it', async () => {
  const { world, log, meddleWith } = await openWatched();
  await using _ = world;
  const { refreshAt = 0 } = await world.zone(name);
  const [{ kmsKeyIdentity }] = await world.keys(name);
  await world.rotate(kmsKeyIdentity);
  world.clock.advance(refreshAt - world.now);
  let isDone = false;
  meddleWith(async (what) => {
    if (what !== 'publish' || isDone) return;
    isDone = true;
    // Of another process, which does not know who is at work in this one.
    const rrset = {
      owner: parseName(`new.${name}.`),
      type: rrTypes.A,
      ttl: 60,
      rdatas: [octetsOf(192, 0, 2, 99) as Rdata],
    };
    const edits = [{ owner: rrset.owner, type: rrset.type, after: { rrset } }];
    const other = { ...world.ports, locks: new ZoneLocks() };
    await publishVersion(other, (await world.zone(name)).id, { reason: 'a change' }, async () => ({ edits }));
  });
  log.length = 0;
  await world.tend(name);
  expect(isDone).toBe(true);
  expect(log.filter((what) => what === 'read').length).toBeGreaterThan(1);
  expect(await world.text(name)).toContain('192.0.2.99');
  expect(await world.faults(name)).toEqual([]);
  expect((await world.keys(name)).map(({ version }) => version)).toEqual([1, 2]);
  expect((await world.zone(name)).dueAt).toBeGreaterThan(world.now);
});

test('renewed signatures are published before the KMS is asked for anything else', async () => {
  const { world, log } = await openWatched();
  await using _ = world;
  const { refreshAt = 0 } = await world.zone(name);
  const [{ kmsKeyIdentity }] = await world.keys(name);
  world.clock.advance(refreshAt - world.now);
  await world.rotate(kmsKeyIdentity);
  log.length = 0;
  await world.tend(name);
  const order = log.filter((what) => what === 'sign' || what === 'publish');
  expect(order.slice(0, 2)).toEqual(['sign', 'publish']);
  expect(order.slice(2)).toContain('sign');
});

test('what was published before something fails stays published', async () => {
  const { world, log, meddleWith } = await openWatched();
  await using _ = world;
  const { refreshAt = 0, version } = await world.zone(name);
  const [{ kmsKeyIdentity }] = await world.keys(name);
  world.clock.advance(refreshAt - world.now);
  await world.rotate(kmsKeyIdentity);
  let signings = 0;
  meddleWith(async (what) => {
    if (what === 'sign' && ++signings > 1) throw new Error('the KMS is away');
  });
  log.length = 0;
  expect(await world.tryToTend(name)).toBe('the KMS is away');
  expect(log).toContain('publish');
  expect((await world.zone(name)).version).toBe(version + 1);
  expect(await world.faults(name)).toEqual([]);
});
