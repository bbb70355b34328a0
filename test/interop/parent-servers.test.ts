import { afterAll, beforeAll, expect, test } from 'vitest';
import { rrTypes } from '#dns/rr-type.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { openParentNotifier } from '#dnssec/adapters/parent/parent-notifier.ts';
import { openParentProbe } from '#dnssec/adapters/parent/parent-probe.ts';
import { composeDs } from '#dnssec/core/keys/ds.ts';
import type { DsAnswer } from '#dnssec/ports-parent.ts';
import { canonical, hexOf, rdataOf } from '#test/support/dns.ts';
import { startDnsResponder } from '#test/support/dns-responder.ts';
import { describeWith } from '#test/support/requirements.ts';
import { type PrivateServer, type ServedZone, startNamed, startNsd } from '#test/support/servers.ts';
import { startKnot } from '#test/support/knot.ts';

const child = canonical('child.parent.example.');
const parent = canonical('parent.example.');
const [first, second] = ['AAAA', 'BBBB'].map((octets) => rdataOf('DNSKEY', `257 3 13 ${octets}`)) as [never, never];
const host = '127.0.0.1';
const patience = { waits: [5000, 10_000], tcpWait: 20_000 };

const head = (origin: string): string =>
  `$ORIGIN ${origin}\n$TTL 600\n@ SOA ns1 host 1 7200 3600 1209600 600\n@ NS ns1\nns1 A 127.0.0.1\n`;
const ds = (ttl: number, ...keys: (typeof first)[]): string =>
  keys.map((key) => `child ${ttl} DS ${formatRdata(rrTypes.DS, composeDs(child, key, 2))}\n`).join('');
const parentZone = (extra: string): ServedZone => ({
  origin: 'parent.example.',
  text: `${head('parent.example.')}child NS ns1.child\nns1.child A 127.0.0.1\n${extra}`,
});
const childZone: ServedZone = { origin: 'child.parent.example.', text: head('child.parent.example.') };

function lookUp(servers: readonly PrivateServer[]): Promise<DsAnswer> {
  const known = [{ zone: parent, servers: servers.map(({ port }) => ({ host, port })) }];
  return openParentProbe({ known, patience }).lookUpDs({ apex: child, dnskeys: [first, second] });
}

describeWith(['named', 'knotd', 'nsd'], 'parents on real servers', () => {
  const started = new AsyncDisposableStack();
  const servers: Record<string, PrivateServer> = {};
  const many = Array.from({ length: 40 }, (_, index) => `child 60 DS ${index} 13 2 ${'AB'.repeat(32)}\n`).join('');

  beforeAll(async () => {
    const start = async (name: string, starting: Promise<PrivateServer>) => {
      servers[name] = started.use(await starting);
    };
    await start('bind', startNamed([parentZone(ds(300, first))]));
    await start('knot', startKnot([parentZone(ds(900, first))]));
    await start('nsd', startNsd([parentZone(ds(600, first, second))]));
    await start('empty', startNsd([parentZone('')]));
    await start('both', startNamed([parentZone(''), childZone]));
    await start('child', startKnot([childZone]));
    await start('large', startKnot([parentZone(many + ds(60, first))]));
  });
  afterAll(() => started.disposeAsync());

  const shownAt = async (...names: string[]) => lookUp(names.map((name) => servers[name] as PrivateServer));

  test('a DS that all three servers have is everywhere, one that one has is somewhere', async () => {
    expect(await shownAt('bind', 'knot', 'nsd')).toMatchObject({
      shown: ['everywhere', 'somewhere'],
      ttl: 900,
      problems: [],
    });
  });

  test('no server has a DS: it is nowhere, also where a server knows the child as well', async () => {
    expect(await shownAt('empty')).toMatchObject({ shown: ['nowhere', 'nowhere'], problems: [] });
    expect(await shownAt('both')).toMatchObject({ shown: ['nowhere', 'nowhere'], problems: [] });
  });

  test('a server of the child alone is not the parent, whatever it denies', async () => {
    const { shown, problems } = await shownAt('bind', 'child');
    expect(shown).toEqual(['unknown', 'unknown']);
    expect(problems).toHaveLength(1);
  });

  test('a DS RRset that has no room in UDP is got by TCP', async () => {
    const { shown, others } = await shownAt('large');
    expect([shown, others.length]).toEqual([['everywhere', 'nowhere'], 40]);
  });

  test('a DSYNC wildcard of the parent says where NOTIFY(CDS) goes', async () => {
    await using scanner = await startDnsResponder(() => ({}));
    const dsync = rdataOf('DSYNC', `CDS NOTIFY ${scanner.port} ns1.parent.example.`);
    const opaque = `*._dsync TYPE66 \\# ${dsync.length} ${hexOf(dsync)}\n`;
    await using server = await startNamed([parentZone(opaque)]);
    const known = [{ zone: parent, servers: [{ host, port: server.port }] }];
    const notifier = openParentNotifier({ known, patience, noticePatience: patience });
    expect(await notifier.notifyCds(child)).toMatchObject({ kind: 'told' });
    expect(scanner.asked).toMatchObject([{ message: { opcode: 4, question: { name: child, type: rrTypes.CDS } } }]);
    await using silent = await startNamed([parentZone('')]);
    const without = [{ zone: parent, servers: [{ host, port: silent.port }] }];
    expect(await openParentNotifier({ known: without, patience, noticePatience: patience }).notifyCds(child)).toEqual({
      kind: 'unwanted',
    });
  });
});
