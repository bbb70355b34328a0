import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { changeRecords } from '#dnssec/operations/zones/change-records.ts';
import { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'changed.example';
const caller = { authorization: '', organisation: 'o-default' };

let world: ManagedWorld;
let made = 0;
/** What was asked of the store and the KMS, in order. */
const log: string[] = [];
/** Done once, before a zone is published. */
let meddle: (() => Promise<void>) | undefined;

/** Ports that write down what goes through them. */
function watched(ports: ZonePorts): ZonePorts {
  const { store } = ports;
  return {
    ...ports,
    store: {
      ...store,
      getZone(id) {
        log.push('read');
        return store.getZone(id);
      },
      async publish(change) {
        const once = meddle;
        meddle = undefined;
        await once?.();
        log.push('publish');
        return store.publish(change);
      },
    },
    serviceSigner(zone, region) {
      const signer = ports.serviceSigner(zone, region);
      return {
        ...signer,
        sign(batch) {
          log.push('sign');
          return signer.sign(batch);
        },
      };
    },
  };
}

function add(ports = watched(world.ports)): Promise<unknown> {
  const record = { name: `host-${++made}`, type: 'A', values: ['192.0.2.1'] };
  return changeRecords(ports, caller, name, [{ action: 'create', record }], { reason: 'test' });
}

beforeAll(async () => {
  world = await ManagedWorld.open();
  await world.signedZone(name);
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => {
  log.length = 0;
});

test('a change of a zone that nobody else changes reads it once, with who asks', async () => {
  await add();
  expect(log).toEqual(['sign', 'publish']);
});

test('changes of a zone at one time are made one on top of the other, and none is signed in vain', async () => {
  const { version } = await world.zone(name);
  const ports = watched(world.ports);
  await Promise.all([add(ports), add(ports), add(ports)]);
  expect(log).toEqual(['sign', 'publish', 'read', 'sign', 'publish', 'read', 'sign', 'publish']);
  expect((await world.zone(name)).version).toBe(version + 3);
  expect(await world.faults(name)).toEqual([]);
});

test('a change that another process comes before is made anew on what that one left', async () => {
  const { version } = await world.zone(name);
  meddle = async () => void (await add({ ...world.ports, locks: new ZoneLocks() }));
  await add();
  expect(log).toEqual(['sign', 'publish', 'read', 'sign', 'publish']);
  expect((await world.zone(name)).version).toBe(version + 2);
  expect(await world.text(name)).toContain(`host-${made}`);
  expect(await world.text(name)).toContain(`host-${made - 1}`);
  expect(await world.faults(name)).toEqual([]);
});
