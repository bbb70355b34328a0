import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { soundCallerOf, startTestService } from '#test/support/open-service.ts';
import { runZoneseal } from '#test/support/run-zoneseal.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';

/** A service in this process on a data folder. */
async function serve(data: string, settings: Readonly<Record<string, string>> = {}) {
  const service = await startTestService(data, { settings });
  return { call: soundCallerOf(() => service.baseUrl), close: () => service.close() };
}

const plaintext = Buffer.from('kept').toString('base64');

describe('root key and backup', () => {
  let dir: TempDir;
  let data: string;
  let ciphertext: unknown;

  beforeAll(async () => {
    dir = makeTempDir();
    data = dir.at('data');
    const service = await serve(data);
    await service.call('POST', '/kms/nl-01/keys', { name: 'a' });
    ({ ciphertext } = await service.call('POST', '/kms/nl-01/keys/a/encrypt', { plaintext }));
    await service.close();
  });
  afterAll(() => dir[Symbol.dispose]());

  const decrypts = async (folder: string, env: Readonly<Record<string, string>> = {}) => {
    const service = await serve(folder, env);
    const answer = await service.call('POST', '/kms/nl-01/keys/a/decrypt', { ciphertext });
    await service.close();
    return answer['plaintext'] === plaintext;
  };

  test('the check names the root key and what it opened', async () => {
    const { code, stdout } = await runZoneseal(['root-key', 'check', '--data', data]);
    expect(stdout).toMatch(/^root key [0-9a-f]{16} opens all 1 key-encryption keys\n$/);
    expect(code).toBe(0);
  });

  test('another root key is refused by the check and by the start', async () => {
    writeFileSync(dir.at('other.key'), new Uint8Array(32).fill(3), { mode: 0o600 });
    const { code, stderr } = await runZoneseal([
      'root-key',
      'check',
      '--data',
      data,
      '--root-key-file',
      dir.at('other.key'),
    ]);
    expect(stderr).toContain('the root key given is');
    expect(code).toBe(1);
    await expect(serve(data, { ZONESEAL_ROOT_KEY_FILE: dir.at('other.key') })).rejects.toMatchObject({
      code: 'root-key-wrong',
    });
  });

  test('a folder without a KMS is said to be one, and nothing is made there', async () => {
    const { code, stderr } = await runZoneseal(['root-key', 'check', '--data', dir.at('nothing')]);
    expect(stderr).toContain(`there is no KMS in ${dir.at('nothing')}`);
    expect(code).toBe(1);
    expect(existsSync(dir.at('nothing'))).toBe(false);
  });

  test('a backup made while the service runs decrypts everything, with the root key and not without', async () => {
    const service = await serve(data);
    const backup = dir.at('backup');
    const { code } = await runZoneseal(['backup', backup, '--data', data]);
    expect(code).toBe(0);
    await service.close();
    expect(existsSync(`${backup}/root.key`)).toBe(false);
    await expect(serve(backup)).rejects.toMatchObject({ code: 'root-key-missing' });
    expect(existsSync(`${backup}/root.key`)).toBe(false);
    copyFileSync(`${data}/root.key`, `${backup}/root.key`);
    expect(await decrypts(backup)).toBe(true);
    const again = await runZoneseal(['backup', backup, '--data', data]);
    expect(again.stderr).toContain('exists already');
    expect(again.code).toBe(1);
  });

  test('a rotated root key file opens everything, and the old one nothing any more', async () => {
    const { code, stdout } = await runZoneseal(['root-key', 'rotate', '--data', data]);
    expect(code).toBe(0);
    const old = /keep (\S+) for backups/.exec(stdout)?.[1] ?? '';
    expect(await decrypts(data)).toBe(true);
    await expect(serve(data, { ZONESEAL_ROOT_KEY_FILE: old })).rejects.toMatchObject({ code: 'root-key-wrong' });
  });

  test('the root key is not rotated under a running service', async () => {
    const service = await serve(data);
    const { code, stderr } = await runZoneseal(['root-key', 'rotate', '--data', data]);
    expect(stderr).toContain('in use by another process');
    expect(code).toBe(1);
    await service.close();
    expect(await decrypts(data)).toBe(true);
  });

  test('a rotation that a crash ended before the files changed places is ended by the next one', async () => {
    mkdirSync(dir.at('crash'), { mode: 0o700 });
    for (const name of ['kms.sqlite', 'audit.sqlite', 'root.key'])
      copyFileSync(`${data}/${name}`, dir.at(`crash/${name}`));
    const first = await runZoneseal(['root-key', 'rotate', '--data', dir.at('crash')]);
    const old = /keep (\S+) for backups/.exec(first.stdout)?.[1] ?? '';
    // As it was between the commit of the database and the first rename.
    renameSync(dir.at('crash/root.key'), dir.at('crash/root.key.next'));
    renameSync(old, dir.at('crash/root.key'));
    await expect(serve(dir.at('crash'))).rejects.toMatchObject({ code: 'root-key-wrong' });
    expect((await runZoneseal(['root-key', 'rotate', '--data', dir.at('crash')])).code).toBe(0);
    expect(await decrypts(dir.at('crash'))).toBe(true);
    // And between the two renames.
    renameSync(dir.at('crash/root.key'), dir.at('crash/root.key.next'));
    expect((await runZoneseal(['root-key', 'rotate', '--data', dir.at('crash')])).code).toBe(0);
    expect(await decrypts(dir.at('crash'))).toBe(true);
    rmSync(dir.at('crash'), { recursive: true });
  });

  test('the root key moves into a passphrase', async () => {
    const passphrase = 'correct horse battery staple';
    process.env['ZONESEAL_NEW_ROOT_KEY_PASSPHRASE'] = passphrase;
    expect((await runZoneseal(['root-key', 'rotate', '--data', data])).code).toBe(0);
    process.env['ZONESEAL_ROOT_KEY_PASSPHRASE'] = passphrase;
    expect(await decrypts(data, { ZONESEAL_ROOT_KEY_PASSPHRASE: passphrase })).toBe(true);
    expect(process.env['ZONESEAL_ROOT_KEY_PASSPHRASE']).toBeUndefined();
  });
});
