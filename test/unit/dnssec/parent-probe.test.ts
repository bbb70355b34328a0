import { describe, expect, test } from 'vitest';
import { type CanonicalName, formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { ask } from '#dnssec/adapters/parent/ask.ts';
import { findParent } from '#dnssec/adapters/parent/find-parent.ts';
import { openParentProbe } from '#dnssec/adapters/parent/parent-probe.ts';
import { openResolver } from '#dnssec/adapters/parent/resolver.ts';
import { composeDs, type DigestType } from '#dnssec/core/keys/ds.ts';
import type { DsAnswer } from '#dnssec/ports-parent.ts';
import { canonical, rdataOf } from '#test/support/dns.ts';
import { type DnsResponder, type Said, startDnsResponder, startDnsResponders } from '#test/support/dns-responder.ts';
import { memoryResolver } from '#test/support/memory-resolver.ts';

const child = canonical('child.parent.example.');
const parent = canonical('parent.example.');
const key = rdataOf('DNSKEY', '257 3 13 AAAA');
const otherKey = rdataOf('DNSKEY', '257 3 13 BBBB');
const host = '127.0.0.1';
/** Long enough for a busy machine where an answer comes, and short where none does. */
const patient = { waits: [20_000], tcpWait: 20_000 };
const hasty = { waits: [40, 40], tcpWait: 20_000 };

const ds = (dnskey = key, digestType: DigestType = 2, ttl = 300): string =>
  `child.parent.example. ${ttl} IN DS ${formatRdata(rrTypes.DS, composeDs(child, dnskey, digestType))}\n`;
const soa = (owner = 'parent.example.'): string => `${owner} 60 IN SOA ns host 1 2 3 4 5\n`;

const question = { name: child, type: rrTypes.DS };

/** A record whose RDATA is not whole. */
const cut = (owner: CanonicalName, type: number): ResourceRecord[] => [
  { owner, type, ttl: 60, rdata: '\x05' as Rdata },
];

describe('asking one server', () => {
  test('what answers another question, or another id, is passed over', async () => {
    await using server = await startDnsResponder(({ id }) => [
      { id: id ^ 1, answers: ds(otherKey) },
      { question: { name: parent, type: rrTypes.DS, class: 1 } },
      { question: { name: child, type: rrTypes.A, class: 1 } },
      { opcode: 4 },
      { isResponse: false },
      { answers: ds() },
    ]);
    const { answers, octets } = await ask({ host, port: server.port }, question, patient);
    expect(answers.map(({ rdata }) => rdata)).toEqual([composeDs(child, key, 2)]);
    expect(octets.length).toBeGreaterThan(0);
    expect(server.asked).toHaveLength(1);
  });

  test('a question asks for no recursion, and for answers of at most 1232 octets', async () => {
    await using server = await startDnsResponder(() => ({}));
    await ask({ host, port: server.port }, question, patient);
    const [asked] = server.asked;
    expect((asked?.message.octets.charCodeAt(2) ?? 0) & 1).toBe(0);
    expect(asked?.message.additionals).toMatchObject([{ type: rrTypes.OPT, class: 1232 }]);
  });

  test('an answer that was cut is asked for again by TCP', async () => {
    await using server = await startDnsResponder((_, isTcp) => (isTcp ? { answers: ds() } : { isTruncated: true }));
    const { answers } = await ask({ host, port: server.port }, question, patient);
    expect(answers).toHaveLength(1);
    expect(server.asked.map(({ isTcp }) => isTcp)).toEqual([false, true]);
  });

  test('a server that does not know EDNS is asked without it', async () => {
    await using server = await startDnsResponder(({ additionals }) =>
      additionals.length > 0 ? { rcode: 1, question: undefined } : { answers: ds() },
    );
    expect((await ask({ host, port: server.port }, question, patient)).answers).toHaveLength(1);
  });

  test('silence ends after all tries, each with an id of its own', async () => {
    await using server = await startDnsResponder(() => undefined);
    await expect(ask({ host, port: server.port }, question, hasty)).rejects.toMatchObject({ code: 'no-answer' });
    await expect(ask({ host, port: server.port }, question, { ...hasty, waits: [40] })).rejects.toThrow(
      'did not answer 1 questions',
    );
  });

  test('a connection that is closed without an answer is an error', async () => {
    await using server = await startDnsResponder((_, isTcp) => (isTcp ? undefined : { isTruncated: true }));
    await expect(ask({ host, port: server.port }, question, patient)).rejects.toMatchObject({ code: 'no-answer' });
  });

  test('where nobody listens the error says so at once', async () => {
    const { port } = await startDnsResponder(() => undefined).then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    await expect(ask({ host, port }, question, patient)).rejects.toMatchObject({
      code: 'server-unreachable',
      message: expect.stringContaining(`${host} port ${port}`),
    });
  });
});

/** Ask servers that say these things, or are not there any more, for both keys. */
async function probe(...says: (Said | 'gone')[]): Promise<DsAnswer> {
  await using servers = await startDnsResponders(says);
  const known = [{ zone: parent, servers: servers.places }];
  return await openParentProbe({ known, patience: patient }).lookUpDs({ apex: child, dnskeys: [key, otherKey] });
}

describe('what the servers of a parent show', () => {
  test('a DS that all have is everywhere, one that none has is nowhere', async () => {
    expect(await probe({ answers: ds() }, { answers: ds(key, 4) })).toMatchObject({
      shown: ['everywhere', 'nowhere'],
      problems: [],
    });
  });

  test('each DS that a server has is told with its key, of whatever digest types it is', async () => {
    const { found } = await probe({ answers: ds() }, { answers: ds(key, 4) + ds(otherKey) });
    expect(found).toEqual([[composeDs(child, key, 2), composeDs(child, key, 4)], [composeDs(child, otherKey, 2)]]);
    expect((await probe('gone')).found).toEqual([[], []]);
  });

  test('the largest TTL counts', async () => {
    expect((await probe({ answers: ds(key, 2, 60) }, { answers: ds(key, 2, 7200) })).ttl).toBe(7200);
    expect(await probe({ authorities: soa() })).not.toHaveProperty('ttl');
  });

  test('a denial counts with NODATA and with NXDOMAIN, in the name of the parent', async () => {
    expect((await probe({ authorities: soa() }, { rcode: 3, authorities: soa() })).shown).toEqual([
      'nowhere',
      'nowhere',
    ]);
  });

  test('a difference between two servers is one, even where a third is gone', async () => {
    expect((await probe({ answers: ds() }, { authorities: soa() }, 'gone')).shown).toEqual(['somewhere', 'unknown']);
  });

  test.each<[string, Said | 'gone']>([
    ['is gone', 'gone'],
    ['refuses', { rcode: 5 }],
    ['fails', { rcode: 2 }],
    ['is not authoritative', { isAuthoritative: false, answers: ds() }],
    [
      'refers to the child',
      { isAuthoritative: false, authorities: 'child.parent.example. 60 IN NS ns.child.parent.example.\n' },
    ],
    ['denies the DS in the name of the child', { authorities: soa('child.parent.example.') }],
    ['denies the DS in the name of another zone', { authorities: soa('example.net.') }],
    ['denies the DS without an SOA', {}],
    ['answers with another type', { answers: 'child.parent.example. 60 IN A 192.0.2.1\n' }],
    ['answers with a DS that is cut short', { answers: cut(child, rrTypes.DS) }],
    ['answers with the DS of another name', { answers: ds().replace('child.', 'other.') }],
  ])('a server that %s leaves open what is everywhere and what is nowhere', async (_, said) => {
    const answer = await probe({ answers: ds() }, said);
    expect(answer.shown).toEqual(['unknown', 'unknown']);
    expect(answer.problems).toHaveLength(1);
    expect(answer.problems[0]).toContain(host);
  });

  test('a DS of no key that is asked about is told of, once', async () => {
    const foreign = ds(rdataOf('DNSKEY', '257 3 13 CCCC'));
    const { others, shown } = await probe({ answers: ds() + foreign }, { answers: ds() + foreign });
    expect(shown).toEqual(['everywhere', 'nowhere']);
    expect(others).toHaveLength(1);
  });

  test('a parent without servers shows nothing', async () => {
    expect((await probe()).shown).toEqual(['unknown', 'unknown']);
  });
});

const resolverOf = (entries: Parameters<typeof memoryResolver>[0]) => memoryResolver(entries);

describe('finding the parent', () => {
  const servers = {
    'parent.example. NS': { answers: 'parent.example. 60 IN NS ns1.net.\nparent.example. 60 IN NS ns2.net.\n' },
    'ns1.net. A': { answers: 'ns1.net. 60 IN A 192.0.2.1\nns1.net. 60 IN A 192.0.2.2\n' },
    'ns1.net. AAAA': { answers: 'ns1.net. 60 IN AAAA 2001:db8::1\n' },
    'ns2.net. A': { answers: 'ns2.net. 60 IN A 192.0.2.3\n' },
    'ns2.net. AAAA': {},
  };

  test('the SOA of the name above tells the zone; every address of every name server is one to ask', async () => {
    const found = await findParent(child, resolverOf({ ...servers, 'parent.example. SOA': { answers: soa() } }), []);
    expect(found.apex).toBe(parent);
    const places = (...hosts: string[]) => hosts.map((one) => ({ host: one, port: 53 }));
    expect(found.servers).toEqual([
      { name: 'ns1.net.', places: places('192.0.2.1', '192.0.2.2', '2001:db8::1') },
      { name: 'ns2.net.', places: places('192.0.2.3') },
    ]);
  });

  test('a parent several labels up is told by the denial of the SOA', async () => {
    const deep = canonical('a.b.c.parent.example.');
    const resolver = resolverOf({ ...servers, 'b.c.parent.example. SOA': { negativeFrom: 'parent.example.' } });
    expect((await findParent(deep, resolver, [])).apex).toBe(parent);
  });

  test('the servers count as validated only if a resolver vouches for each step', async () => {
    const authentic = Object.fromEntries(
      Object.entries({ ...servers, 'parent.example. SOA': { answers: soa() } }).map(([name, said]) => [
        name,
        { ...said, isAuthentic: true },
      ]),
    );
    expect((await findParent(child, resolverOf(authentic), [])).isValidated).toBe(true);
    for (const name of Object.keys(authentic)) {
      const resolver = resolverOf({ ...authentic, [name]: { ...authentic[name], isAuthentic: false } });
      expect((await findParent(child, resolver, [])).isValidated).toBe(false);
    }
  });

  test.each<[string, Parameters<typeof memoryResolver>[0]]>([
    ['nobody tells the zone', { ...servers, 'parent.example. SOA': {} }],
    ['a zone is told that is none above', { ...servers, 'parent.example. SOA': { negativeFrom: 'example.net.' } }],
    ['it has no name servers', { 'parent.example. SOA': { answers: soa() }, 'parent.example. NS': {} }],
    [
      'a name server cannot be looked up',
      { ...servers, 'parent.example. SOA': { answers: soa() }, 'ns2.net. A': 'broken' },
    ],
  ])('there is no parent to ask where %s', async (_, entries) => {
    await expect(findParent(child, resolverOf(entries), [])).rejects.toMatchObject({ code: 'no-answer' });
  });

  test('a zone whose servers are known needs no resolver, and the nearest one counts', async () => {
    const known = ['example.', 'parent.example.', 'child.parent.example.'].map((zone, index) => ({
      zone: canonical(zone),
      servers: [{ host, port: index + 1 }],
    }));
    const found = await findParent(child, resolverOf({}), known);
    expect([found.apex, found.servers]).toEqual([parent, [{ name: host, places: [{ host, port: 2 }] }]]);
  });
});

describe('resolvers', () => {
  const lookUp = (resolvers: readonly DnsResponder[], name: CanonicalName = parent) =>
    openResolver({
      resolvers: resolvers.map(({ port }) => ({ host, port })),
      known: [],
      patience: patient,
    }).lookUp(name, rrTypes.NS);

  test('they are asked for recursion and for word of validation, and the next one where one fails', async () => {
    await using broken = await startDnsResponder(() => ({ rcode: 2 }));
    await using sound = await startDnsResponder(() => ({
      answers: 'parent.example. 60 IN NS ns.net.\n',
      isAuthoritative: false,
    }));
    expect((await lookUp([broken, sound])).answers).toHaveLength(1);
    const [asked] = sound.asked;
    expect((asked?.message.octets.charCodeAt(2) ?? 0) & 1).toBe(1);
    expect(asked?.message.isAuthentic).toBe(true);
  });

  test('one that did not answer is left alone for a while, so that many zones do not wait for it in turn', async () => {
    await using silent = await startDnsResponder(() => undefined);
    const resolver = openResolver({ resolvers: [{ host, port: silent.port }], known: [], patience: hasty });
    await expect(resolver.lookUp(parent, rrTypes.NS)).rejects.toThrow('did not answer');
    await expect(resolver.lookUp(child, rrTypes.NS)).rejects.toThrow('did not answer a moment ago');
    expect(silent.asked.every(({ message }) => message.question?.name === parent)).toBe(true);
  });

  test('one that answers with a malformed record is passed over', async () => {
    await using broken = await startDnsResponder(() => ({ answers: cut(parent, rrTypes.NS) }));
    await using sound = await startDnsResponder(() => ({ answers: 'parent.example. 60 IN NS ns.net.\n' }));
    expect((await lookUp([broken, sound])).answers).toHaveLength(1);
    await expect(lookUp([broken])).rejects.toThrow('malformed');
  });

  test('a denial tells the zone that it comes from', async () => {
    await using server = await startDnsResponder(() => ({ rcode: 3, authorities: soa('example.') }));
    const { answers, negativeFrom } = await lookUp([server]);
    expect([answers, negativeFrom && formatName(negativeFrom)]).toEqual([[], 'example.']);
  });

  test('where all fail, the error names each', async () => {
    await using broken = await startDnsResponder(() => ({ rcode: 5 }));
    await expect(lookUp([broken, broken])).rejects.toThrow(
      'parent.example. NS could not be looked up: 127.0.0.1 answered with code 5; 127.0.0.1 answered with code 5',
    );
    await expect(lookUp([])).rejects.toThrow('there is no resolver to ask');
  });
});
