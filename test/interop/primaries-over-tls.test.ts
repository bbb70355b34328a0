import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTransferServer, type TransferServer } from '#dnssec/adapters/transfer/server.ts';
import { decodeBase64 } from '#lib/encoding.ts';
import { systemClock } from '#lib/clock.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { recordsOf } from '#test/support/dns.ts';
import { freePort } from '#test/support/free-port.ts';
import { judge } from '#test/support/judges.ts';
import { MemoryZones, tsigKey } from '#test/support/memory-transfer.ts';
import { type OpenService, openService } from '#test/support/open-service.ts';
import { patience } from '#test/support/patience.ts';
import { startNamedPrimary, startNsdPrimary } from '#test/support/primaries.ts';
import { describeWith } from '#test/support/requirements.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';

const key = { name: 'transfer.key', algorithm: 'hmac-sha256', secret: randomBytes(32).toString('base64') };
const certified = 'primary.example';
const textOf = (zone: string): string =>
  `$ORIGIN ${zone}.\n$TTL 300\n@ SOA ns admin 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n`;

describeWith(['named', 'nsd', 'openssl', 'dnssec-verify'], 'primaries that speak TLS', () => {
  const started = new AsyncDisposableStack();
  let dir: TempDir;
  let own: TransferServer;
  /** Speaks TLS, and something else than DNS over it. */
  let stranger: number;
  /** Ports of primaries, by their name. */
  const ports: Record<string, number> = {};
  let opened: OpenService;

  /** Open a service that knows primaries by what is in its settings. */
  const open = (more: Record<string, string>): Promise<OpenService> =>
    openService({ settings: { ZONESEAL_TSIG_KEY_FILE: dir.at('tsig.keys'), ...more } });
  const primaryAt = (name: string, suffix = `#${certified}`): string => `127.0.0.1:${ports[name]}@${key.name}${suffix}`;

  /** Have a zone come from a primary. @returns how its feed stands when that has tried */
  const feedFrom = async ({ call }: OpenService, zoneName: string, name: string) => {
    expect((await call('POST', '/dns/zones', { zoneName })).status).toBe(201);
    const primaries = [`127.0.0.1:${ports[name]}`];
    expect((await call('PUT', `/dns/zones/${zoneName}/feed`, { primaries })).status).toBe(200);
    const feed = async () => (await call('GET', `/dns/zones/${zoneName}/feed`)).body;
    const isTried = async () => Object.keys(await feed()).some((field) => field === 'serial' || field === 'lastError');
    await expect.poll(isTried, { timeout: patience, interval: 50 }).toBe(true);
    return feed();
  };

  beforeAll(async () => {
    dir = started.use(makeTempDir());
    writeFileSync(dir.at('tsig.keys'), `${key.name} ${key.algorithm} ${key.secret}\n`, { mode: 0o600 });
    const tls = await makeCertificate(dir, certified);
    const [pem, cert] = [readFileSync(tls.keyFile, 'utf8'), readFileSync(tls.certFile, 'utf8')];
    const zones = new MemoryZones();
    zones.publish(recordsOf(textOf('own.example').replace(/^.*\n/, ''), 'own.example.'));
    const shared = tsigKey(key.name, 'hmac-sha256', decodeBase64(key.secret) ?? new Uint8Array());
    const place = { host: '127.0.0.1', port: 0, tls: { port: 0, key: pem, cert } };
    const failed = (error: unknown): never => {
      throw error;
    };
    own = await openTransferServer({ zones, keys: [shared], allow: [], clock: systemClock, ...place, onError: failed });
    started.defer(() => own.close());
    const other = createServer({ key: pem, cert, ALPNProtocols: ['h2'] });
    other.on('tlsClientError', () => undefined);
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    started.defer(() => void other.close());
    stranger = (other.address() as AddressInfo).port;
    const notify = await freePort();
    const plan = (zone: string) => ({ zone: `${zone}.`, text: textOf(zone), key, notify, tls });
    const named = started.use(await startNamedPrimary(plan('named.example')));
    const nsd = started.use(await startNsdPrimary(plan('nsd.example')));
    Object.assign(ports, { own: own.tlsPort, named: named.port, nsd: nsd.port, stranger });
    const all = ['own', 'named', 'nsd', 'stranger'].map((name) => primaryAt(name));
    opened = started.use(await open({ ZONESEAL_PRIMARIES: all.join(), ZONESEAL_PRIMARIES_CA: tls.certFile }));
  });
  afterAll(() => started.disposeAsync());

  test.each(['own', 'named', 'nsd'])('%s: a zone is fetched, signed and served', async (name) => {
    const zone = `${name}.example`;
    expect(await feedFrom(opened, zone, name)).toMatchObject({ serial: 7 });
    const { body } = await opened.call('GET', `/dns/zones/${zone}/records/www/A`);
    expect(body.values).toEqual(['192.0.2.2']);
    expect((await opened.call('PUT', `/dns/zones/${zone}/dnssec`, { region: 'nl-01' })).status).toBe(200);
    const text = (await opened.call('GET', `/dns/zones/${zone}/export?signed=true`)).body.zoneFile;
    expect(await judge('dnssec-verify', { origin: `${zone}.`, text })).toMatchObject({ accepted: true });
  });

  test('one that speaks something else over TLS is not asked', async () => {
    const { lastError } = await feedFrom(opened, 'stranger.example', 'stranger');
    expect(lastError).toMatch(/no.application.protocol/i);
  });

  test('nothing is taken from one whose certificate has another name, or nobody vouches for, nor in the clear from a port of TLS', async () => {
    const ca = { ZONESEAL_PRIMARIES_CA: dir.at('cert.pem') };
    const cases = [
      [
        { ZONESEAL_PRIMARIES: primaryAt('own', '#other.example'), ...ca },
        'own',
        "does not match certificate's altnames",
      ],
      [{ ZONESEAL_PRIMARIES: primaryAt('own') }, 'own', 'self-signed certificate'],
      [{ ZONESEAL_PRIMARIES: primaryAt('own', '') }, 'own', ''],
    ] as const;
    for (const [settings, name, message] of cases) {
      await using service = await open(settings);
      const feed = await feedFrom(service, 'own.example', name);
      expect([settings, feed]).toEqual([
        settings,
        expect.objectContaining({ lastError: expect.stringContaining(message) }),
      ]);
      expect((await service.call('GET', '/dns/zones/own.example')).body).toMatchObject({ version: 1 });
    }
  });

  test('a file that vouches for nobody stops the start', async () => {
    const settings = { ZONESEAL_PRIMARIES: primaryAt('own'), ZONESEAL_PRIMARIES_CA: dir.at('none.pem') };
    await expect(open(settings)).rejects.toMatchObject({ code: 'tls-unusable' });
  });
});
