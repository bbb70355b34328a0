import { array, assert, constantFrom, integer, property, record, string, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { octetsFrom } from '#lib/octets.ts';
import type { Name } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';
import { packDifferences, unpackDifferences } from '#dnssec/adapters/store/packed-differences.ts';

const runs = Number(process.env['ZONESEAL_PROPERTY_RUNS'] ?? 400);
const octets = (maxLength: number) => uint8Array({ maxLength }).map((bytes) => octetsFrom(bytes));
const contents = array(
  record({
    identity: string(),
    name: string({ unit: 'binary' }),
    values: array(string({ unit: 'grapheme' })),
    createdAt: integer(),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Records some of which share the contents of one RRset. */
const records = contents.chain((known) =>
  array(
    record(
      {
        owner: octets(255).map((owner) => owner as string as Name),
        type: integer({ min: 0, max: 0xffff }),
        ttl: integer({ min: 0, max: 0xffffffff }),
        rdata: octets(300).map((rdata) => rdata as Rdata),
        content: constantFrom(...known),
      },
      { requiredKeys: ['owner', 'type', 'ttl', 'rdata'] },
    ),
  ),
);

test('differences come back from their octets as they were', () => {
  assert(
    property(records, records, (removed, added) => {
      expect(unpackDifferences(packDifferences({ removed, added }))).toEqual({ removed, added });
    }),
    { numRuns: runs },
  );
});
