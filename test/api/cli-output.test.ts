import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { runCommand } from '#cli/program.ts';
import { projectRoot } from '#test/support/commands.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { zoneHead } from '#test/support/zones.ts';

/** Run a command whose stdout fails at the first write, and return its exit code and what it says on stderr. */
async function runWithStdoutThatFails(code: string, ...args: string[]): Promise<{ code: number; stderr: string }> {
  let said = '';
  const stdout = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`write ${code}`), { code })),
  });
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said += chunk.toString();
      done();
    },
  });
  const exitCode = await runCommand(args, { environment: {}, stdin: Readable.from([]), stdout, stderr });
  return { code: exitCode, stderr: said };
}

test('a command whose reader goes away before the signed zone is out says so, and fails', async () => {
  using dir = makeTempDir();
  writeFileSync(dir.at('zone'), `$ORIGIN example.\n${zoneHead}`);
  const outcome = await runWithStdoutThatFails('EPIPE', 'sign', dir.at('zone'), '--data', dir.at('data'));
  expect(outcome).toEqual({
    code: 1,
    stderr: 'zoneseal: the output was not written to its end: write EPIPE\n',
  });
});

test('events are followed only while somebody reads them', async () => {
  using dir = makeTempDir();
  const data = ['--data', dir.at('data')];
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  const context = { environment: {}, stdin: Readable.from([]), stdout, stderr: stdout };
  expect(await runCommand(['key', 'create', 'one', ...data], context)).toBe(0);
  expect((await runWithStdoutThatFails('EPIPE', 'key', 'events', '--follow', ...data)).code).toBe(1);
});

test('a reader that has seen enough is no failure of a command that did its work', async () => {
  expect(await runWithStdoutThatFails('EPIPE', '--version')).toEqual({ code: 0, stderr: '' });
});

test('a disk that is full is one, on stdout too', () => {
  const zoneseal = `${projectRoot}bin/zoneseal.js`;
  using dir = makeTempDir();
  writeFileSync(dir.at('zone'), zoneHead);
  const command = '"$0" "$1" verify "$2" --origin example > /dev/full';
  const { status, stderr } = spawnSync('bash', ['-c', command, process.execPath, zoneseal, dir.at('zone')], {
    encoding: 'utf8',
  });
  expect(stderr).toContain('the output was not written to its end: ENOSPC');
  expect(status).toBe(1);
});
