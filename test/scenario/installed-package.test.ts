import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '#test/support/commands.ts';
import { run } from '#test/support/process.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { zoneHead } from '#test/support/zones.ts';

let dir: TempDir;

/** Put the packages that an installation brings beside the package: no other is there to be found. */
function linkDependencies(packages: string): void {
  const { dependencies } = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as { dependencies: object };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(`${packages}/${name}`), { recursive: true });
    symlinkSync(`${projectRoot}node_modules/${name}`, `${packages}/${name}`);
  }
}

async function succeed(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(program, args, { cwd: projectRoot });
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${stderr}`);
}

const zoneseal = (...args: string[]) =>
  run(process.execPath, [dir.at('node_modules/zoneseal/bin/zoneseal.js'), ...args], { cwd: dir.path });

describe('the package as it is published, installed', () => {
  beforeAll(async () => {
    dir = makeTempDir();
    await succeed('npm', 'pack', '--ignore-scripts', '--pack-destination', dir.path);
    const installed = dir.at('node_modules/zoneseal');
    mkdirSync(installed, { recursive: true });
    const archive = dir.at(readdirSync(dir.path).find((name) => name.endsWith('.tgz')) ?? '');
    await succeed('tar', '-xzf', archive, '-C', installed, '--strip-components=1');
    linkDependencies(dir.at('node_modules'));
  });
  afterAll(() => dir[Symbol.dispose]());

  test('brings no source in TypeScript, which Node.js would not run there', () => {
    const files = readdirSync(dir.at('node_modules/zoneseal'), { recursive: true }).map(String);
    expect(files).toContain('dist/main.js');
    expect(files.filter((name) => name.endsWith('.ts'))).toEqual([]);
  });

  test('signs a zone, and finds it valid', async () => {
    writeFileSync(dir.at('zone'), `$ORIGIN example.\n${zoneHead}`);
    const signed = await zoneseal('sign', 'zone', '--algorithm', 'ed25519', '--denial', 'nsec3', '--out', 'signed');
    expect(signed).toMatchObject({ code: 0, stderr: expect.stringContaining('example.\t') });
    expect(await zoneseal('verify', 'signed')).toMatchObject({ code: 0, stderr: '' });
  });

  test('shows all of it in the demonstration', async () => {
    const shown = await zoneseal('demo', '--once', '--data', dir.at('demo'));
    expect(shown).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('For the registrar') });
  });
});
