import { describe, expect, test } from 'vitest';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { openKeySetProbe } from '#dnssec/adapters/parent/key-set-probe.ts';
import type { ShownKeySet } from '#dnssec/ports-parent.ts';
import { canonical, rdataOf } from '#test/support/dns.ts';
import { type Said, startDnsResponder, startDnsResponders } from '#test/support/dns-responder.ts';

const apex = canonical('child.parent.example.');
const key = rdataOf('DNSKEY', '257 3 13 AAAA');
const answers = 'child.parent.example. 60 IN DNSKEY 257 3 13 AAAA\n';
const host = '127.0.0.1';
const patience = { waits: [20_000], tcpWait: 20_000 };

/** Ask servers of the zone that say these things, or are not there any more. */
async function probe(...says: (Said | 'gone')[]): Promise<readonly ShownKeySet[]> {
  await using servers = await startDnsResponders(says);
  return await openKeySetProbe({ known: [{ zone: apex, servers: servers.places }], patience }).lookUpKeySets(apex);
}

describe('the DNSKEY RRset that name servers show', () => {
  test('is told for each of them, and that one has none', async () => {
    const [first, second] = await probe({ answers }, {});
    expect(first).toMatchObject({ dnskeys: [key], server: expect.stringMatching(/^127\.0\.0\.1 port \d+$/) });
    expect(second?.dnskeys).toEqual([]);
  });

  test.each<[string, Said | 'gone']>([
    ['is gone', 'gone'],
    ['refuses', { rcode: 5 }],
    ['is not authoritative', { isAuthoritative: false, answers }],
    [
      'shows one that is cut short',
      { answers: [{ owner: apex, type: rrTypes.DNSKEY, ttl: 60, rdata: '\0' as Rdata }] },
    ],
  ])('is not told by one that %s', async (_, said) => {
    expect(await probe({ answers }, said)).toHaveLength(1);
  });

  test('of another name is none of the zone', async () => {
    expect(await probe({ answers: answers.replace('child.', 'other.') })).toMatchObject([{ dnskeys: [] }]);
  });

  test('of all addresses of all name servers counts that a resolver knows', async () => {
    await using resolver = await startDnsResponder(({ question }) =>
      question?.type === 2 ? { answers: 'child.parent.example. 60 IN NS ns.net.\n' } : { rcode: 3 },
    );
    const resolvers = [{ host, port: resolver.port }];
    expect(await openKeySetProbe({ resolvers, known: [], patience }).lookUpKeySets(apex)).toEqual([]);
    const asked = resolver.asked.map(({ message: { question } }) => question?.type);
    expect(new Set(asked)).toEqual(new Set([1, 2, 28]));
  });

  test('of a zone whose servers nobody tells is not told', async () => {
    expect(await openKeySetProbe({ resolvers: [], known: [], patience }).lookUpKeySets(apex)).toEqual([]);
  });
});
