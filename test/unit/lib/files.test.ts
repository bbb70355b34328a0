import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lockDirectory } from '#lib/directory-lock.ts';
import { createSecretFile, openDurableFile } from '#lib/durable-file.ts';
import { run } from '#test/support/process.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

test('a durable file appears only when it is committed, and replaces the old one whole', async () => {
  using dir = makeTempDir();
  writeFileSync(dir.at('zone'), 'old');
  {
    await using file = await openDurableFile(dir.at('zone'));
    await file.write('new ');
    await file.write(new Uint8Array([0x7a]));
    expect(readFileSync(dir.at('zone'), 'utf8')).toBe('old');
    await file.commit();
  }
  expect(readFileSync(dir.at('zone'), 'utf8')).toBe('new z');
  expect(readdirSync(dir.path)).toEqual(['zone']);
});

test('a durable file that is not committed leaves nothing behind', async () => {
  using dir = makeTempDir();
  const write = async () => {
    await using file = await openDurableFile(dir.at('zone'));
    await file.write('half');
    throw new Error('signing failed');
  };
  await expect(write()).rejects.toThrow('signing failed');
  expect(readdirSync(dir.path)).toEqual([]);
});

test.each(['committed', 'abandoned'])('a large durable file that is %s ends as a small one does', async (end) => {
  using dir = makeTempDir();
  const piece = Buffer.alloc(5_000_000, 'zone');
  {
    await using file = await openDurableFile(dir.at('zone'));
    for (let count = 0; count < 8; count++) await file.write(piece);
    if (end === 'committed') await file.commit();
  }
  const written = readdirSync(dir.path).map((name) => readFileSync(dir.at(name)));
  const whole = Buffer.concat(Array.from({ length: 8 }, () => piece));
  expect(written.map((content) => content.equals(whole))).toEqual(end === 'committed' ? [true] : []);
});

test('a secret file is readable by its owner alone and never overwritten', async () => {
  using dir = makeTempDir();
  expect(await createSecretFile(dir.at('token'), 'first')).toBe(true);
  expect(await createSecretFile(dir.at('token'), 'second')).toBe(false);
  expect(readFileSync(dir.at('token'), 'utf8')).toBe('first');
  expect(statSync(dir.at('token')).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir.path)).toEqual(['token']);
});

test('a locked folder is refused to a second user until it is released', () => {
  using dir = makeTempDir();
  const lock = lockDirectory(dir.path);
  expect(() => lockDirectory(dir.path)).toThrow(`${dir.path} is in use by another process (${process.pid})`);
  lock.release();
  lock.release();
  lockDirectory(dir.path).release();
});

test('a lock dies with its process', async () => {
  using dir = makeTempDir();
  const script = `import { lockDirectory } from '#lib/directory-lock.ts';
    lockDirectory(${JSON.stringify(dir.path)});
    process.kill(process.pid, 'SIGKILL');`;
  const ended = await run(process.execPath, ['--input-type=module', '-e', script]);
  expect(ended.signal).toBe('SIGKILL');
  expect(existsSync(dir.at('lock.db'))).toBe(true);
  lockDirectory(dir.path).release();
});

test('a lock is refused to another process while it is held', async () => {
  using dir = makeTempDir();
  const lock = lockDirectory(dir.path);
  const script = `import { lockDirectory } from '#lib/directory-lock.ts';
    lockDirectory(${JSON.stringify(dir.path)});`;
  const ended = await run(process.execPath, ['--input-type=module', '-e', script]);
  lock.release();
  expect(ended.code).not.toBe(0);
  expect(ended.stderr).toContain('is in use by another process');
});
