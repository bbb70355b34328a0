import { expect, test } from 'vitest';
import { type RunApart, wholeZoneWork } from '#dnssec/operations/zones/apart.ts';
import { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { makeSecure } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'large.example';

/** Take every zone for a large one, and do what is to be done apart as another thread would: with locks of its own. */
function apartFrom(verbs: string[]): (ports: ZonePorts) => ZonePorts {
  return (ports) => {
    const store = { ...ports.store, hasMoreRRsets: async () => true };
    const apart = { ...ports, store, locks: new ZoneLocks() };
    const runApart = (async (verb: keyof typeof wholeZoneWork, args: readonly unknown[]) => {
      verbs.push(verb);
      return (wholeZoneWork[verb] as (...all: unknown[]) => Promise<unknown>)(apart, ...args);
    }) as RunApart;
    return { ...ports, store, runApart };
  };
}

test('all that goes through a whole zone is done apart when the zone is large', async () => {
  const verbs: string[] = [];
  await using world = await ManagedWorld.open({ wrap: apartFrom(verbs) });
  const taken = () => verbs.splice(0);
  await world.call('PUT', '/policies/p', {});
  await makeSecure(world, name, undefined, { policyName: 'p' });
  expect(taken()).toEqual(['enableSigning']);

  await world.call('PUT', '/policies/p', { denial: 'nsec3' });
  await world.call('PUT', `/zones/${name}/dnssec?dryRun=true`, { region: 'nl-01', policyName: 'p' });
  expect(taken()).toEqual(['previewSigning']);
  expect((await world.call('POST', '/policies/p/apply?dryRun=true')).body.zones).toHaveLength(1);
  expect(taken()).toEqual(['previewSigning']);
  await world.call('POST', '/policies/p/apply');
  expect(taken()).toEqual(['previewSigning', 'enableSigning']);
  expect(await world.text(name)).toContain('\tNSEC3\t');
  expect(taken()).toEqual(['printZone']);

  await world.call('DELETE', `/zones/${name}/dnssec`);
  expect(taken()).toEqual(['disableSigning']);
  await world.until(name, async () => (await world.zone(name)).signing === undefined);
  expect(taken()).toEqual(['unsign']);
  expect(await world.text(name)).not.toContain('RRSIG');
});
