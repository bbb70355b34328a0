import { readFileSync } from 'node:fs';
import { start } from '#test/support/process.ts';
import { getTool } from '#test/support/tools.ts';

/**
 * Let every sync of some files fail with EIO, as on a disk that dies, until what is returned is disposed of.
 *
 * @param pid a process of ours, all of whose threads are meant
 */
export async function failSyncs(pid: number, paths: readonly string[]): Promise<AsyncDisposable> {
  const syncs = 'fsync,fdatasync';
  const files = paths.flatMap((path) => ['-P', path]);
  const options = ['-f', '-o', '/dev/null', '-e', `trace=${syncs}`, '-e', `inject=${syncs}:error=EIO`];
  const strace = start(getTool('strace'), [...options, ...files, '-p', String(pid)]);
  await strace.waitFor(/Process \d+ attached/);
  return { [Symbol.asyncDispose]: async () => void (await strace.stop('SIGINT')) };
}

/** Why processes beside this one cannot be traced here; undefined when they can be. */
export function whyNotTraced(): string | undefined {
  const scope = readSetting('/proc/sys/kernel/yama/ptrace_scope');
  const isAllowed = scope === '0' || (scope === '1' && process.getuid?.() === 0);
  return isAllowed ? undefined : `kernel.yama.ptrace_scope is ${scope}, so only root may trace other processes`;
}

function readSetting(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '0'; // a kernel without Yama
  }
}
