import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import build from '#test/support/built.ts';
import { cpuSeconds } from './measure.ts';
import { composePost, connectRaw } from './raw-http.ts';
import { binaryBatchType, composeBinaryBatch } from '#kms/core/binary-batch.ts';
import { projectRoot } from '#test/support/commands.ts';
import { run, start } from '#test/support/process.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';
import { pack } from '#lib/packed.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

await build();

/**
 * Signatures through the HTTP API of the KMS against what `openssl speed` reaches on the same cores in the same run, and
 * single ones against a bare Fastify server. The clients run on those cores too, so their work is in the rates; the core
 * time of the server alone is told beside them, and depends less on what else the machine does.
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

/** What `openssl speed` does. */
interface Peer {
  /** Signatures per second on all cores. */
  readonly perSecond: number;
  /** Microseconds of core time for a signature. */
  readonly cpu: number;
}

/** Octets of an input: about what is signed for an RRset. */
const inputBytes = 150;

interface Measured {
  readonly keyType: string;
  readonly way: string;
  readonly clients: number;
  readonly perSecond: number;
  /** Of what openssl signs in a second. */
  readonly share: number;
  /** Microseconds of the server's core time for a signature; 0 where the system does not tell. */
  readonly cpu: number;
  /** Openssl's core time for a signature as a part of the server's. */
  readonly cpuShare: number;
  /** Milliseconds of a request. */
  readonly p50: number;
  readonly p99: number;
}

async function measurePeer(name: string): Promise<Peer> {
  const speed = async (...options: readonly string[]): Promise<number> => {
    const args = ['speed', '-seconds', String(seconds), ...options, name];
    const { stdout } = await run(getTool('openssl'), args, { timeout: 300_000 });
    const [, perSecond] = /(\d+(?:\.\d+)?)\s+\d+(?:\.\d+)?\s*$/.exec(stdout.trimEnd()) ?? [];
    if (perSecond === undefined) throw new Error(`openssl speed ${name} printed no figure:\n${stdout}`);
    return Number(perSecond);
  };
  // By the clock for the rate, and by the core time that one process used.
  return { perSecond: await speed('-elapsed', '-multi', String(cores)), cpu: 1e6 / (await speed()) };
}

interface Server {
  readonly url: string;
  readonly process: { readonly pid: number };
}

interface Load {
  readonly requests: number;
  readonly elapsed: number;
  /** Milliseconds of each request, in ascending order. */
  readonly times: readonly number[];
  /** Seconds of core time that the server used. */
  readonly cpu: number;
}

async function measure(server: Server, request: Buffer, clients: number): Promise<Load> {
  const connections = await Promise.all(Array.from({ length: clients }, () => connectRaw(server.url)));
  const times: number[] = [];
  const loop = async (until: number, record: boolean): Promise<void[]> =>
    Promise.all(
      connections.map(async (connection) => {
        while (performance.now() < until) {
          const sent = performance.now();
          const status = await connection.send(request);
          if (status !== 200) throw new Error(`the server answered ${status}: ${connection.body()}`);
          if (record) times.push(performance.now() - sent);
        }
      }),
    );
  await loop(performance.now() + warmUp, false);
  const cpuBefore = cpuSeconds(server.process.pid);
  const started = performance.now();
  await loop(started + seconds * 1000, true);
  const elapsed = (performance.now() - started) / 1000;
  const cpu = cpuSeconds(server.process.pid) - cpuBefore;
  for (const connection of connections) connection.close();
  return { requests: times.length, elapsed, cpu, times: times.toSorted((one, other) => one - other) };
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

const makeInput = (): Buffer => randomBytes(inputBytes);

async function measureAlgorithm(service: Zoneseal, algorithm: Algorithm): Promise<Measured[]> {
  const { keyType, options, batch } = algorithm;
  const made = await service.call('POST', '/v1/kms/nl-01/keys', { name: `bench ${keyType}`, keyType });
  if (made.status !== 201) throw new Error(`no key was made: ${made.status} ${JSON.stringify(made.body)}`);
  const { identity } = made.body as { identity: string };
  const url = `${service.url}/v1/kms/nl-01/keys/${identity}/sign`;
  const inputs = Array.from({ length: batch }, makeInput);
  const asJson = inputs.map((input) => ({ input: input.toString('base64') }));
  const binary = { ...service.headers, 'content-type': binaryBatchType };
  const peer = await measurePeer(algorithm.peer);
  const peerRate = `${Math.round(peer.perSecond)} a second, ${peer.cpu.toFixed(1)} µs of a core each`;
  write(`${keyType}: openssl speed -multi ${cores} signs ${peerRate}\n`);
  const measured: Measured[] = [];
  for (const [way, request, size, counts] of [
    ['single', composePost(url, service.headers, { input: asJson[0]?.input, ...options }), 1, [1, 16, 64]],
    [`${batch} in JSON`, composePost(url, service.headers, { batch: asJson, ...options }), batch, [1, 2, 4]],
    [`${batch} as octets`, composePost(url, binary, composeBinaryBatch(options, pack(inputs))), batch, [1, 2, 4]],
  ] as const) {
    for (const clients of counts) {
      const line = { keyType, ...lineOf(await measure(service, request, clients), way, clients, size, peer) };
      measured.push(line);
      write(`${describe(line)}\n`);
    }
  }
  return measured;
}

function lineOf({ requests, elapsed, times, cpu }: Load, way: string, clients: number, size: number, peer: Peer) {
  const perSecond = (requests * size) / elapsed;
  const each = (cpu * 1e6) / (requests * size);
  const share = perSecond / peer.perSecond;
  return { way, clients, perSecond, share, cpu: each, cpuShare: each > 0 ? peer.cpu / each : 0, ...latency(times) };
}

/** Single signatures of a server that does nothing else. */
async function measureBare(peer: Peer): Promise<Measured> {
  const server = start(process.execPath, [join(import.meta.dirname, 'raw-fastify.ts')], { cwd: projectRoot, env: {} });
  const [, url = ''] = await server.waitFor(/^listening (\S+)$/m);
  const request = composePost(`${url}/sign`, {}, { input: makeInput().toString('base64') });
  const line = lineOf(await measure({ url, process: server }, request, 64), 'bare Fastify', 64, 1, peer);
  await server.stop();
  return { keyType: 'ecdsa-p256', ...line };
}

function latency(times: readonly number[]): { readonly p50: number; readonly p99: number } {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

function describe({ way, clients, perSecond, share, cpu, cpuShare, p50, p99 }: Measured): string {
  const rate = `${Math.round(perSecond)}/s`.padStart(9);
  const ratio = `${(100 * share).toFixed(1)} %`.padStart(7);
  const core = `${cpu.toFixed(1).padStart(6)} µs of a core ${`(${(100 * cpuShare).toFixed(0)} %)`.padStart(6)}`;
  const times = `p50 ${p50.toFixed(2).padStart(7)} ms  p99 ${p99.toFixed(2).padStart(7)} ms`;
  return `  ${way.padEnd(14)} ${String(clients).padStart(2)} clients ${rate} ${ratio} of openssl  ${core}  ${times}`;
}

function write(text: string): void {
  if (values.json !== true) process.stdout.write(text);
}

using data = makeTempDir();
await using service = await startZoneseal({ data: data.path, env: { ZONESEAL_LOG_LEVEL: 'error' } });
const results: Measured[] = [];
const bare = await measureBare(await measurePeer('ecdsap256'));
results.push(bare);
write(`ecdsa-p256 without a KMS\n${describe(bare)}\n`);
for (const algorithm of algorithms) results.push(...(await measureAlgorithm(service, algorithm)));
if (values.json === true) process.stdout.write(`${JSON.stringify({ cores, seconds, results }, undefined, 2)}\n`);
