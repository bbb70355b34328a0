import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import build from '#test/support/built.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

await build();

/**
 * Many zones in one service: how long it takes to start, what memory and core time zones take that nobody asks for, and
 * what it costs to renew them. Each zone has a few records and is signed with a key of its own.
 *
 * Usage: node bench/zones-idle.ts [--zones 10000]
 */
const { values } = parseArgs({ options: { zones: { type: 'string', default: '10000' } } });
const zones = Number(values.zones);
const clients = 8;

/** Seconds that an idle service is watched. */
const watched = 30;

async function fill(service: Zoneseal): Promise<void> {
  const call = async (method: 'POST' | 'PUT', path: string, body: object): Promise<void> => {
    const answer = await service.call(method, path, body);
    if (answer.status > 299) throw new Error(JSON.stringify(answer));
  };
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < zones) {
      const zoneName = `zone-${next++}.example`;
      await call('POST', '/v1/dns/zones', { zoneName });
      const changes = ['www', 'mail', 'api'].map((name) => ({ action: 'put', name, type: 'A', values: ['192.0.2.1'] }));
      await call('POST', `/v1/dns/zones/${zoneName}/changes`, { changes });
      await call('PUT', `/v1/dns/zones/${zoneName}/dnssec`, { region: 'nl-01' });
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

/** Resident memory in MB (10⁶ octets), and seconds of core time since the start. */
function usageOf({ process: { pid } }: Zoneseal): { readonly megabytes: number; readonly core: number } {
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return { megabytes: (kilobytes * 1024) / 1e6, core: (Number(fields[11]) + Number(fields[12])) / 100 };
}

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(2);
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const line = (...cells: (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

line('zones', 'start s', 'resident MB', 'core ms a second while idle', 'small read p50 ms', 'made and signed a second');
line('---:', '---:', '---:', '---:', '---:', '---:');

async function measure(data: string, count: number, filled: string): Promise<void> {
  const begun = performance.now();
  await using service = await startZoneseal({ data, env: { ZONESEAL_LOG_LEVEL: 'warn' } });
  const started = performance.now() - begun;
  await sleep(5000);
  const before = usageOf(service);
  await sleep(watched * 1000);
  const after = usageOf(service);
  const reads: number[] = [];
  const asked = count === 0 ? 0 : 200;
  for (let index = 0; index < asked; index++) {
    const start = performance.now();
    await service.call('GET', `/v1/dns/zones/zone-${(index * 37) % count}.example/records/www/A`);
    reads.push(performance.now() - start);
  }
  const read = reads.toSorted((left, right) => left - right)[100];
  const idle = ((after.core - before.core) / watched) * 1000;
  line(count, seconds(started), after.megabytes.toFixed(0), idle.toFixed(1), read?.toFixed(2) ?? '', filled);
}

using dir = makeTempDir();
await measure(dir.at('empty'), 0, '');
let rate = '';
{
  await using service = await startZoneseal({
    data: dir.at('data'),
    env: { ZONESEAL_LOG_LEVEL: 'warn', ZONESEAL_RATE_LIMIT: '0' },
  });
  const begun = performance.now();
  await fill(service);
  rate = (zones / ((performance.now() - begun) / 1000)).toFixed(0);
}
await measure(dir.at('data'), zones, rate);
