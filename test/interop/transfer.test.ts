import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Service } from '#app/server.ts';
import { freePort } from '#test/support/free-port.ts';
import { soundCallerOf, startTestService } from '#test/support/open-service.ts';
import { patience } from '#test/support/patience.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startKnotSecondary, startNamedSecondary, startNsdSecondary } from '#test/support/secondaries.ts';
import type { PrivateServer } from '#test/support/servers.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const key = { name: 'transfer.key', algorithm: 'hmac-sha256', secret: randomBytes(32).toString('base64') };
const other = { name: 'other.key', algorithm: 'hmac-sha512', secret: randomBytes(64).toString('base64') };

let dir: TempDir;
let service: Service;
let port: number;
let secondaries: readonly { readonly name: string; readonly server: PrivateServer }[] = [];

const call = soundCallerOf(() => service.baseUrl, '/v1/dns');

const dig = async (...args: string[]): Promise<string> =>
  (await run(getTool('dig'), ['@127.0.0.1', '+time=5', '+tries=1', ...args])).stdout;
const dnssec = 'nsec3' as const;
const zone = 'served.example';

describeWith(['named', 'knotd', 'nsd', 'dig'], 'zones served to secondaries', () => {
  beforeAll(async () => {
    dir = makeTempDir();
    const ports = [await freePort(), await freePort(), await freePort()];
    const keyFile = dir.at('tsig.keys');
    const lines = [key, other].map(({ name, algorithm, secret }) => `${name} ${algorithm} ${secret}`);
    writeFileSync(keyFile, `# shared with the secondaries\n${lines.join('\n')}\n`, { mode: 0o600 });
    port = await freePort();
    const start = async (secondariesText: string) => {
      const settings = {
        ZONESEAL_TRANSFER: `127.0.0.1:${port}`,
        ZONESEAL_TSIG_KEY_FILE: keyFile,
        ZONESEAL_SECONDARIES: secondariesText,
      };
      service = await startTestService(dir.at('data'), { settings });
    };
    await start(`127.0.0.2:${ports[0]}`);
    await call('POST', '/zones', { zoneName: zone });
    await call('PUT', `/zones/${zone}/dnssec`, { region: 'nl-01', policy: { denial: dnssec } });
    await call('POST', `/zones/${zone}/records`, { name: 'www', type: 'A', values: ['192.0.2.1'] });
    const plan = { zone: `${zone}.`, primary: port, key };
    secondaries = [
      { name: 'BIND', server: await startNamedSecondary(plan) },
      { name: 'Knot', server: await startKnotSecondary(plan) },
      { name: 'NSD', server: await startNsdSecondary(plan) },
    ];
    await service.close();
    await start(secondaries.map(({ server }) => `127.0.0.1:${server.port}@${key.name}`).join(','));
  });
  afterAll(async () => {
    for (const { server } of secondaries) await server.stop();
    await service.close();
    dir[Symbol.dispose]();
  });

  const serialOf = async (at: number): Promise<number> =>
    Number((await dig('-p', String(at), '+short', `${zone}.`, 'SOA')).split(' ')[2]);

  const allFollow = async (): Promise<void> => {
    const { serial } = await call('GET', `/zones/${zone}`);
    for (const { name, server } of secondaries)
      await expect
        .poll(() => serialOf(server.port), {
          timeout: patience,
          interval: 100,
          message: `${name} at ${String(serial)}`,
        })
        .toBe(Number(serial));
  };

  test('BIND, Knot and NSD follow every version', async () => {
    await allFollow();
    const steps = [
      [{ action: 'put', name: 'www', type: 'A', values: ['192.0.2.2'] }],
      [{ action: 'put', name: 'a.b.c', type: 'TXT', values: ['deep', 'x'.repeat(1000)] }],
      [{ action: 'put', name: 'odd\\.label\\000', type: 'TYPE65400', values: ['\\# 3 00ff80'] }],
      [
        { action: 'put', name: 'sub', type: 'NS', values: ['ns.sub'] },
        { action: 'put', name: 'ns.sub', type: 'A', values: ['192.0.2.9'] },
      ],
      [
        { action: 'delete', name: 'a.b.c', type: 'TXT' },
        { action: 'delete', name: 'www', type: 'A' },
      ],
    ];
    for (const changes of steps) {
      await call('POST', `/zones/${zone}/changes`, { changes });
      await allFollow();
    }
    const { zoneFile = '' } = await call('GET', `/zones/${zone}/export?signed=true`);
    const wanted = zoneFile.trim().split('\n').length;
    for (const { server } of secondaries) {
      const transferred = await dig('-p', String(server.port), '+nocomments', '+nostats', '+nocmd', `${zone}.`, 'AXFR');
      expect(
        transferred
          .trim()
          .split('\n')
          .filter((line) => /\sIN\s/.test(line)).length,
      ).toBe(wanted + 1);
    }
    expect(zoneFile).toContain('odd\\.label\\000');
  });

  const keyed = (which: typeof key) => ['-y', `${which.algorithm}:${which.name}:${which.secret}`];

  test('a transfer is signed, whole, and in as few steps as are needed', async () => {
    const { serial } = await call('GET', `/zones/${zone}`);
    for (const which of [key, other]) {
      const whole = await dig('-p', String(port), ...keyed(which), `${zone}.`, 'AXFR');
      expect(whole).not.toContain('failed');
      expect(whole.match(/\tSOA\t/g)).toHaveLength(2);
    }
    await call('POST', `/zones/${zone}/changes`, {
      changes: [{ action: 'put', name: 'www', type: 'A', values: ['192.0.2.77'] }],
    });
    const steps = await dig('-p', String(port), ...keyed(key), `${zone}.`, `IXFR=${serial}`);
    expect(steps).toContain('192.0.2.77');
    expect(steps).not.toContain('192.0.2.9');
    expect(steps.match(/\tSOA\t/g)?.length).toBe(4);
    const now = (await call('GET', `/zones/${zone}`))['serial'];
    expect((await dig('-p', String(port), ...keyed(key), `${zone}.`, `IXFR=${now}`)).match(/\tSOA\t/g)).toHaveLength(1);
    expect(
      (await dig('-p', String(port), ...keyed(key), `${zone}.`, 'IXFR=7')).match(/\tSOA\t/g)?.length,
    ).toBeGreaterThanOrEqual(2);
  });

  test('whoever has no right gets nothing, and learns no more', async () => {
    expect(await dig('-p', String(port), `${zone}.`, 'AXFR')).toContain('Transfer failed');
    expect(await dig('-p', String(port), `${zone}.`, 'SOA')).toContain('REFUSED');
    const wrongSecret = { ...key, secret: randomBytes(32).toString('base64') };
    expect(await dig('-p', String(port), ...keyed(wrongSecret), `${zone}.`, 'SOA')).toContain('BADSIG');
    expect(await dig('-p', String(port), ...keyed({ ...key, name: 'unknown.key' }), `${zone}.`, 'SOA')).toContain(
      'BADKEY',
    );
    expect(await dig('-p', String(port), ...keyed(key), 'other.example.', 'SOA')).toContain('NOTAUTH');
    expect(await dig('-p', String(port), ...keyed(key), `www.${zone}.`, 'A')).toContain('NOTAUTH');
    expect(await dig('-p', String(port), ...keyed(key), '+tcp', `${zone}.`, 'A')).toContain('REFUSED');
  });

  describe('what is no request', () => {
    const askSoa = () => dig('-p', String(port), ...keyed(key), `${zone}.`, 'SOA');

    test('random octets do no harm', async () => {
      const udp = createSocket('udp4');
      for (let count = 0; count < 300; count++) {
        const garbage = randomBytes(Math.floor(Math.random() * 80));
        if (count % 2 === 0 && garbage.length > 2) garbage[2] = 0;
        await new Promise<void>((resolve) => udp.send(garbage, port, '127.0.0.1', () => resolve()));
      }
      udp.close();
      for (let count = 0; count < 20; count++) {
        const body = randomBytes(Math.floor(Math.random() * 300));
        await new Promise<void>((resolve) => {
          const tcp = connect(port, '127.0.0.1', () =>
            tcp.end(Buffer.concat([Buffer.from([0, body.length & 255]), body])),
          );
          tcp.resume();
          tcp.on('error', () => undefined);
          tcp.once('close', () => resolve());
        });
      }
      expect(await askSoa()).toContain('NOERROR');
    });

    test('a secondary that hangs up in the middle does no harm', async () => {
      for (let count = 0; count < 5; count++) {
        const child = connect(port, '127.0.0.1');
        await new Promise<void>((resolve) => child.once('connect', resolve));
        child.destroy();
      }
      expect(await askSoa()).toContain('NOERROR');
    });
  });
});
