import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into a service with `--import`: at each SIGUSR2 it appends a line to the file that `LOOP_PROBE` names, with the
 * longest times in milliseconds that the main thread worked at a stretch since the line before. It counts core time, which
 * a busy machine does not change.
 */
const every = 2;

if (isMainThread) {
  let stretches: number[] = [];
  let last = process.threadCpuUsage();
  setInterval(() => {
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    stretches.push((user + system) / 1000);
  }, every).unref();
  process.on('SIGUSR2', () => {
    const longest = stretches.toSorted((left, right) => right - left);
    stretches = [];
    appendFileSync(process.env['LOOP_PROBE'] ?? '/dev/stderr', `${(longest[0] ?? 0).toFixed(0)}\n`);
  });
}
