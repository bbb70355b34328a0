import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { encode } from 'dns-packet';
import build from '#test/support/built.ts';
import { cpuSeconds, median } from './measure.ts';
import { writeZone } from './zones.ts';
import { startKnotServer } from '#test/support/knot.ts';
import { type PrivateServer, startServer } from '#test/support/servers.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal } from '#test/support/zoneseal.ts';

await build();

/**
 * One record added to a signed zone: the time from the request until its answer, by when the new version is durable,
 * signed, verified and readable. Beside it `named` with `dnssec-policy default` and `knotd` with `dnssec-signing`, by
 * dynamic updates. One runs after the other, since the sync of one's files waits for what the other wrote.
 *
 * Usage: node bench/change.ts [--names 10000,100000] [--changes 600] [--runs 3] [--peers named,knotd]
 */
const { values } = parseArgs({
  options: {
    names: { type: 'string', default: '10000,100000' },
    changes: { type: 'string', default: '600' },
    runs: { type: 'string', default: '3' },
    peers: { type: 'string', default: 'named,knotd' },
  },
});
const sizes = values.names.split(',').map(Number);
const changes = Number(values.changes);
const runs = Number(values.runs);
const origin = 'bench.example.';

interface Times {
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
  /** Core time of one change in the server, in ms. */
  readonly core: number;
}

/** Changes and milliseconds after which a server counts as warm: its code is compiled, its files are there. */
const warmUp = { changes: 1000, milliseconds: 10_000 };
/** Milliseconds in which a server has to be ready, and to answer: a large zone takes some of them minutes. */
const patience = { start: 600_000, answer: 60_000 };

async function timed(server: number, change: (index: number) => Promise<void>): Promise<Times> {
  let index = 0;
  const warm = performance.now() + warmUp.milliseconds;
  while (index < warmUp.changes && performance.now() < warm) await change(index++);
  const times: number[] = [];
  const used = cpuSeconds(server);
  while (times.length < changes) {
    const start = performance.now();
    await change(index++);
    times.push(performance.now() - start);
  }
  const core = ((cpuSeconds(server) - used) * 1000) / changes;
  const sorted = times.toSorted((left, right) => left - right);
  return {
    p10: sorted[Math.floor(sorted.length * 0.1)] ?? NaN,
    p50: median(times),
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    core,
  };
}

async function zoneseal(names: number): Promise<Times> {
  using dir = makeTempDir();
  await writeZone(dir.at('zone'), origin, 'ent', names);
  await using service = await startZoneseal({ data: dir.at('data') });
  const zone = `/v1/dns/zones/${origin.slice(0, -1)}`;
  const call = async (method: 'POST' | 'PUT', path: string, body: object): Promise<void> => {
    const answer = await service.call(method, path, body);
    if (answer.status > 299) throw new Error(JSON.stringify(answer));
  };
  await call('POST', '/v1/dns/zones', { zoneName: origin.slice(0, -1) });
  await call('POST', `${zone}/import`, { zoneFile: readFileSync(dir.at('zone'), 'latin1') });
  await call('PUT', `${zone}/dnssec`, { region: 'nl-01' });
  return await timed(service.process.pid, (index) =>
    call('POST', `${zone}/records`, { name: `new-${index}`, type: 'A', ttl: 300, values: ['192.0.2.1'] }),
  );
}

async function named(names: number): Promise<Times> {
  await using server = await startServer({
    tool: 'named',
    ready: /\brunning$/m,
    signal: 'SIGTERM',
    patience: patience.start,
    async prepare(dir, port) {
      await writeZone(dir.at('zone'), origin, 'ent', names);
      const options = `directory "${dir.path}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
        pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;`;
      const zone = `zone "${origin}" { type primary; file "${dir.at('zone')}"; check-names ignore;
        dnssec-policy default; key-directory "${dir.path}"; allow-update { any; }; };`;
      writeFileSync(dir.at('named.conf'), `options { ${options} };\ncontrols { };\n${zone}\n`);
      return ['-g', '-c', dir.at('named.conf')];
    },
  });
  return await updated(server);
}

async function knotd(names: number): Promise<Times> {
  await using server = await startKnotServer(async (dir) => {
    await writeZone(dir.at('zone'), origin, 'ent', names);
    return `acl:
  - id: update
    address: 127.0.0.1
    action: update
policy:
  - id: signed
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
  - domain: "${origin}"
    file: "${dir.at('zone')}"
    zonefile-sync: -1
    semantic-checks: off
    dnssec-signing: on
    dnssec-policy: signed
    acl: update`;
  }, patience.start);
  return await updated(server);
}

/** Time updates of a server that signs by itself. */
async function updated({ port, process }: PrivateServer): Promise<Times> {
  const socket = createSocket('udp4');
  await settled(socket, port);
  const times = await timed(process.pid, (index) => update(socket, port, index));
  socket.close();
  return times;
}

/** Wait until a server has signed the whole zone: it answers fast then. */
async function settled(socket: Socket, port: number): Promise<void> {
  for (let quiet = 0, tries = 0; quiet < 3 && tries < 120; tries++) {
    const start = performance.now();
    const isDone = await update(socket, port, 1_000_000 + tries).then(
      () => true,
      () => false,
    );
    quiet = isDone && performance.now() - start < 1000 ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

const updateOpcode = 5 << 11;

/** Add a record by a dynamic update, and wait for the answer. Source: RFC 2136 §2. */
async function update(socket: Socket, port: number, index: number): Promise<void> {
  const id = index & 0xffff;
  const message = encode({
    type: 'query',
    id,
    flags: updateOpcode,
    questions: [{ name: origin, type: 'SOA' }],
    authorities: [{ name: `new-${index}.${origin}`, type: 'A', ttl: 300, data: '192.0.2.1' }],
  });
  socket.send(message, port, '127.0.0.1');
  const signal = AbortSignal.timeout(patience.answer);
  let answer: Buffer;
  do [answer] = (await once(socket, 'message', { signal })) as [Buffer];
  while (answer.readUInt16BE(0) !== id); // the answer to one that was given up
  const code = answer.readUInt16BE(2) & 15;
  if (code !== 0) throw new Error(`the server answered an update with code ${code}`);
}

const servers: Readonly<Record<string, (names: number) => Promise<Times>>> = { named, knotd, zoneseal };
const wanted = [...values.peers.split(',').filter((peer) => peer !== ''), 'zoneseal'];

const line = (...cells: (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
line('names', 'server', 'p10 ms', 'p50', 'p99', 'core', '÷ named (p10)', '÷ named (p50)');
line('---:', '---', '---:', '---:', '---:', '---:', '---:', '---:');
for (const names of sizes) {
  const measured = new Map<string, Times[]>();
  for (let run = 0; run < runs; run++) {
    for (const name of wanted) {
      const measure = servers[name];
      if (measure === undefined) throw new Error(`--peers: ${name} is neither named nor knotd`);
      process.stderr.write(`${names} names: run ${run + 1} of ${runs}, ${name}\n`);
      try {
        const times = await measure(names);
        measured.set(name, [...(measured.get(name) ?? []), times]);
      } catch (error) {
        if (name === 'zoneseal') throw error;
        line(names, name, `not measured: ${String(error)}`); // a peer may be unable to hold so large a zone
      }
    }
  }
  show(names, measured);
}

/** Print the medians of all runs; ratios are of the times of one run. */
function show(names: number, measured: ReadonlyMap<string, readonly Times[]>): void {
  const base = measured.get('named');
  for (const [name, times] of measured) {
    const middles = (['p10', 'p50', 'p99', 'core'] as const).map((of) => median(times.map((one) => one[of])));
    const ratios = (['p10', 'p50'] as const).map((of) =>
      base?.length === times.length ? median(times.map((one, run) => one[of] / (base[run] as Times)[of])) : NaN,
    );
    line(names, name, ...[...middles, ...ratios].map((value) => value.toFixed(2)));
  }
}
