import { cpSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { version } from '#app/version.ts';
import { projectRoot } from '#test/support/commands.ts';
import { run } from '#test/support/process.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

/** Makes the Node.js that runs say that it is an older one. */
const older = `data:text/javascript,Object.defineProperty(process, 'version', { value: 'v20.1.0' })`;

const runOld = (script: string, ...args: string[]) =>
  run(process.execPath, ['--import', older, script, ...args], { cwd: projectRoot });

describe('a Node.js that is too old', () => {
  test.each(['bin/zoneseal.js', 'src/main.ts'])(
    'hands over to the one that came with the packages: %s',
    async (script) => {
      expect(await runOld(script, '--version')).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
      expect((await runOld(script, 'no-such-command')).code).toBe(2);
    },
  );

  test('is told what is needed where none came', async () => {
    using dir = makeTempDir();
    mkdirSync(dir.at('bin'));
    for (const file of ['package.json', 'bin/zoneseal.js', 'bin/find-main.js'])
      cpSync(projectRoot + file, dir.at(file));
    expect(await runOld(dir.at('bin/zoneseal.js'), '--version')).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: 'zoneseal needs Node.js 24.16 or newer: this is v20.1.0, and none came with the packages; install one\n',
    });
  });
});

describe('what the launcher runs', () => {
  test('is what was built, and the sources where one of them is newer or nothing was built', async () => {
    using dir = makeTempDir();
    for (const folder of ['bin', 'dist', 'src/inner']) mkdirSync(dir.at(folder), { recursive: true });
    for (const file of ['package.json', 'bin/zoneseal.js', 'bin/find-main.js'])
      cpSync(projectRoot + file, dir.at(file));
    writeFileSync(dir.at('dist/main.js'), `process.stdout.write('build');`);
    writeFileSync(dir.at('src/main.ts'), `process.stdout.write('sources' satisfies string);`);
    writeFileSync(dir.at('src/inner/part.ts'), '');
    const runs = async () => (await run(process.execPath, [dir.at('bin/zoneseal.js')])).stdout;
    const times = { 'src/main.ts': 1000, 'src/inner/part.ts': 1000, 'dist/main.js': 1001 };
    for (const [file, seconds] of Object.entries(times)) utimesSync(dir.at(file), seconds, seconds);
    expect(await runs()).toBe('build');
    utimesSync(dir.at('src/inner/part.ts'), 1002, 1002);
    expect(await runs()).toBe('sources');
    utimesSync(dir.at('src/inner/part.ts'), 1000, 1000);
    rmSync(dir.at('src'), { recursive: true });
    expect(await runs()).toBe('build');
  });
});
