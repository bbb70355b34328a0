import { expect, test } from 'vitest';
import { defaultPolicy, type ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { startTtls } from '#dnssec/core/rollover/ttl-history.ts';
import { summariseZones } from '#dnssec/operations/zones/summarise-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

const now = 1_800_000_000;
const signing = { policy: defaultPolicy, ttls: startTtls() } as unknown as ZoneSigning;
const zone = (name: string, more: Partial<ManagedZone> = {}) => ({ name, ...more }) as ManagedZone;
const summary = (...zones: ManagedZone[]) =>
  summariseZones(
    { store: { listZones: async () => zones }, clock: { now: () => now * 1000 } } as unknown as ZonePorts,
    { authorization: 'Bearer x', organisation: 'o' },
  );

test('the zone that runs out first is told, and those that have little left, the shortest first', async () => {
  const day = 86_400;
  const failing = { ...signing, lastSignError: 'the KMS is away' };
  const found = await summary(
    zone('fresh', { signing, refreshAt: now + 5 * day }),
    zone('late', { signing: failing, refreshAt: now - 3 * day }),
    zone('over', { signing: failing, refreshAt: now - 9 * day }),
    zone('plain'),
  );
  expect(found).toMatchObject({ total: 4, signed: 3, failing: 2, lowCount: 2 });
  expect(found.low.map(({ zone: { name } }) => name)).toEqual(['over', 'late']);
  expect(found.shortest?.zone.name).toBe('over');
  expect(found.shortest?.seconds).toBeLessThan(0);
});

test('without signed zones there is no runway', async () => {
  expect(await summary(zone('plain'))).toEqual({ total: 1, signed: 0, failing: 0, low: [], lowCount: 0 });
});
