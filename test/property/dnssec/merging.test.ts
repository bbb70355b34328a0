import { array, assert, asyncProperty, boolean, constantFrom, record, tuple } from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { publishMerged } from '#dnssec/operations/zones/merge-contents.ts';
import { readWanted } from '#dnssec/operations/zones/wanted-contents.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const rdatas: Readonly<Record<string, readonly string[]>> = {
  A: ['192.0.2.1', '192.0.2.2'],
  TXT: ['"one"', '"two"'],
  NS: ['ns.example.net.', 'ns.a'],
  DS: [`1 13 2 ${'00'.repeat(32)}`],
  DNAME: ['elsewhere.example.net.'],
};
const label = constantFrom('a', 'b', '*', 'B', 'zz');
const line = record({
  owner: array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.')),
  ttl: constantFrom(60, 60, 300),
  data: constantFrom(...Object.entries(rdatas).flatMap(([type, texts]) => texts.map((text) => `${type} ${text}`))),
}).map(({ owner, ttl, data }) => `${owner} ${ttl} ${data}\n`);
const file = array(line, { maxLength: 12 }).map((lines) => lines.join(''));

const runs = Math.ceil(Number(process.env['ZONESEAL_PROPERTY_RUNS'] ?? 400) / 20);
const name = 'merged.example';
let world: ManagedWorld;

beforeAll(async () => {
  world = await ManagedWorld.open({ isTold: true });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Bring a file into the zone. @param mostEdits beyond which it is made anew; @returns what it came to, or why it is refused */
async function merge(text: string, isReplacing: boolean, mostEdits: number): Promise<object | string> {
  const zone = await world.zone(name);
  const pieces = (async function* () {
    yield new TextEncoder().encode(text);
  })();
  const wanted = await readWanted(pieces, apexOf(zone));
  try {
    const { counts } = await publishMerged(world.ports, zone, { wanted, isReplacing, mostEdits }, { reason: 'test' });
    return counts;
  } catch (error) {
    if (error instanceof DnssecError && error.code === 'zone-invalid') return 'zone-invalid';
    throw error;
  }
}

/** The zone as it is published, in any order, without what differs between two versions of the same contents. */
async function published(): Promise<string[]> {
  const lines = (await world.text(name)).trim().split('\n');
  return lines.filter((one) => !/\t(?:SOA|RRSIG|ZONEMD)\t/.test(one)).toSorted();
}

async function records(): Promise<object[]> {
  const { body } = await world.call('GET', `/zones/${name}/records`);
  return (body as Record<string, unknown>[]).map((one) => ({ ...one, identity: '', createdAt: '', updatedAt: '' }));
}

test.each([
  ['NSEC', { denial: 'nsec' }],
  ['NSEC3', { denial: 'nsec3' }],
  ['NSEC3 with opt-out', { denial: 'nsec3', optOut: true }],
  ['NSEC and a digest', { denial: 'nsec', zonemd: true }],
])('with %s, what comes in gives the same zone as a change and as a zone made anew', async (_kind, policy) => {
  await world.call('POST', '/zones', { zoneName: name });
  await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policy });
  await assert(
    asyncProperty(tuple(file, file, boolean()), async ([before, text, isReplacing]) => {
      if ((await merge(before, true, 1000)) === 'zone-invalid') return;
      const start = await published();
      const asChange = await merge(text, isReplacing, 1000);
      const [changed, shown] = [await published(), await records()];
      await merge(before, true, 0);
      expect(await published()).toEqual(start);
      expect(await merge(text, isReplacing, 0)).toEqual(asChange);
      expect(await published()).toEqual(changed);
      expect(await records()).toEqual(shown);
      expect(await world.faults(name)).toEqual([]);
    }),
    { numRuns: runs },
  );
  await world.call('DELETE', `/zones/${name}`);
});
