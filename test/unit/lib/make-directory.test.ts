import { statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeDirectory } from '#lib/make-directory.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

test('missing folders above are made too, with the mode that is asked for', () => {
  using dir = makeTempDir();
  makeDirectory(dir.at('a', 'b', 'c'), 0o700);
  expect(statSync(dir.at('a', 'b', 'c')).mode & 0o777).toBe(0o700);
  makeDirectory(dir.at('a', 'b', 'c'), 0o700);
});

test('a folder below a file is refused', () => {
  using dir = makeTempDir();
  writeFileSync(dir.at('file'), '');
  expect(() => makeDirectory(dir.at('file', 'below'), 0o700)).toThrow('ENOTDIR');
  expect(() => makeDirectory(dir.at('file'), 0o700)).toThrow('EEXIST');
});

test('a file system that takes no folders ends in an error, not in a loop', () => {
  expect(() => makeDirectory('/proc/zoneseal', 0o700)).toThrow('ENOENT');
});
