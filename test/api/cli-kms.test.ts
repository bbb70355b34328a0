import { generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Service } from '#app/server.ts';
import { startTestService } from '#test/support/open-service.ts';
import { type CommandOutcome, runZoneseal } from '#test/support/run-zoneseal.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { testToken } from '#test/support/zoneseal.ts';

let dir: TempDir;
let service: Service;
beforeAll(async () => {
  dir = makeTempDir();
  service = await startTestService(dir.at('data'));
});
afterAll(async () => {
  await service.close();
  dir[Symbol.dispose]();
});

/** Run a command against the service; it must end well. */
async function zoneseal(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await attempt(...args);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

function attempt(...args: string[]): Promise<CommandOutcome> {
  return runZoneseal([...args, '--kms', service.baseUrl], { ZONESEAL_TOKEN: testToken });
}

const file = (name: string, content: Uint8Array | string): string => {
  writeFileSync(dir.at(name), content);
  return dir.at(name);
};

describe('key', () => {
  test('a key lives from its creation to its deletion', async () => {
    const key = JSON.parse(
      await zoneseal(
        'key',
        'create',
        'My key',
        '--key-type',
        'ed25519',
        '--label',
        'a=b',
        '--rotate-every',
        '30',
        '--json',
      ),
    );
    expect(key).toMatchObject({ name: 'My key', labels: { a: 'b' }, rotationPeriodInDays: 30 });
    expect(await zoneseal('key', 'list')).toMatch(/My key +ed25519 +active +1\n/);
    expect(await zoneseal('key', 'rotate', 'my-key')).toMatch(/latest version +2\n/);
    expect(await zoneseal('key', 'rotation', 'my-key', '--off')).toMatch(/rotation +by hand\n/);
    expect(await zoneseal('key', 'disable', 'my-key')).toMatch(/status +disabled\n/);
    expect(await zoneseal('key', 'enable', 'my-key')).toMatch(/status +active\n/);
    expect(await zoneseal('key', 'delete', 'my-key')).toMatch(/purged at +\d{4}-/);
    expect(await zoneseal('key', 'cancel-deletion', key.identity)).toMatch(/status +active\n/);
    expect(await zoneseal('key', 'get', key.identity)).toMatch(/latest version +2\n/);
    expect((await zoneseal('key', 'public-key', 'my-key')).trim().split('\n')).toHaveLength(2);
    expect(await zoneseal('key', 'public-key', 'my-key', '--key-version', '1', '--format', 'pem')).toContain(
      'BEGIN PUBLIC KEY',
    );
    const events = await zoneseal('key', 'events');
    for (const kind of [
      'created',
      'rotated',
      'rotation-changed',
      'disabled',
      'enabled',
      'deletion-scheduled',
      'deletion-cancelled',
    ])
      expect(events).toContain(kind);
  });

  test('what is encrypted comes back, also with bound data and after a rewrap', async () => {
    await zoneseal('key', 'create', 'cipher');
    const secret = randomBytes(100);
    const bound = file('bound', 'bound');
    await zoneseal(
      'key',
      'encrypt',
      'cipher',
      '--in',
      file('plain', secret),
      '--out',
      dir.at('sealed'),
      '--associated-data',
      bound,
    );
    expect(readFileSync(dir.at('sealed'), 'utf8')).toMatch(/^thalassa:v1:\S+\n$/);
    await zoneseal('key', 'rotate', 'cipher');
    await zoneseal(
      'key',
      'rewrap',
      'cipher',
      '--in',
      dir.at('sealed'),
      '--out',
      dir.at('rewrapped'),
      '--associated-data',
      bound,
    );
    expect(readFileSync(dir.at('rewrapped'), 'utf8')).toMatch(/^thalassa:v2:/);
    for (const sealed of ['sealed', 'rewrapped']) {
      await zoneseal(
        'key',
        'decrypt',
        'cipher',
        '--in',
        dir.at(sealed),
        '--out',
        dir.at('opened'),
        '--associated-data',
        bound,
      );
      expect(readFileSync(dir.at('opened'))).toEqual(secret);
    }
    const wrong = await attempt('key', 'decrypt', 'cipher', '--in', dir.at('sealed'));
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    const dataKey = await zoneseal('key', 'data-key', 'cipher', '--out', dir.at('data-key'));
    expect(statSync(dir.at('data-key')).mode & 0o777).toBe(0o600);
    await zoneseal(
      'key',
      'decrypt',
      'cipher',
      '--in',
      file('data-key.sealed', dataKey),
      '--out',
      dir.at('data-key.opened'),
    );
    expect(readFileSync(dir.at('data-key.opened'))).toEqual(readFileSync(dir.at('data-key')));
  });

  test('signatures and HMACs are made and verified', async () => {
    const message = file('message', 'a message');
    for (const [type, make, check, option] of [
      ['ecdsa-p256', 'sign', 'verify', '--signature'],
      ['hmac-sha512', 'hmac', 'verify-hmac', '--hmac'],
    ] as const) {
      await zoneseal('key', 'create', type, '--key-type', type);
      const made = file(`made-${type}`, await zoneseal('key', make, type, '--in', message));
      expect(await zoneseal('key', check, type, '--in', message, option, made)).toBe('valid\n');
      const other = await attempt('key', check, type, '--in', file('other', 'another'), option, made);
      expect(other).toMatchObject({ code: 1, stdout: 'NOT valid\n' });
    }
  });

  test.each([
    ['ecdsa-p256', 'P-256', 'sec1'],
    ['ecdsa-p256', 'P-256', 'pkcs8'],
    ['rsa-2048', undefined, 'pkcs1'],
  ] as const)('a PEM of %s (%s, %s) is imported as it is', async (type, namedCurve, form) => {
    const { privateKey, publicKey } =
      namedCurve === undefined
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve });
    const name = `imported-${type}-${form}`;
    const pem = file(`${name}.pem`, privateKey.export({ type: form, format: 'pem' }));
    const printed = await zoneseal('key', 'import', name, '--key-type', type, '--in', pem);
    expect(printed).toMatch(new RegExp(`type +${type}\n`));
    const scheme = type === 'rsa-2048' ? ['--rsa-scheme', 'pkcs1v15'] : [];
    const tagged = await zoneseal('key', 'sign', name, '--in', file('message', 'a message'), ...scheme);
    const signature = Buffer.from(tagged.trim().split(':')[2] ?? '', 'base64');
    expect(verify('sha256', Buffer.from('a message'), publicKey, signature)).toBe(true);
  });

  test('raw octets are wrapped without a KMS, imported, and come out as they went in', async () => {
    const octets = randomBytes(32);
    const { publicKey } = JSON.parse(
      await (
        await fetch(`${service.baseUrl}/v1/kms/nl-01/wrapping-key`, {
          headers: { authorization: `Bearer ${testToken}`, 'x-organisation-identity': 'o-default' },
        })
      ).text(),
    );
    const blob = (
      await runZoneseal([
        'key',
        'wrap',
        '--key-type',
        'aes256-gcm96',
        '--in',
        file('octets', octets),
        '--wrapping-key',
        file('wrapping.pem', publicKey),
      ])
    ).stdout.trim();
    const made = await fetch(`${service.baseUrl}/v1/kms/nl-01/keys`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${testToken}`,
        'x-organisation-identity': 'o-default',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name: 'octets', importKeyMaterial: blob, exportAllowed: true }),
    });
    expect(made.status).toBe(201);
    await zoneseal('key', 'export', 'octets', '--out', dir.at('exported'));
    expect(readFileSync(dir.at('exported'))).toEqual(octets);
    expect(statSync(dir.at('exported')).mode & 0o777).toBe(0o600);
    expect(await attempt('key', 'export', 'octets', '--out', dir.at('exported'))).toMatchObject({ code: 2 });
  });

  test.each([
    [['key', 'create'], 2, 'missing required argument'],
    [['key', 'create', 'x', '--key-type', 'dsa'], 2, 'dsa'],
    [['key', 'create', 'x', '--label', 'nonsense'], 2, 'KEY=VALUE'],
    [['key', 'rotation', 'x'], 2, '--every'],
    [['key', 'rotation', 'x', '--every', '0'], 2, '3650'],
    [['key', 'get', 'none'], 1, 'no such key'],
    [['key', 'encrypt', 'x', '--in', '/nonexistent'], 2, '/nonexistent'],
    [['key', 'import', 'x', '--in', '/dev/null'], 2, '--key-type'],
    [['token', 'create', 'x'], 2, '--policy'],
    [['token', 'create', 'x', '--signer', '--expires', 'soon'], 2, 'duration'],
    [['audit', 'verify', '--expect', '7'], 2, '--expect'],
  ])('%j ends with %i and says why', async (args, code, message) => {
    const outcome = await attempt(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
  });
});

describe('token, org, region, webhook', () => {
  test('a token is made, used, listed and revoked', async () => {
    const [identity = '', secret = ''] = (await zoneseal('token', 'create', 'signer', '--signer', '--expires', '1d'))
      .trim()
      .split('\n');
    const list = () => runZoneseal(['key', 'list', '--kms', service.baseUrl], { ZONESEAL_TOKEN: secret });
    expect((await list()).code).toBe(0);
    const create = await runZoneseal(['key', 'create', 'no', '--kms', service.baseUrl], { ZONESEAL_TOKEN: secret });
    expect(create).toMatchObject({ code: 1 });
    expect(await zoneseal('token', 'list')).toContain('kms:Sign');
    expect(await zoneseal('token', 'list')).not.toContain(secret);
    await zoneseal('token', 'revoke', identity);
    expect((await list()).stderr).toContain('401');
  });

  test('a token is for the organisation of the command, and for any only when that is asked for', async () => {
    const made = async (...args: string[]) =>
      JSON.parse(await zoneseal('token', 'create', 'scope', '--signer', '--json', ...args));
    expect(await made()).toMatchObject({ organisation: 'o-default' });
    await zoneseal('org', 'put', 'o-other');
    expect(await made('--organisation', 'o-other', '--project', 'p-one')).toMatchObject({
      organisation: 'o-other',
      project: 'p-one',
    });
    expect(await made('--any-organisation')).not.toHaveProperty('organisation');
  });

  test.each([
    ['token', 'create', 'x'],
    ['key', 'encrypt', 'x', '--in', '/nonexistent'],
    ['audit', 'list', '--limit', '0'],
  ])('wrong use (%s %s) makes no data folder', async (...args) => {
    const data = dir.at('never');
    expect(await runZoneseal([...args, '--data', data])).toMatchObject({ code: 2, stdout: '' });
    expect(existsSync(data)).toBe(false);
  });

  test('organisations and regions are added and switched', async () => {
    expect(await zoneseal('org', 'put', 'o-new', '--name', 'New', '--off')).toMatch(/o-new +New +off/);
    expect(await zoneseal('org', 'put', 'o-new', '--on')).toMatch(/o-new +New +on/);
    expect(await zoneseal('org', 'list')).toMatch(/o-default/);
    expect(await zoneseal('region', 'put', 'de-01')).toMatch(/de-01 +de-01 +on/);
    expect(await zoneseal('region', 'list')).toMatch(/nl-01/);
  });

  test('a webhook is added, listed and deleted', async () => {
    const [identity = '', secret] = (await zoneseal('webhook', 'create', 'https://example.invalid/'))
      .trim()
      .split('\n');
    expect(secret).toMatch(/^whsec_/);
    expect(await zoneseal('webhook', 'list')).toContain('https://example.invalid/');
    await zoneseal('webhook', 'delete', identity);
    expect(await zoneseal('webhook', 'list')).not.toContain(identity);
  });
});

describe('audit', () => {
  test('the log is listed and found whole, up to the event that is expected', async () => {
    expect(await zoneseal('audit', 'list', '--operation', 'kms.create', '--limit', '1')).toMatch(
      /allowed +kms\.create +admin/,
    );
    const first = (await zoneseal('audit', 'verify')).trim().split('\n')[1] ?? '';
    expect(first).toMatch(/^\d+:[0-9a-f]{64}$/);
    await zoneseal('key', 'create', 'later');
    expect(await zoneseal('audit', 'verify', '--expect', first)).toMatch(/^whole: /);
    const [number, hash = ''] = first.split(':');
    const wrong = await attempt(
      'audit',
      'verify',
      '--expect',
      `${number}:${hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))}`,
    );
    expect(wrong).toMatchObject({ code: 1 });
    const beyond = await attempt('audit', 'verify', '--expect', `99999:${hash}`);
    expect(beyond).toMatchObject({ code: 1 });
  });

  test('a log that was tampered with is not whole', async () => {
    const database = new DatabaseSync(dir.at('data/audit.sqlite'));
    database.exec("UPDATE audit_events SET body = replace(body, 'admin', 'nobody') WHERE number = 3");
    database.close();
    const { code, stdout } = await attempt('audit', 'verify');
    expect(stdout).toMatch(/^NOT whole: event 3 was changed, moved or put in\nright up to 2:[0-9a-f]{64}\n$/);
    expect(code).toBe(1);
    expect(existsSync(dir.at('data/audit.sqlite'))).toBe(true);
  });
});
