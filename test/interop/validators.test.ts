import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Service } from '#app/server.ts';
import { soundCallerOf, startTestService } from '#test/support/open-service.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startKnotSecondary, startNamedSecondary, startNsdSecondary } from '#test/support/secondaries.ts';
import { type PrivateServer, startUnbound } from '#test/support/servers.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

/** Each zone is answered for by another name server that got it from us. */
const kinds = [
  { name: 'nsec.example', policy: { denial: 'nsec' }, startSecondary: startNsdSecondary },
  { name: 'nsec3.example', policy: { denial: 'nsec3' }, startSecondary: startKnotSecondary },
  { name: 'optout.example', policy: { denial: 'nsec3', optOut: true }, startSecondary: startNamedSecondary },
];
const key = { name: 'transfer.key', algorithm: 'hmac-sha256', secret: randomBytes(32).toString('base64') };

/**
 * Questions below a zone, and whether the answer needs the proof that a name does not exist. With opt-out that proof
 * leaves room for an insecure delegation, and such an answer is not said to be authentic (RFC 5155 §9.2).
 */
const questions: readonly (readonly [what: string, name: string, type: string, status: string, needsCover: boolean])[] =
  [
    ['data', 'www', 'A', 'NOERROR', false],
    ['no data', 'www', 'AAAA', 'NOERROR', false],
    ['no name', 'none', 'A', 'NXDOMAIN', true],
    ['no name below a name', 'x.y.www', 'A', 'NXDOMAIN', true],
    ['an empty non-terminal', 'b.c', 'A', 'NOERROR', false],
    ['a wildcard', 'any.wild', 'TXT', 'NOERROR', true],
    ['no data at a wildcard', 'any.wild', 'A', 'NOERROR', true],
    ['a CNAME', 'alias', 'A', 'NOERROR', false],
    ['a CNAME to a wildcard', 'alias2', 'TXT', 'NOERROR', true],
    ['a DNAME', 'www.old', 'A', 'NOERROR', false],
    ['no DS at an insecure cut', 'insecure', 'DS', 'NOERROR', true],
    ['DS at a secure cut', 'secure', 'DS', 'NOERROR', false],
    ['the apex', '', 'SOA', 'NOERROR', false],
    ['keys', '', 'DNSKEY', 'NOERROR', false],
  ];

describeWith(['nsd', 'knotd', 'named', 'unbound', 'dig', 'delv'], 'answers that validators accept', () => {
  let dir: TempDir;
  let service: Service;
  const secondaries = new Map<string, PrivateServer>();
  let unbound: PrivateServer | undefined;
  const anchors = new Map<string, string>();

  const call = soundCallerOf(() => service.baseUrl, '/v1/dns');

  beforeAll(async () => {
    dir = makeTempDir();
    writeFileSync(dir.at('tsig.keys'), `${key.name} ${key.algorithm} ${key.secret}\n`, { mode: 0o600 });
    const settings = {
      ZONESEAL_NAME_SERVERS: 'ns.example.net',
      ZONESEAL_TRANSFER: '127.0.0.1:0',
      ZONESEAL_TSIG_KEY_FILE: dir.at('tsig.keys'),
    };
    service = await startTestService(dir.at('data'), { settings });
    for (const { name, policy, startSecondary } of kinds) {
      await call('POST', '/zones', { zoneName: name });
      const { dsRecords } = await call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policy });
      const put = (owner: string, type: string, ...values: string[]) => ({ action: 'put', name: owner, type, values });
      const changes = [
        put('www', 'A', '192.0.2.1'),
        put('a.b.c', 'TXT', 'deep'),
        put('*.wild', 'TXT', 'wild'),
        put('alias', 'CNAME', `www.${name}.`),
        put('alias2', 'CNAME', `q.wild.${name}.`),
        put('old', 'DNAME', `${name}.`),
        put('insecure', 'NS', 'ns.example.net.'),
        put('secure', 'NS', 'ns.example.net.'),
        put('secure', 'DS', `1 13 2 ${'ab'.repeat(32)}`),
      ];
      await call('POST', `/zones/${name}/changes`, { changes });
      await call('POST', `/zones/${name}/records`, { name: 'later', type: 'A', values: ['192.0.2.7'] });
      anchors.set(name, dsRecords[0].record);
      const { serial } = await call('GET', `/zones/${name}`);
      const secondary = await startSecondary({ zone: `${name}.`, primary: service.transferPort ?? 0, key });
      secondaries.set(name, secondary);
      const asked = ['@127.0.0.1', '-p', String(secondary.port), '+short', `${name}.`, 'SOA'];
      const serialThere = async () => (await run(getTool('dig'), asked)).stdout.split(' ')[2];
      for (let tries = 0; (await serialThere()) !== String(serial); tries++) {
        if (tries === 200) throw new Error(`the secondary of ${name} has not got serial ${serial}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    unbound = await startUnbound(
      kinds.map(({ name }) => ({
        origin: `${name}.`,
        port: secondaries.get(name)?.port ?? 0,
        anchors: [`${name}. DS ${anchors.get(name)}`],
      })),
    );
  });
  afterAll(async () => {
    await unbound?.stop();
    for (const secondary of secondaries.values()) await secondary.stop();
    await service.close();
    dir[Symbol.dispose]();
  });

  describe.each(kinds)('$name', ({ name: zone, policy }) => {
    const isOptOut = 'optOut' in policy;

    test.each(questions)('%s', async (_what, name, type, status, needsCover) => {
      const owner = name === '' ? `${zone}.` : `${name}.${zone}.`;
      const { stdout } = await run(getTool('dig'), ['@127.0.0.1', '-p', String(unbound?.port), '+dnssec', owner, type]);
      expect(stdout).toContain(`status: ${status}`);
      expect(/flags:[^;]* ad[ ;]/.test(stdout)).toBe(!(isOptOut && needsCover));
    });

    test.each(questions)('delv validates from the DS down: %s', async (_what, name, type, _status, needsCover) => {
      const anchorFile = dir.at(`${zone}.anchor`);
      const [tag, algorithm, digestType, digest] = (anchors.get(zone) ?? '').split(' ');
      writeFileSync(
        anchorFile,
        `trust-anchors { "${zone}." static-ds ${tag} ${algorithm} ${digestType} "${digest}"; };\n`,
      );
      const owner = name === '' ? `${zone}.` : `${name}.${zone}.`;
      const at = ['@127.0.0.1', '-p', String(secondaries.get(zone)?.port), '-a', anchorFile, `+root=${zone}.`];
      const { stdout, stderr } = await run(getTool('delv'), [...at, owner, type]);
      // BIND says so of negative answers all the same; of what a wildcard gives, opt-out leaves it unsure.
      const isUnsure = isOptOut && needsCover && type === 'TXT';
      expect(stdout + stderr).toContain(isUnsure ? 'unsigned answer' : 'fully validated');
    });
  });
});
