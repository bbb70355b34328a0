import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Service } from '#app/server.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { openTransferServer } from '#dnssec/adapters/transfer/server.ts';
import { systemClock } from '#lib/clock.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { recordsOf } from '#test/support/dns.ts';
import { freePort } from '#test/support/free-port.ts';
import { judge } from '#test/support/judges.ts';
import { MemoryZones, tsigKey } from '#test/support/memory-transfer.ts';
import { callerOf, startTestService } from '#test/support/open-service.ts';
import { patience } from '#test/support/patience.ts';
import { startNamedPrimary } from '#test/support/primaries.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startNsdSecondary } from '#test/support/secondaries.ts';
import type { PrivateServer } from '#test/support/servers.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const secret = () => randomBytes(32).toString('base64');
const key = { name: 'transfer.key', algorithm: 'hmac-sha256', secret: secret() };
const updateKey = { name: 'update.key', algorithm: 'hmac-sha512', secret: secret() };
type Key = typeof key;

let dir: TempDir;
let service: Service;
let settings: Record<string, string>;
const start = async (): Promise<void> => {
  service = await startTestService(dir.at('data'), { settings });
};

const call = callerOf(() => service.baseUrl, '/v1/dns');
const feedOf = async (zone: string) => (await call('GET', `/zones/${zone}/feed`)).body;
const valuesOf = async (zone: string, name: string, type: string): Promise<string[]> =>
  (await call('GET', `/zones/${zone}/records/${name}/${type}`)).body.values ?? [];
const expectSigned = async (zone: string): Promise<void> => {
  const { zoneFile } = (await call('GET', `/zones/${zone}/export?signed=true`)).body;
  expect(await judge('dnssec-verify', { origin: `${zone}.`, text: zoneFile })).toMatchObject({ accepted: true });
};
const update = async (port: number, zone: string, which: Key, ...lines: string[]) => {
  const file = dir.at('update');
  writeFileSync(file, [`server 127.0.0.1 ${port}`, `zone ${zone}.`, ...lines, 'send', ''].join('\n'));
  return await run(getTool('nsupdate'), ['-y', `${which.algorithm}:${which.name}:${which.secret}`, file]);
};

describeWith(['named', 'nsd', 'dig', 'nsupdate', 'dnssec-verify', 'openssl'], 'zones that others write', () => {
  const zone = 'wire.example';
  let primary: PrivateServer;
  let port: number;

  beforeAll(async () => {
    dir = makeTempDir();
    const lines = [key, updateKey].map(({ name, algorithm, secret: text }) => `${name} ${algorithm} ${text}`);
    writeFileSync(dir.at('tsig.keys'), `${lines.join('\n')}\n`, { mode: 0o600 });
    port = await freePort();
    const text = `$ORIGIN ${zone}.\n$TTL 300\n@ SOA ns admin 2026010100 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n@ HINFO a b\n`;
    primary = await startNamedPrimary({ zone: `${zone}.`, text, key, notify: port });
    const tls = await makeCertificate(dir, 'primary.example');
    settings = {
      ZONESEAL_TRANSFER_TLS_PORT: '0',
      ZONESEAL_TRANSFER_TLS_CERTIFICATE: tls.certFile,
      ZONESEAL_TRANSFER_TLS_KEY: tls.keyFile,
      ZONESEAL_TRANSFER: `127.0.0.1:${port}`,
      ZONESEAL_TSIG_KEY_FILE: dir.at('tsig.keys'),
      ZONESEAL_PRIMARIES: `127.0.0.1:${primary.port}@${key.name}`,
      ZONESEAL_UPDATE_KEYS: updateKey.name,
    };
    await start();
  });
  afterAll(async () => {
    await service.close();
    await primary.stop();
    dir[Symbol.dispose]();
  });

  describe('a zone of a hidden primary', () => {
    const at = () => [`127.0.0.1:${primary.port}`];
    const follows = async (name: string, values: string[]): Promise<void> => {
      await expect.poll(() => valuesOf(zone, name, 'A'), { timeout: patience, interval: 100 }).toEqual(values);
    };

    test('is fetched, signed, and given on to a secondary', async () => {
      await call('POST', '/zones', { zoneName: zone });
      await call('PUT', `/zones/${zone}/dnssec`, { region: 'nl-01' });
      expect((await call('PUT', `/zones/${zone}/feed`, { primaries: at() })).status).toBe(200);
      await follows('www', ['192.0.2.2']);
      await expect.poll(async () => (await feedOf(zone)).serial).toBe(2026010100);
      await expectSigned(zone);
      await using nsd = await startNsdSecondary({ zone: `${zone}.`, primary: port, key });
      await expect
        .poll(async () => {
          const asked = ['@127.0.0.1', '-p', String(nsd.port), '+dnssec', `${zone}.`, 'HINFO'];
          return (await run(getTool('dig'), asked)).stdout;
        })
        .toMatch(/HINFO\s+"a" "b"[^]*RRSIG\s+HINFO 13 2/);
    });

    test('follows every change there by its NOTIFY, as a version with its differences', async () => {
      const added = await update(primary.port, zone, key, `update add new.${zone}. 300 A 192.0.2.7`);
      expect([added.code, added.stderr]).toEqual([0, '']);
      await follows('new', ['192.0.2.7']);
      const [newest] = (await call('GET', `/zones/${zone}/versions`)).body;
      expect(newest).toMatchObject({ principal: 'primary', reason: expect.stringContaining('serial 2026010101') });
      expect(newest.added).toBeGreaterThan(1);
      await update(primary.port, zone, key, `update delete new.${zone}.`, `update add www.${zone}. 300 A 192.0.2.3`);
      await follows('new', []);
      await follows('www', ['192.0.2.2', '192.0.2.3']);
      await expectSigned(zone);
    });

    test('is given on over TLS', async () => {
      const asked = ['@127.0.0.1', '-p', String(service.transferTlsPort), '+tls'];
      const keyed = [...asked, '-y', `${key.algorithm}:${key.name}:${key.secret}`, `${zone}.`, 'AXFR'];
      expect((await run(getTool('dig'), keyed)).stdout).toContain('RRSIG');
      expect((await run(getTool('dig'), [...asked, `${zone}.`, 'AXFR'])).stdout).toContain('Transfer failed');
    });

    test('catches up with what happened while the service was down', async () => {
      await service.close();
      await update(primary.port, zone, key, `update add later.${zone}. 300 A 192.0.2.8`);
      await start();
      await call('PUT', `/zones/${zone}/feed`, { primaries: at() });
      await follows('later', ['192.0.2.8']);
      await expect.poll(async () => (await feedOf(zone)).serial).toBeGreaterThan(2026010102);
      await expectSigned(zone);
    });

    test('is not changed by the API', async () => {
      const refused = await call('POST', `/zones/${zone}/records`, { name: 'x', type: 'A', values: ['192.0.2.1'] });
      expect(refused).toMatchObject({ status: 409, body: { message: expect.stringContaining('primary') } });
      const file = { zoneFile: 'x 60 A 192.0.2.1' };
      expect((await call('POST', `/zones/${zone}/import`, file)).status).toBe(409);
      expect((await call('POST', `/zones/${zone}/versions/1/restore`)).status).toBe(409);
    });

    test('comes only from primaries that the settings allow', async () => {
      const { status, body } = await call('PUT', `/zones/${zone}/feed`, { primaries: ['192.0.2.99:53'] });
      expect(status).toBe(400);
      expect(body.message).toContain('/primaries/0');
    });
  });

  describe('dynamic updates', () => {
    const own = 'updates.example';
    const code = async (...lines: string[]) => {
      const { stderr } = await update(port, own, updateKey, ...lines);
      return stderr === '' ? 'NOERROR' : stderr.trim().split(' ').at(-1);
    };
    beforeAll(async () => {
      await call('POST', '/zones', { zoneName: own });
      await call('PUT', `/zones/${own}/dnssec`, { region: 'nl-01', policy: { denial: 'nsec3' } });
    });

    test('need a key that the zone names', async () => {
      expect(await code(`update add a.${own}. 60 A 192.0.2.1`)).toBe('REFUSED');
      expect((await call('PUT', `/zones/${own}/feed`, { updateKeys: ['no.key'] })).status).toBe(400);
      expect((await call('PUT', `/zones/${own}/feed`, { updateKeys: [updateKey.name] })).status).toBe(200);
      expect(await code(`update add a.${own}. 60 A 192.0.2.1`)).toBe('NOERROR');
      expect((await update(port, own, key, `update add b.${own}. 60 A 192.0.2.1`)).stderr).toContain('REFUSED');
      expect(
        (await update(port, 'none.example', updateKey, 'update add b.none.example. 60 A 192.0.2.1')).stderr,
      ).toContain('NOTAUTH');
    });

    test('become one signed version, prerequisites and all, or none', async () => {
      expect(await code(`prereq nxdomain b.${own}.`, `update add b.${own}. 60 A 192.0.2.2`)).toBe('NOERROR');
      expect(await code(`prereq nxdomain b.${own}.`, `update add c.${own}. 60 A 192.0.2.2`)).toBe('YXDOMAIN');
      expect(await code(`prereq yxdomain c.${own}.`, `update add c.${own}. 60 A 192.0.2.2`)).toBe('NXDOMAIN');
      expect(await code(`prereq nxrrset b.${own}. A`, `update add c.${own}. 60 A 192.0.2.2`)).toBe('YXRRSET');
      expect(await code(`prereq yxrrset b.${own}. MX`, `update add c.${own}. 60 A 192.0.2.2`)).toBe('NXRRSET');
      expect(await code(`prereq yxrrset b.${own}. A 192.0.2.9`, `update delete b.${own}. A`)).toBe('NXRRSET');
      expect(await code(`prereq yxrrset b.${own}. A 192.0.2.2`, `update add b.${own}. 90 A 192.0.2.3`)).toBe('NOERROR');
      expect(await valuesOf(own, 'b', 'A')).toEqual(['192.0.2.2', '192.0.2.3']);
      expect(await valuesOf(own, 'c', 'A')).toEqual([]);
      const [newest] = (await call('GET', `/zones/${own}/versions`)).body;
      expect(newest).toMatchObject({ reason: 'dynamic update', principal: `tsig:${updateKey.name}.` });
      await expectSigned(own);
    });

    test('keep to what a zone may hold', async () => {
      expect(await code(`update add ${own}. 60 A 192.0.2.1`, `update add al.${own}. 60 CNAME b.${own}.`)).toBe(
        'NOERROR',
      );
      expect(await code(`update add al.${own}. 60 A 192.0.2.1`)).toBe('NOERROR'); // and does nothing, as the RFC has it
      expect(await valuesOf(own, 'al', 'A')).toEqual([]);
      expect(await code(`update add al.${own}. 60 CNAME a.${own}.`)).toBe('NOERROR');
      expect(await valuesOf(own, 'al', 'CNAME')).toEqual([`a.${own}.`]);
      expect(await code(`update delete ${own}. NS`, `update delete ${own}. SOA`)).toBe('NOERROR');
      expect(await code(`update add ${own}. 60 CDNSKEY 0 3 0 AA==`)).toBe('REFUSED');
      expect(await code(`update add d.${own}. 999999 A 192.0.2.1`)).toBe('REFUSED');
      expect(await code(`update delete b.${own}.`)).toBe('NOERROR');
      expect(await valuesOf(own, 'b', 'A')).toEqual([]);
      await expectSigned(own);
    });

    test('give no right to other zones', async () => {
      const asked = [
        '@127.0.0.1',
        '-p',
        String(port),
        '-y',
        `${updateKey.algorithm}:${updateKey.name}:${updateKey.secret}`,
      ];
      expect((await run(getTool('dig'), [...asked, `${own}.`, 'AXFR'])).stdout).toContain('RRSIG');
      expect((await run(getTool('dig'), [...asked, `${zone}.`, 'AXFR'])).stdout).toContain('Transfer failed');
    });
  });
});

describe('a primary that is wrong', () => {
  const zone = 'faulty.example';
  const origin = `${zone}.`;
  const soa = (serial: number): ResourceRecord =>
    recordsOf(`@ 300 SOA ns admin ${serial} 3600 600 86400 60`, origin)[0] as ResourceRecord;
  const good = recordsOf('@ 300 NS ns\nns 300 A 192.0.2.1\nwww 300 A 192.0.2.2', origin);
  const right = tsigKey('transfer.key', 'hmac-sha256', Buffer.from(key.secret, 'base64'));

  test('leaves the version before published, and its fault is told', async () => {
    using folder = makeTempDir();
    writeFileSync(folder.at('keys'), `${key.name} ${key.algorithm} ${key.secret}\n`, { mode: 0o600 });
    const zones = new MemoryZones();
    zones.publish([soa(10), ...good]);
    let keys = [right];
    let answer: 'whole' | 'cut' = 'whole';
    const server = await openTransferServer({
      zones: {
        findZone: async (apex) => {
          const found = await zones.findZone(apex);
          if (found === undefined || answer === 'whole') return found;
          return {
            ...found,
            differencesSince: async () => undefined,
            async *records() {
              for (let page = 0; page < 9; page++)
                yield recordsOf(`big${page} 300 TXT ${`"${'x'.repeat(250)}" `.repeat(30)}`, origin);
              throw new Error('the primary broke down');
            },
          };
        },
      },
      get keys() {
        return keys;
      },
      allow: [],
      clock: systemClock,
      host: '127.0.0.1',
      port: 0,
      onError: () => undefined,
    });
    const ofPrimary = {
      ZONESEAL_TSIG_KEY_FILE: folder.at('keys'),
      ZONESEAL_PRIMARIES: `127.0.0.1:${server.port}@${key.name}`,
    };
    service = await startTestService(folder.at('data'), { settings: ofPrimary });
    try {
      const primaries = [`127.0.0.1:${server.port}`];
      const fetchNow = async () => {
        const asked = (await call('PUT', `/zones/${zone}/feed`, { primaries })).body.nextFetchAt;
        await expect.poll(async () => (await feedOf(zone)).nextFetchAt, { timeout: patience }).not.toBe(asked);
        return await feedOf(zone);
      };
      await call('POST', '/zones', { zoneName: zone });
      await call('PUT', `/zones/${zone}/dnssec`, { region: 'nl-01' });
      expect(await fetchNow()).toMatchObject({ serial: 10 });
      const { version } = (await call('GET', `/zones/${zone}`)).body;

      const stays = async (fault: string) => {
        const feed = await fetchNow();
        expect(feed).toMatchObject({ serial: 10, lastError: expect.stringContaining(fault) });
        expect((await call('GET', `/zones/${zone}`)).body.version).toBe(version);
      };
      keys = [tsigKey('transfer.key', 'hmac-sha256', randomBytes(32))];
      zones.publish([soa(11), ...good]);
      await stays('NOTAUTH');
      keys = [right];
      answer = 'cut';
      await stays('before the transfer was whole');
      answer = 'whole';
      zones.publish([soa(9), ...good]);
      await stays('went back from serial 10 to 9');
      zones.publish([soa(12), ...good.slice(1)]);
      await stays('NS');
      zones.publish([soa(13), ...good, ...recordsOf('www 300 CNAME ns', origin)]);
      await stays('CNAME');
      zones.publish([soa(14), ...good, ...recordsOf('late 300 A 192.0.2.9', origin)]);
      const healed = await fetchNow();
      expect(healed).toMatchObject({ serial: 14 });
      expect(healed.lastError).toBeUndefined();
      expect(await valuesOf(zone, 'late', 'A')).toEqual(['192.0.2.9']);
    } finally {
      await service.close();
      await server.close();
    }
  });
});
