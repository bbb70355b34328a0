import { expect, test } from 'vitest';
import { changeRecords } from '#dnssec/operations/zones/change-records.ts';
import { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';
import { testToken } from '#test/support/zoneseal.ts';

const name = 'whole.example';
const count = 2300;
const lines = Array.from({ length: count }, (_, index) => `N${index}.Deep 60 A 192.0.2.${index % 250}\n`);

/** Let somebody else come first, once, when a whole zone is about to be published. */
function overtakenBy(change: (ports: ZonePorts) => Promise<unknown>): (ports: ZonePorts) => ZonePorts {
  let isOver = false;
  return (ports) => {
    const stage: ZonePorts['store']['stage'] = (now) => {
      const staged = ports.store.stage(now);
      return {
        ...staged,
        async publish(version) {
          if (!isOver) {
            isOver = true;
            await change({ ...ports, locks: new ZoneLocks() }); // as another process does
          }
          await staged.publish(version);
        },
      };
    };
    return { ...ports, store: { ...ports.store, stage } };
  };
}

async function makeZone(world: ManagedWorld): Promise<void> {
  await world.call('POST', '/zones', { zoneName: name });
  const { body } = await world.call('POST', `/zones/${name}/import`, { zoneFile: lines.join('') });
  expect(body).toMatchObject({ created: count });
}

/** Sweep what was left behind. @returns how many rounds of 100 rows that took */
async function swept(world: ManagedWorld): Promise<number> {
  let rounds = 0;
  while (await world.ports.store.sweep(world.now, 100)) rounds += 1;
  return rounds;
}

test('a whole zone is signed with what another process changed meanwhile', async () => {
  const caller = { authorization: `Bearer ${testToken}`, organisation: 'o-default' };
  const record = { name: 'late', type: 'TXT', values: ['came in between'] };
  const change = (ports: ZonePorts) =>
    changeRecords(ports, caller, name, [{ action: 'create', record }], { reason: 'another process' });
  await using world = await ManagedWorld.open({ isTold: true, wrap: overtakenBy(change) });
  await makeZone(world);
  const before = (await world.call('GET', `/zones/${name}/records`)).body;
  expect((await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01' })).status).toBe(200);
  expect(await world.faults(name)).toEqual([]);
  expect(await world.text(name)).toContain('came in between');
  const after: { name: string }[] = (await world.call('GET', `/zones/${name}/records`)).body;
  expect(after.filter((one) => one.name !== 'late')).toEqual(before);
  expect(await world.text(name)).toContain('N7.Deep.whole.example.\t60\tIN\tA\t192.0.2.7\n');
  const versions = (await world.call('GET', `/zones/${name}/versions`)).body;
  expect(versions.map(({ reason }: { reason: string }) => reason).slice(0, 2)).toEqual([
    'signing switched on',
    'another process',
  ]);
  expect(await swept(world)).toBeGreaterThan(count / 100);
  expect(await world.faults(name)).toEqual([]);
});

test('a KMS that fails in the middle leaves the version before, and nothing for good of what was made', async () => {
  await using world = await ManagedWorld.open({ isTold: true });
  await makeZone(world);
  const before = await world.zone(name);
  const text = await world.text(name);
  let calls = 0;
  world.spoil = (url) => (/\/sign/.test(url) && ++calls > 8 ? { status: 503 } : undefined);
  const refused = await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01' });
  expect([refused.status, refused.body.code]).toEqual([503, 'kms-unavailable']);
  expect(calls).toBeGreaterThan(8);
  expect([await world.zone(name), await world.text(name)]).toEqual([before, text]);
  expect(await swept(world)).toBeGreaterThanOrEqual(10);
  expect(await world.text(name)).toBe(text);
  world.spoil = undefined;
  expect((await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01' })).status).toBe(200);
  expect(await world.faults(name)).toEqual([]);
});
