import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freePort } from '#test/support/free-port.ts';
import { soundCallerOf, startTestService } from '#test/support/open-service.ts';
import { patience, testTimeout } from '#test/support/patience.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startKnotSecondary, startNamedSecondary } from '#test/support/secondaries.ts';
import { startPostgres } from '#test/support/servers.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const key = { name: 'transfer.key', algorithm: 'hmac-sha256', secret: randomBytes(32).toString('base64') };
const zone = 'digested.example';
const names = 1200;

interface DigestedZone extends AsyncDisposable {
  readonly transferPort: number;
  call(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
}

/** Start a service with an empty zone that has a digest. @param database settings of another one than the embedded */
async function startDigested(denial: string, database: Readonly<Record<string, string>>): Promise<DigestedZone> {
  const started = new AsyncDisposableStack();
  const dir = started.use(makeTempDir());
  const transferPort = await freePort();
  writeFileSync(dir.at('keys'), `${key.name} ${key.algorithm} ${key.secret}\n`, { mode: 0o600 });
  const settings = {
    ZONESEAL_TRANSFER: `127.0.0.1:${transferPort}`,
    ZONESEAL_TSIG_KEY_FILE: dir.at('keys'),
    ...database,
  };
  const service = await startTestService(dir.at('data'), { settings });
  started.defer(() => service.close());
  const call: DigestedZone['call'] = soundCallerOf(() => service.baseUrl, '/v1/dns/zones');
  await call('POST', '', { zoneName: zone });
  await call('PUT', `/${zone}/dnssec`, { region: 'nl-01', policy: { denial, zonemd: true } });
  return { transferPort, call, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

const dig = async (port: number, ...args: string[]): Promise<string> =>
  (await run(getTool('dig'), ['@127.0.0.1', '-p', String(port), '+time=5', '+tries=1', ...args])).stdout;

async function serialAt(port: number): Promise<number> {
  return Number((await dig(port, '+short', `${zone}.`, 'SOA')).split(' ')[2]);
}

/** Whether a judge finds the digest right of what a secondary gives on. */
async function isDigestRight(port: number): Promise<boolean> {
  using dir = makeTempDir();
  const records = (await dig(port, '+nocomments', '+nostats', '+nocmd', `${zone}.`, 'AXFR')).trim().split('\n');
  writeFileSync(dir.at('zone'), `${records.slice(0, -1).join('\n')}\n`); // its SOA ends a transfer once more
  return (await run(getTool('ldns-verify-zone'), ['-Z', dir.at('zone')], { cwd: dir.path })).code === 0;
}

describeWith(
  ['knotd', 'named', 'dig', 'ldns-verify-zone', 'postgres', 'initdb'],
  'the digest of a zone at its secondaries',
  () => {
    test.each([
      ['SQLite', 'nsec'],
      ['PostgreSQL', 'nsec3'],
    ])('is right in each version, with %s and %s', { timeout: testTimeout }, async (kind, denial) => {
      await using database = kind === 'PostgreSQL' ? await startPostgres() : undefined;
      await using service = await startDigested(denial, database === undefined ? {} : { DATABASE_URL: database.url });
      const plan = { zone: `${zone}.`, primary: service.transferPort, key };
      await using knot = await startKnotSecondary(plan, 'zonemd-verify: on');
      await using bind = await startNamedSecondary(plan);
      const follows = async (port: number): Promise<void> => {
        const { serial } = await service.call('GET', `/${zone}`);
        await dig(port, `${zone}.`, 'SOA', '+opcode=notify');
        await expect.poll(() => serialAt(port), { timeout: patience, interval: 100 }).toBe(serial);
      };
      const allFollow = async (): Promise<void> => {
        for (const { port } of [knot, bind]) await follows(port);
        expect(await isDigestRight(bind.port)).toBe(true);
      };
      await allFollow();
      const lines = Array.from({ length: names }, (_, index) => `n${index} A 192.0.2.1`);
      await service.call('POST', `/${zone}/import`, { zoneFile: `${lines.join('\n')}\n` });
      await allFollow();
      const put = (name: string, type: string, value: string) => ({ action: 'put', name, type, values: [value] });
      for (const change of [
        put('sub', 'NS', 'ns.elsewhere.net.'),
        put('n7', 'A', '192.0.2.2'),
        { action: 'delete', name: 'n8', type: 'A' },
      ]) {
        await service.call('POST', `/${zone}/changes`, { changes: [change] });
        await allFollow();
      }
      const before = await serialAt(knot.port);
      await service.call('PUT', `/${zone}/dnssec`, { region: 'nl-01', policy: { denial, zonemd: false } });
      await follows(bind.port);
      expect(await isDigestRight(bind.port)).toBe(false);
      await dig(knot.port, `${zone}.`, 'SOA', '+opcode=notify');
      await knot.process.waitFor(/ZONEMD/i, patience);
      expect(await serialAt(knot.port)).toBe(before);
    });
  },
);
