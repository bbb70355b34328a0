import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { runTool } from '#test/support/commands.ts';
import { findTool, type Tool, toolPackages } from '#test/support/tools.ts';

const policy = '/usr/sbin/policy-rc.d';

/**
 * Install the Debian packages of the programs that are missing. No service of theirs is started: while they are
 * installed, a policy says no to that.
 *
 * @returns why something is still missing, or undefined when nothing is
 */
export async function installMissingTools(say: (line: string) => void): Promise<string | undefined> {
  const packages = missingPackages();
  if (packages.length === 0) return undefined;
  if (process.getuid?.() !== 0)
    return `not root, so these Debian packages could not be installed: ${packages.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get'))
    return `no apt-get here, so these Debian packages are missing: ${packages.join(' ')}`;
  say(`installing Debian packages: ${packages.join(' ')}`);
  const started = performance.now();
  const failures = await withoutServices(() => install(packages));
  say(`installed in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const missing = missingPackages();
  return missing.length === 0 ? undefined : `could not install ${missing.join(' ')}:\n${failures}`;
}

function missingPackages(): string[] {
  const missing = (Object.keys(toolPackages) as Tool[]).filter((tool) => findTool(tool) === undefined);
  return [...new Set(missing.map((tool) => toolPackages[tool]))];
}

async function install(packages: readonly string[]): Promise<string> {
  const updated = await aptGet('update');
  if (updated.code !== 0) return lastLines(updated.output);
  const together = await aptGet('install', ...packages);
  if (together.code === 0) return '';
  const failures: string[] = []; // one unknown package must not keep out the others
  for (const name of packages) {
    const { code, output } = await aptGet('install', name);
    if (code !== 0) failures.push(`${name}: ${lastLines(output)}`);
  }
  return failures.join('\n');
}

function aptGet(...args: string[]) {
  const options = ['-q', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];
  return runTool('apt-get', [...options, ...args], { env: { DEBIAN_FRONTEND: 'noninteractive' } });
}

async function withoutServices<Result>(work: () => Promise<Result>): Promise<Result> {
  if (existsSync(policy)) return work(); // the machine has its own policy, containers mostly this very one
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    rmSync(policy, { force: true });
  }
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-3).join(' / ');
}
