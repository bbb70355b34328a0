import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKek, openKeks, rewrapKek } from '#kms/adapters/key-encryption-keys.ts';
import { openRootKeyEnvironment } from '#kms/adapters/root-key-environment.ts';
import { openRootKeyFile } from '#kms/adapters/root-key-file.ts';
import { makePassphraseParameters, openRootKeyPassphrase } from '#kms/adapters/root-key-passphrase.ts';
import type { RootKey } from '#kms/ports/root-key.ts';
import { encodeBase64, encodeHex } from '#lib/encoding.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';
import { codeOf, utf8 } from '#test/support/kms-crypto.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zoneseal-root-'));
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
const freshPath = (): string => join(folder, `root-${count++}`);
const octets = new Uint8Array(32).map((_, index) => index);
const fromEnvironment = (text: string): RootKey => openRootKeyEnvironment('KEY', { KEY: text });
const rootKey = (): RootKey => fromEnvironment(encodeHex(octets));
const other = (): RootKey => fromEnvironment(encodeHex(new Uint8Array(32).fill(1)));

async function fileWith(content: Uint8Array, mode = 0o600): Promise<string> {
  const path = freshPath();
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

describe('a root key in a file', () => {
  it('is made with mode 0600 where no data exist, and is the same from then on', async () => {
    const path = join(folder, 'new', 'root.key');
    const made = await openRootKeyFile(path, { create: true });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path)).length).toBe(32);
    expect(await readdir(join(folder, 'new'))).toEqual(['root.key']);
    expect((await openRootKeyFile(path, { create: false })).id).toBe(made.id);
    expect((await openRootKeyFile(path, { create: true })).id).toBe(made.id);
  });

  it('is one and the same for processes that start together', async () => {
    const path = freshPath();
    const opened = await Promise.all(Array.from({ length: 8 }, () => openRootKeyFile(path, { create: true })));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  });

  it('is never made where data exist', async () => {
    const path = freshPath();
    expect(await codeOf(() => openRootKeyFile(path, { create: false }))).toBe('root-key-missing');
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it.each([0o640, 0o604, 0o620, 0o666, 0o610])('is refused with mode %o', async (mode) => {
    const path = await fileWith(octets, mode);
    await expect(openRootKeyFile(path, { create: true })).rejects.toThrow(/chmod 600/);
  });

  it.each([0, 1, 31, 33, 64])('is refused with %i octets, and left as it is', async (size) => {
    const path = await fileWith(new Uint8Array(size));
    expect(await codeOf(() => openRootKeyFile(path, { create: true }))).toBe('root-key-invalid');
    expect((await readFile(path)).length).toBe(size);
  });

  it('is refused as a symbolic link or a folder', async () => {
    const link = freshPath();
    await symlink(await fileWith(octets), link);
    expect(await codeOf(() => openRootKeyFile(link, { create: true }))).toBe('root-key-invalid');
    const directory = freshPath();
    await mkdir(directory, { mode: 0o700 });
    expect(await codeOf(() => openRootKeyFile(directory, { create: true }))).toBe('root-key-invalid');
  });

  it('is the same key as in the environment', async () => {
    const path = await fileWith(octets);
    expect((await openRootKeyFile(path, { create: false })).id).toBe(rootKey().id);
  });
});

describe('a root key in the environment', () => {
  it('is read as hexadecimal or base64, and taken away', () => {
    const environment: Record<string, string | undefined> = { KEY: `${encodeBase64(octets)}\n` };
    expect(openRootKeyEnvironment('KEY', environment).id).toBe(rootKey().id);
    expect(environment).toEqual({});
  });

  it('stops the start when it is missing or malformed, without being quoted', async () => {
    expect(await codeOf(() => openRootKeyEnvironment('KEY', {}))).toBe('root-key-missing');
    expect(await codeOf(() => fromEnvironment(' '))).toBe('root-key-missing');
    for (const text of ['hunter2', encodeHex(octets.slice(1)), encodeBase64(octets).slice(0, -1)]) {
      expect(await codeOf(() => fromEnvironment(text))).toBe('root-key-invalid');
      expect(() => fromEnvironment(text)).toThrow(expect.not.stringContaining(text));
    }
  });
});

describe('a root key of a passphrase', () => {
  const parameters = { ...makePassphraseParameters(), cost: 2 ** 16 };

  it('is the same for the same passphrase and parameters only', async () => {
    const first = await openRootKeyPassphrase('correct horse battery', parameters);
    expect((await openRootKeyPassphrase('correct horse battery', parameters)).id).toBe(first.id);
    expect((await openRootKeyPassphrase('correct horse batterY', parameters)).id).not.toBe(first.id);
    const salted = { ...parameters, salt: makePassphraseParameters().salt };
    expect((await openRootKeyPassphrase('correct horse battery', salted)).id).not.toBe(first.id);
  });

  it('refuses short passphrases and parameters that are weak or damaged', async () => {
    expect(await codeOf(() => openRootKeyPassphrase('too short', parameters))).toBe('root-key-invalid');
    const wrong = [
      { cost: 2 ** 10 },
      { cost: 70_000 },
      { salt: new Uint8Array(8) },
      { parallelization: 0 },
      { cost: 2 ** 40 },
    ];
    for (const change of wrong) {
      const call = () => openRootKeyPassphrase('correct horse battery', { ...parameters, ...change });
      expect(await codeOf(call)).toBe('root-key-invalid');
    }
  });
});

describe('key-encryption keys', () => {
  it('open under their root key, newest first', async () => {
    const [one, two] = [await makeKek(rootKey(), 1), await makeKek(rootKey(), 2)];
    expect((await openKeks(rootKey(), [one, two])).map(({ id }) => id)).toEqual([two.id, one.id]);
  });

  it('stop the start under another root key, and name both', async () => {
    const kek = await makeKek(rootKey(), 1);
    expect(await codeOf(() => openKeks(other(), [kek]))).toBe('root-key-wrong');
    await expect(openKeks(other(), [kek])).rejects.toThrow(new RegExp(`${rootKey().id}.*${other().id}`));
    expect(await codeOf(() => openKeks(other(), [{ ...kek, rootKeyId: other().id }]))).toBe('root-key-wrong');
  });

  it('do not open when their row was changed', async () => {
    const [one, two] = [await makeKek(rootKey(), 1), await makeKek(rootKey(), 2)];
    for (const swapped of [
      { ...one, wrapped: two.wrapped },
      { ...one, generation: 9 },
      { ...one, id: two.id },
    ]) {
      expect(await codeOf(() => openKeks(rootKey(), [swapped]))).toBe('root-key-wrong');
    }
  });

  it('move to a new root key unchanged', async () => {
    const kek = await makeKek(rootKey(), 1);
    const moved = await rewrapKek(rootKey(), other(), kek);
    const [before] = await openKeks(rootKey(), [kek]);
    const [after] = await openKeks(other(), [moved]);
    expect(after?.id).toBe(before?.id);
    expect(after?.key.export()).toEqual(before?.key.export());
    expect(await codeOf(() => openKeks(rootKey(), [moved]))).toBe('root-key-wrong');
  });

  it('cannot be wrapped after the root key was closed', async () => {
    const root = rootKey();
    root.close();
    expect(await codeOf(() => root.wrap(new SecretBytes(new Uint8Array(32)), utf8('x')))).toBe('closed');
  });
});
