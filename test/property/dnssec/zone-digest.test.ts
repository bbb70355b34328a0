import { array, assert, asyncProperty, constantFrom, record } from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManagedWorld } from '#test/support/managed-world.ts';

const values: Readonly<Record<string, string>> = {
  A: '192.0.2.1',
  TXT: 'text',
  NS: 'ns.example.net',
  DS: `1 13 2 ${'00'.repeat(32)}`,
  DNAME: 'elsewhere.example.net',
};
const label = constantFrom('a', 'b', '*', 'B', 'zz');
const name = array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const change = record({
  name,
  type: constantFrom(...Object.keys(values)),
  action: constantFrom('put', 'put', 'delete'),
});
const script = array(array(change, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 });

const runs = Math.ceil(Number(process.env['ZONESEAL_PROPERTY_RUNS'] ?? 400) / 40);
let world: ManagedWorld;
let zones = 0;

beforeAll(async () => {
  world = await ManagedWorld.open({ isTold: true });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Find the ZONEMD that a zone publishes, as words of its RDATA. */
function zonemdsIn(text: string): string[][] {
  return text.split('\n').flatMap((line) => {
    const [, , , type, ...rdata] = line.split(/\s+/);
    return type === 'ZONEMD' ? [rdata] : [];
  });
}

test.each([
  ['NSEC', { denial: 'nsec' }],
  ['NSEC3', { denial: 'nsec3' }],
  ['NSEC3 with opt-out', { denial: 'nsec3', optOut: true }],
])('with %s, after any changes the digest is that of the whole zone as it is published', async (_kind, policy) => {
  await assert(
    asyncProperty(script, async (steps) => {
      const zone = `z${zones++}.example`;
      await world.signedZone(zone, { ...policy, zonemd: true });
      for (const changes of steps) {
        for (const { name: owner, type, action } of changes) {
          // What a zone cannot hold is refused, and leaves the version before it.
          await world.call('POST', `/zones/${zone}/changes`, {
            changes: [{ action, name: owner, type, ...(action === 'put' ? { values: [values[type]] } : {}) }],
          });
        }
        const { serial } = await world.zone(zone);
        expect(zonemdsIn(await world.text(zone))).toEqual([[String(serial), '1', '1', expect.any(String)]]);
        expect(await world.faults(zone)).toEqual([]);
      }
    }),
    { numRuns: runs },
  );
});
