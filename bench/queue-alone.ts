import { parseArgs } from 'node:util';
import { openQueue } from '#dnssec/adapters/jobs/open-queue.ts';
import { defaultLeaseTime } from '#dnssec/adapters/jobs/queue-settings.ts';
import { defaultRetries } from '#dnssec/adapters/jobs/retries.ts';
import { systemClock } from '#lib/clock.ts';
import { SecretText } from '#lib/secret-text.ts';
import { startRedis } from '#test/support/servers.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

/**
 * What the queue itself costs: jobs of one group that do nothing, each with its lease and its place in the group, on SQLite
 * with the embedded queue and with BullMQ.
 *
 * Usage: node bench/queue-alone.ts [--jobs 10000]
 */
const { values } = parseArgs({ options: { jobs: { type: 'string', default: '10000' } } });
const number = Number(values.jobs);

async function measure(redisUrl: string | undefined): Promise<string[]> {
  using dir = makeTempDir();
  const queue = await openQueue({
    place: { kind: 'folder', path: dir.path },
    redis: redisUrl === undefined ? undefined : { url: new SecretText(redisUrl), prefix: 'bench' },
    clock: systemClock,
    retries: defaultRetries,
    leaseTime: defaultLeaseTime,
    rate: 0,
    onError: (error, what) => process.stderr.write(`${what}: ${String(error)}\n`),
  });
  const jobs = Array.from({ length: number }, (_, index) => ({ zoneId: index + 1, priority: 'rotation' as const }));
  const put = performance.now();
  await queue.put(jobs, { id: 'bench', title: 'bench' });
  const begun = performance.now();
  const cpu = process.cpuUsage();
  const over = Promise.withResolvers<void>();
  let left = number;
  queue.work({
    concurrency: 8,
    run: async () => {
      if (--left === 0) over.resolve();
    },
    onFailure: async ({ error }) => over.reject(error),
  });
  await over.promise;
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await queue.close();
  const core = (user + system) / 1000 / number;
  return [`${((begun - put) / 1000).toFixed(1)} s`, (number / seconds).toFixed(0), `${core.toFixed(2)} ms`];
}

const row = (...cells: string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
row('queue', `${number} jobs put in`, 'jobs/s', 'core time a job');
row('---', '---:', '---:', '---:');
row('embedded', ...(await measure(undefined)));
await using redis = await startRedis();
row('BullMQ', ...(await measure(redis.url)));
