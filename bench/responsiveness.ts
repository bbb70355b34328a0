import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { Agent, request, setGlobalDispatcher } from 'undici';
import build from '#test/support/built.ts';
import { writeZone } from './zones.ts';
import { freePort } from '#test/support/free-port.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

await build();

/**
 * How long others wait while a large zone is loaded, loaded again with one change, signed, exported and transferred, and what
 * memory that takes: a health check and a small read every 10 ms, each sent at its time whether or not the one before was
 * answered, so that no stall hides the ones behind it. The longest stretch that the main thread worked counts core time and
 * tells of a busy machine as well.
 *
 * With `--json` the zone is loaded as a text in JSON and not as text/dns; `--quiet` asks nothing meanwhile, so that memory and
 * core time are those of the work.
 *
 * Usage: node bench/responsiveness.ts [--names 1000000] [--json] [--quiet] [--denial nsec3]
 */
const { values } = parseArgs({
  options: {
    names: { type: 'string', default: '1000000' },
    denial: { type: 'string', default: 'nsec' },
    json: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});
setGlobalDispatcher(new Agent({ connect: { timeout: 0 } })); // a busy machine is measured, not refused
const names = Number(values.names);
const origin = 'bench.example.';
const zone = `/v1/dns/zones/${origin.slice(0, -1)}`;

/** Milliseconds between two requests of a kind. */
const every = 10;

interface Waits {
  readonly health: number[];
  readonly read: number[];
}

/** Ask all the while that something is done. @returns milliseconds that each answer took */
async function asking(service: Zoneseal, work: () => Promise<unknown>): Promise<Waits & { readonly seconds: number }> {
  const waits: Waits = { health: [], read: [] };
  const underWay = new Set<Promise<void>>();
  const ask = (path: string, into: number[]): void => {
    const start = performance.now();
    const one = service.call('GET', path).then(({ status }) => {
      if (status !== 200) throw new Error(`${path} answered ${status}`);
      into.push(performance.now() - start);
      underWay.delete(one);
    });
    underWay.add(one);
  };
  const start = performance.now();
  let next = start;
  const over = new AbortController();
  const done = work().finally(() => over.abort());
  while (!over.signal.aborted && !values.quiet) {
    ask('/healthz', waits.health);
    ask('/v1/dns/zones/small.example/records/www/A', waits.read);
    next += every;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  await done;
  const seconds = (performance.now() - start) / 1000;
  await Promise.all(underWay);
  return { ...waits, seconds };
}

function quantile(waits: readonly number[], part: number): string {
  const sorted = waits.toSorted((left, right) => left - right);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(1);
}

/** Fetch a whole zone. @returns octets that came */
async function transfer(port: number): Promise<number> {
  const question = Buffer.concat([
    ...origin
      .slice(0, -1)
      .split('.')
      .map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0, 0, 252, 0, 1]),
  ]);
  const header = Buffer.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const message = Buffer.concat([header, question]);
  const socket = connect(port, '127.0.0.1');
  socket.end(Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]));
  const hash = createHash('sha256');
  let octets = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    octets += chunk.length;
    hash.update(chunk);
  }
  return octets;
}

function stretches(): string[] {
  const path = dir.at('stretches');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

/** Milliseconds that the main thread worked at a stretch since this was asked before. */
async function longestStretch(): Promise<string> {
  const before = stretches().length;
  process.kill(service.process.pid, 'SIGUSR2');
  while (stretches().length === before) await new Promise((resolve) => setTimeout(resolve, 20));
  return stretches().at(-1) ?? '';
}

const line = (...cells: (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

using dir = makeTempDir();
await writeZone(dir.at('zone'), origin, 'ent', names);
const transferPort = await freePort();
await using service = await startZoneseal({
  data: dir.at('data'),
  env: {
    ZONESEAL_LOG_LEVEL: 'warn',
    LOOP_PROBE: dir.at('stretches'),
    NODE_OPTIONS: `--import=${new URL('loop-probe.ts', import.meta.url).href}`,
    ZONESEAL_TRANSFER: `127.0.0.1:${transferPort}`,
    ZONESEAL_SECONDARIES: '127.0.0.1:9',
  },
});
const call = async (method: 'POST' | 'PUT', path: string, body: object): Promise<void> => {
  const answer = await service.call(method, path, body);
  if (answer.status > 299) throw new Error(JSON.stringify(answer).slice(0, 2000));
};
await call('POST', '/v1/dns/zones', { zoneName: 'small.example' });
await call('POST', '/v1/dns/zones/small.example/records', { name: 'www', type: 'A', values: ['192.0.2.1'] });
await call('POST', '/v1/dns/zones', { zoneName: origin.slice(0, -1) });
/** Send a master file as it is. */
async function send(path: string, file: string): Promise<void> {
  const headers = { ...service.headers, 'content-type': 'text/dns', 'content-length': String(statSync(file).size) };
  const options = { method: 'POST', headers, body: createReadStream(file), headersTimeout: 0, bodyTimeout: 0 } as const;
  const { statusCode, body } = await request(service.url + path, options);
  const text = await body.text();
  if (statusCode > 299) throw new Error(text.slice(0, 2000));
}

/** Receive a signed master file. */
async function receive(): Promise<void> {
  const headers = { ...service.headers, accept: 'text/dns' };
  const options = { headers, headersTimeout: 0, bodyTimeout: 0 };
  const { body } = await request(`${service.url}${zone}/export?signed=true`, options);
  let octets = 0;
  for await (const piece of body as AsyncIterable<Buffer>) octets += piece.length;
  if (octets < names * 100) throw new Error(`an export of ${octets} octets`);
}

/** Peak of its memory since this was asked before, in MB. */
const memory = (): string => {
  const proc = `/proc/${service.process.pid}`;
  const status = readFileSync(`${proc}/status`, 'latin1');
  writeFileSync(`${proc}/clear_refs`, '5');
  return ((Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6).toFixed(0);
};
line(
  'while',
  'seconds',
  'core s',
  'longest stretch ms',
  'health p50 ms',
  'p99',
  'max',
  'read p50 ms',
  'p99',
  'max',
  'peak MB',
);
line('---', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:');
const load = () =>
  values.json
    ? call('POST', `${zone}/import`, { zoneFile: readFileSync(dir.at('zone'), 'latin1') })
    : send(`${zone}/import`, dir.at('zone'));
writeFileSync(dir.at('changed'), `${readFileSync(dir.at('zone'), 'latin1')}one-more 60 IN A 192.0.2.1\n`);
const phases: [string, () => Promise<unknown>][] = [
  ['idle', () => new Promise((resolve) => setTimeout(resolve, 3000))],
  ['loading', load],
  ['loading a change', () => send(`${zone}/import?replaceExisting=true`, dir.at('changed'))],
  ['signing', () => call('PUT', `${zone}/dnssec`, { region: 'nl-01', policy: { denial: values.denial } })],
  ['exporting', receive],
  ['transfer', () => transfer(transferPort)],
];
/** Seconds of core time that the service has used. */
const coreTime = (): number => {
  const fields = readFileSync(`/proc/${service.process.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
await longestStretch(); // that of the start
memory();
for (const [name, work] of phases) {
  const used = coreTime();
  const { health, read, seconds } = await asking(service, work);
  const shown = [health, read].flatMap((waits) => [0.5, 0.99, 1].map((part) => quantile(waits, part)));
  line(name, seconds.toFixed(1), (coreTime() - used).toFixed(1), await longestStretch(), ...shown, memory());
}
