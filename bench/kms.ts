import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { composePost, connectRaw } from './raw-http.ts';
import { run } from '#test/support/process.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

/**
 * Signatures through the HTTP API of the KMS against what `openssl speed` reaches on the same cores in the same run. The
 * clients run on those cores too, so their work is in the figures.
 *
 * Usage: node bench/kms.ts [--seconds 3] [--json]
 */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, json: { type: 'boolean' } } });
const seconds = Number(values.seconds);
/** Milliseconds before the clock runs: the server compiles its hot code meanwhile. */
const warmUp = 1500;
const cores = availableParallelism();

interface Algorithm {
  readonly keyType: string;
  /** Its name for `openssl speed`. */
  readonly peer: string;
  readonly options: Readonly<Record<string, string>>;
  readonly batch: number;
}

const algorithms: readonly Algorithm[] = [
  { keyType: 'ecdsa-p256', peer: 'ecdsap256', options: {}, batch: 1000 },
  { keyType: 'ed25519', peer: 'ed25519', options: {}, batch: 1000 },
  { keyType: 'rsa-2048', peer: 'rsa2048', options: { signatureAlgorithm: 'pkcs1v15' }, batch: 200 },
];

/** Octets of an input: about what is signed for an RRset. */
const inputBytes = 150;

interface Measured {
  readonly keyType: string;
  readonly way: string;
  readonly clients: number;
  readonly perSecond: number;
  /** Of what openssl signs in a second. */
  readonly share: number;
  /** Milliseconds of a request. */
  readonly p50: number;
  readonly p99: number;
}

/** Signatures per second of `openssl speed` on all cores. */
async function measurePeer(name: string): Promise<number> {
  const args = ['speed', '-multi', String(cores), '-seconds', String(seconds), name];
  const { stdout } = await run(getTool('openssl'), args, { timeout: 300_000 });
  const [, perSecond] = /(\d+(?:\.\d+)?)\s+\d+(?:\.\d+)?\s*$/.exec(stdout.trimEnd()) ?? [];
  if (perSecond === undefined) throw new Error(`openssl speed ${name} printed no figure:\n${stdout}`);
  return Number(perSecond);
}

async function measure(
  service: Zoneseal,
  request: Buffer,
  clients: number,
): Promise<{ readonly requests: number; readonly elapsed: number; readonly times: readonly number[] }> {
  const connections = await Promise.all(Array.from({ length: clients }, () => connectRaw(service.url)));
  const times: number[] = [];
  const loop = async (until: number, record: boolean): Promise<void[]> =>
    Promise.all(
      connections.map(async (connection) => {
        while (performance.now() < until) {
          const start = performance.now();
          const status = await connection.send(request);
          if (status !== 200) throw new Error(`the KMS answered ${status}: ${connection.body()}`);
          if (record) times.push(performance.now() - start);
        }
      }),
    );
  await loop(performance.now() + warmUp, false);
  const start = performance.now();
  await loop(start + seconds * 1000, true);
  const elapsed = (performance.now() - start) / 1000;
  for (const connection of connections) connection.close();
  return { requests: times.length, elapsed, times: times.toSorted((one, other) => one - other) };
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

const makeInput = (): string => randomBytes(inputBytes).toString('base64');

async function measureAlgorithm(service: Zoneseal, algorithm: Algorithm): Promise<Measured[]> {
  const { keyType, options, batch } = algorithm;
  const made = await service.call('POST', '/v1/kms/nl-01/keys', { name: `bench ${keyType}`, keyType });
  if (made.status !== 201) throw new Error(`no key was made: ${made.status} ${JSON.stringify(made.body)}`);
  const { identity } = made.body as { identity: string };
  const url = `${service.url}/v1/kms/nl-01/keys/${identity}/sign`;
  const single = composePost(url, service.headers, { input: makeInput(), ...options });
  const items = Array.from({ length: batch }, () => ({ input: makeInput() }));
  const many = composePost(url, service.headers, { batch: items, ...options });
  const peer = await measurePeer(algorithm.peer);
  write(`${keyType}: openssl speed -multi ${cores} signs ${Math.round(peer)} a second\n`);
  const measured: Measured[] = [];
  for (const [way, request, size, counts] of [
    ['single', single, 1, [1, 16, 64]],
    [`batch of ${batch}`, many, batch, [1, 2, 4]],
  ] as const) {
    for (const clients of counts) {
      const { requests, elapsed, times } = await measure(service, request, clients);
      const perSecond = (requests * size) / elapsed;
      const line = { keyType, way, clients, perSecond, share: perSecond / peer, ...latency(times) };
      measured.push(line);
      write(`${describe(line)}\n`);
    }
  }
  return measured;
}

function latency(times: readonly number[]): { readonly p50: number; readonly p99: number } {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

function describe({ way, clients, perSecond, share, p50, p99 }: Measured): string {
  const rate = `${Math.round(perSecond)}/s`.padStart(9);
  const ratio = `${(100 * share).toFixed(1)} %`.padStart(7);
  const times = `p50 ${p50.toFixed(2).padStart(7)} ms  p99 ${p99.toFixed(2).padStart(7)} ms`;
  return `  ${way.padEnd(14)} ${String(clients).padStart(2)} clients ${rate} ${ratio} of openssl  ${times}`;
}

function write(text: string): void {
  if (values.json !== true) process.stdout.write(text);
}

using data = makeTempDir();
await using service = await startZoneseal({ data: data.path, env: { ZONESEAL_LOG_LEVEL: 'error' } });
const results: Measured[] = [];
for (const algorithm of algorithms) results.push(...(await measureAlgorithm(service, algorithm)));
if (values.json === true) process.stdout.write(`${JSON.stringify({ cores, seconds, results }, undefined, 2)}\n`);
