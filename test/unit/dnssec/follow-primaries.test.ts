import { expect, test } from 'vitest';
import type { ResourceRecord } from '#dns/rrset.ts';
import { gatherParts } from '#dnssec/operations/zones/follow-primaries.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';

const apex = canonical('example.');
const [soa] = recordsOf('@ SOA ns admin 1 1 2 3 4') as [ResourceRecord];

test('a primary that sends without end is left at the most records that are taken', async () => {
  let sent = 0;
  async function* endless(limit: number): AsyncGenerator<TransferPart> {
    for (; sent < limit; sent += 2)
      yield { kind: 'full', soa, records: recordsOf(`a${sent} A 192.0.2.1\nb${sent} A 192.0.2.1`) };
  }
  await expect(gatherParts(apex, endless(Infinity), 10)).rejects.toMatchObject({
    code: 'zone-invalid',
    message: expect.stringContaining('more than 10 records'),
  });
  expect(sent).toBe(10);
  sent = 0;
  expect((await gatherParts(apex, endless(10), 10)).whole.build().rrsets).toBe(10);
});
