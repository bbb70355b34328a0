import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { fetchZone, type FetchZoneOptions } from '#dnssec/adapters/transfer/client.ts';
import { rcodes } from '#dnssec/adapters/messages/message.ts';
import { sendNotify } from '#dnssec/adapters/transfer/notify.ts';
import type { Notification } from '#dnssec/adapters/transfer/responder.ts';
import { openTransferServer, type TransferServer } from '#dnssec/adapters/transfer/server.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import type { ZoneUpdate } from '#dnssec/ports-transfer.ts';
import type { PublishedZone } from '#dnssec/ports-transfer.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';
import { applyParts, contentOf, MemoryZones, tsigKey } from '#test/support/memory-transfer.ts';
import { patience } from '#test/support/patience.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startKnotPrimary, startNamedPrimary } from '#test/support/primaries.ts';
import { startKnotSecondary, startNamedSecondary, startNsdSecondary } from '#test/support/secondaries.ts';
import type { PrivateServer } from '#test/support/servers.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const secret = randomBytes(48);
const key = tsigKey('transfer.key', 'hmac-sha384', secret);
const shown = { name: 'transfer.key', algorithm: 'hmac-sha384', secret: secret.toString('base64') };
const origin = 'odd.example.';
const apex = canonical(origin);
const now = (): number => Math.floor(Date.now() / 1000);

/** What other coders of DNS messages are known to change or refuse. */
const oddText = String.raw`
@ 300 NS ns
@ 300 MX 10 mail.odd
ns 300 A 192.0.2.1
dot\.in\.label 300 A 192.0.2.2
\000\001\255\128 300 TXT "\000\255\"\\"
UPPER.lower 300 TXT "kept"
*.wild 300 AAAA 2001:db8::1
${'l'.repeat(63)}.${'m'.repeat(63)}.${'n'.repeat(63)} 300 TXT "long"
unknown 300 TYPE65400 \# 4 c0ff000c
empty 300 TYPE65401 \# 0
svc 300 HTTPS 1 . alpn=h2 port=8443
big 300 TXT ${Array.from({ length: 80 }, (_, index) => `"${String(index).repeat(80)}"`).join(' ')}
`;
const odd = recordsOf(oddText, origin);
const soa = (serial: number): ResourceRecord =>
  recordsOf(`@ 300 SOA ns admin\\.of\\.dots ${serial} 3600 600 86400 60`, origin)[0] as ResourceRecord;

const fetchFrom = async (port: number, more: Partial<FetchZoneOptions> = {}): Promise<TransferPart[]> => {
  const parts: TransferPart[] = [];
  const options = { host: '127.0.0.1', port, apex, clock: systemClock, timeout: patience, ...more };
  for await (const part of fetchZone(options)) parts.push(part);
  return parts;
};
const heldBy = async (port: number): Promise<string[]> =>
  [...(await applyParts(new Map(), await fetchFrom(port))).keys()].toSorted();

describeWith(['named', 'knotd', 'nsd', 'dig', 'nsupdate', 'openssl'], 'transfers with other name servers', () => {
  let dir: TempDir;
  let tls: { readonly key: string; readonly cert: string };
  const zones = new MemoryZones();
  let server: TransferServer;
  const notifications: Notification[] = [];
  const updates: ZoneUpdate[] = [];
  const errors: unknown[] = [];
  let secondaries: readonly (readonly [name: string, server: PrivateServer])[] = [];
  let published: PublishedZone;

  beforeAll(async () => {
    dir = makeTempDir();
    const { keyFile, certFile } = await makeCertificate(dir, 'primary.example');
    tls = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
    published = zones.publish([soa(1), ...odd]);
    server = await openTransferServer({
      zones,
      keys: [key],
      allow: [],
      clock: systemClock,
      host: '127.0.0.1',
      port: 0,
      tls: { port: 0, ...tls },
      onError: (error) => errors.push(error),
      onNotify: (notification) => notifications.push(notification) > 0,
      onUpdate: async (update) => (updates.push(update) > 0 ? rcodes.noError : rcodes.servFail),
    });
    const plan = { zone: origin, primary: server.port, key: shown };
    const [named, knot, nsd] = await Promise.all([
      startNamedSecondary(plan),
      startKnotSecondary(plan),
      startNsdSecondary(plan),
    ]);
    secondaries = [
      ['BIND', named],
      ['Knot', knot],
      ['NSD', nsd],
    ];
  });
  afterAll(async () => {
    for (const [, secondary] of secondaries) await secondary.stop();
    await server.close();
    dir[Symbol.dispose]();
  });

  const allHold = async (zone: PublishedZone): Promise<void> => {
    const wanted = await contentOf(zone);
    for (const [name, { port }] of secondaries)
      await expect
        .poll(() => heldBy(port).catch(String), {
          timeout: patience,
          interval: 100,
          message: `${name} at ${zone.serial}`,
        })
        .toEqual(wanted);
  };
  /** Publish a version, tell the secondaries and wait until each holds it to the octet. */
  const follow = async (records: readonly ResourceRecord[]): Promise<void> => {
    published = zones.publish(records);
    for (const [name, { port }] of secondaries) {
      const target = { host: '127.0.0.1', port, key };
      expect([name, await sendNotify(published, target, now, AbortSignal.timeout(10_000))]).toEqual([name, undefined]);
    }
    await allHold(published);
  };

  test('names and RDATA of any octets come through BIND, Knot and NSD unharmed, by AXFR and by IXFR, there and back', async () => {
    await allHold(published);
    await follow([soa(2), ...odd.slice(0, 5), ...recordsOf('new\\.one 60 TXT "added"', origin)]);
    await follow([soa(3), ...odd]);
    const many = recordsOf(
      Array.from({ length: 3000 }, (_, index) => `m${index} 60 TXT "${'x'.repeat(100)}"`).join('\n'),
      origin,
    );
    await follow([soa(4), ...odd, ...many]);
    await follow([soa(0x7fffffff), ...odd, ...many.slice(1500)]);
    await follow([soa(0x80000001), ...odd]);
    await follow([soa(0x80000002), ...odd.slice(0, 7)]);
    await follow([soa(0x80000003), ...odd]);
    expect(published.serial).toBe(0x80000003);
  });

  test('differences that BIND and Knot keep are read as they are', async () => {
    const before = { kind: 'full', soa: soa(0x80000001), records: odd } as const;
    for (const [name, { port }] of secondaries.slice(0, 2)) {
      const parts = await fetchFrom(port, { currentSerial: 0x80000001 });
      expect([name, parts.map(({ kind }) => kind)]).toEqual([name, ['difference', 'difference']]);
      const held = await applyParts(await applyParts(new Map(), [before]), parts);
      expect([name, [...held.keys()].toSorted()]).toEqual([name, await contentOf(published)]);
      expect(await fetchFrom(port, { currentSerial: 0x80000003 })).toMatchObject([{ kind: 'up-to-date' }]);
    }
  });

  test('transfers go over TLS, to dig and to ourselves; who is not the one of the certificate is not believed', async () => {
    const port = server.tlsPort ?? 0;
    const asked = [
      '@127.0.0.1',
      '-p',
      String(port),
      '+tls',
      '-y',
      `${shown.algorithm}:${shown.name}:${shown.secret}`,
      origin,
      'AXFR',
    ];
    const { stdout } = await run(getTool('dig'), asked);
    expect(stdout).toContain(`XFR size: ${odd.length + 2} records`);
    const secure = { tls: { ca: tls.cert, serverName: 'primary.example' }, key };
    expect(await applyParts(new Map(), await fetchFrom(port, secure))).toHaveProperty('size', odd.length + 1);
    for (const wrong of [
      { ca: tls.cert, serverName: 'other.example' },
      { ca: tls.cert },
      { serverName: 'primary.example' },
    ])
      await expect(fetchFrom(port, { key, tls: wrong })).rejects.toMatchObject({ code: 'primary-unreachable' });
  });

  test('BIND and Knot as hidden primaries tell us of versions, which we get with TSIG', async () => {
    const records = [soa(70), ...odd];
    const wanted = await contentOf(new MemoryZones().publish(records));
    const text = `$ORIGIN ${origin}\n@ 300 SOA ns admin\\.of\\.dots 70 3600 600 86400 60\n${oddText}`;
    for (const [name, start] of [
      ['BIND', startNamedPrimary],
      ['Knot', startKnotPrimary],
    ] as const) {
      notifications.length = 0;
      await using primary = await start({ zone: origin, text, key: shown, notify: server.port });
      await expect.poll(() => notifications.length, { timeout: patience, message: name }).toBeGreaterThan(0);
      expect(notifications[0]).toMatchObject({
        apex,
        source: { address: '127.0.0.1', key: canonical('transfer.key') },
      });
      expect([undefined, 70]).toContain(notifications[0]?.serial);
      const held = await applyParts(new Map(), await fetchFrom(primary.port, { key }));
      expect([name, [...held.keys()].toSorted()]).toEqual([name, wanted]);
      await expect(fetchFrom(primary.port)).rejects.toMatchObject({ code: 'primary-refused' });
      const forged = tsigKey('transfer.key', 'hmac-sha384', randomBytes(48));
      await expect(fetchFrom(primary.port, { key: forged })).rejects.toMatchObject({ name: 'TransferError' });
    }
  });

  test('nsupdate is answered, and what it asks for is read', async () => {
    const commands = `server 127.0.0.1 ${server.port}\nzone ${origin}\nprereq nxdomain new.${origin}\nupdate add new.${origin} 60 A 192.0.2.7\nsend\n`;
    const file = dir.at('update');
    writeFileSync(file, commands);
    const done = await run(getTool('nsupdate'), ['-y', `${shown.algorithm}:${shown.name}:${shown.secret}`, file]);
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(updates).toEqual([
      {
        apex,
        prerequisites: [{ kind: 'name-not-in-use', owner: canonical(`new.${origin}`) }],
        steps: [{ kind: 'add', record: recordsOf('new 60 A 192.0.2.7', origin)[0] }],
      },
    ]);
  });

  test('dig sees that its clock or its key is wrong', async () => {
    const wrong = randomBytes(48).toString('base64');
    const asked = [
      '@127.0.0.1',
      '-p',
      String(server.port),
      '-y',
      `${shown.algorithm}:${shown.name}:${wrong}`,
      origin,
      'SOA',
    ];
    expect((await run(getTool('dig'), asked)).stdout).toContain('BADSIG');
    const late = await openTransferServer({
      zones,
      keys: [key],
      allow: [],
      clock: { now: () => Date.now() + 3_600_000 },
      host: '127.0.0.1',
      port: 0,
      onError: (error) => errors.push(error),
    });
    const right = [
      '@127.0.0.1',
      '-p',
      String(late.port),
      '-y',
      `${shown.algorithm}:${shown.name}:${shown.secret}`,
      origin,
      'SOA',
    ];
    const { stdout } = await run(getTool('dig'), right);
    await late.close();
    expect(stdout).toContain('BADTIME');
  });

  test('nothing went wrong unseen', () => {
    expect(errors).toEqual([]);
  });
});
