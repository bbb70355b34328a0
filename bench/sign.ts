import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import build from '#test/support/built.ts';
import { type Measured, measure, median } from '#bench/measure.ts';
import { type BenchAlgorithm, type BenchDenial, installedSigners, type Job, type Signer } from '#bench/signers.ts';
import { writeZone, type ZoneShape } from '#bench/zones.ts';

await build();

/**
 * Signs generated zones from text to text with one CSK, with us and with the signers that are installed. All signers take
 * turns on the same file, so that a machine whose speed drifts is fair to all; what counts are the ratios of one run.
 *
 * Usage: node bench/sign.ts [--names 10000,100000] [--shapes ent,tld] [--algorithms p256,ed25519]
 *          [--denials nsec,nsec3,opt-out] [--runs 3] [--signers sample,kzonesign]
 */
const { values: options } = parseArgs({
  options: {
    names: { type: 'string', default: '10000,100000' },
    shapes: { type: 'string', default: 'ent' },
    algorithms: { type: 'string', default: 'p256' },
    denials: { type: 'string', default: 'nsec' },
    runs: { type: 'string', default: '3' },
    /** Parts of the names of the signers that are wanted. */
    signers: { type: 'string', default: '' },
  },
});

const runs = Number(options.runs);
const installed = installedSigners(options.signers);

interface Kind {
  readonly shape: ZoneShape;
  readonly names: number;
  readonly algorithm: BenchAlgorithm;
  readonly denial: BenchDenial;
}

/** What a signer took for one name of a smaller zone of the same kind, to tell whether it grows with the zone. */
const smaller = new Map<string, { readonly seconds: number; readonly names: number }>();

async function compare(kind: Kind): Promise<void> {
  const { shape, names, algorithm, denial } = kind;
  const folder = mkdtempSync(join(tmpdir(), 'zoneseal-bench-'));
  try {
    const job: Job = { folder, origin: `${shape}.example`, zoneFile: join(folder, 'zone'), algorithm, denial };
    await writeZone(job.zoneFile, `${job.origin}.`, shape, names);
    for (const signer of installed) signer.prepare(job);
    const results = new Map<Signer, Measured[]>(installed.map((signer) => [signer, []]));
    for (let run = 0; run < runs; run++) {
      for (const signer of installed) {
        const [program, ...args] = signer.command(job);
        results.get(signer)?.push(await measure(program, args, folder));
        process.stderr.write(`${shape} ${names} ${algorithm} ${denial}: run ${run + 1} of ${runs}, ${signer.name}\n`);
      }
    }
    print(kind, results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const columns = [
  'signer',
  'verifies all',
  's',
  'CPU s',
  'peak MB',
  '× verifying peer',
  '× fastest peer',
  '× CPU of it',
];

/**
 * Ratios are of times in the same run: to the signer that verifies too, and to the fastest that does not, the latter
 * also in processor time.
 */
function print(kind: Kind, results: ReadonlyMap<Signer, readonly Measured[]>): void {
  const others = installed.filter((signer) => signer.package !== undefined);
  const ratio = (signer: Signer, peers: readonly Signer[], field: 'seconds' | 'cpuSeconds'): string => {
    if (peers.length === 0) return '';
    const of = (one: Signer, run: number) => results.get(one)?.[run]?.[field] ?? NaN;
    const best = (run: number) => Math.min(...peers.map((peer) => of(peer, run)));
    return median(Array.from({ length: runs }, (_, run) => of(signer, run) / best(run))).toFixed(2);
  };
  const { shape, names, algorithm, denial } = kind;
  process.stdout.write(`\n${shape}, ${names} names, ${algorithm}, ${denial}, one CSK; median of ${runs}\n\n`);
  process.stdout.write(`| ${columns.join(' | ')} |\n| --- | --- |${' ---: |'.repeat(columns.length - 2)}\n`);
  for (const [signer, measured] of results) {
    const middle = (field: keyof Measured) => median(measured.map((one) => one[field]));
    const cells = [
      signer.name,
      signer.verifies ? 'yes' : '',
      middle('seconds').toFixed(1),
      middle('cpuSeconds').toFixed(1),
      middle('megabytes').toFixed(0),
      ratio(
        signer,
        others.filter((peer) => peer.verifies),
        'seconds',
      ),
      ratio(signer, others, 'seconds'),
      ratio(signer, others, 'cpuSeconds'),
    ];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
    tellGrowth(signer, kind, middle('cpuSeconds'));
  }
}

/** Say on stderr how much more processor time a name of this zone takes than one of the smallest zone of its kind. */
function tellGrowth({ name, package: peer }: Signer, { shape, names, algorithm, denial }: Kind, seconds: number): void {
  if (peer !== undefined) return;
  const of = `${name} ${shape} ${algorithm} ${denial}`;
  const first = smaller.get(of);
  if (first === undefined) smaller.set(of, { seconds, names });
  else {
    const growth = seconds / names / (first.seconds / first.names);
    process.stderr.write(`${of}: a name takes ${growth.toFixed(2)} times what it took at ${first.names} names\n`);
  }
}

for (const shape of options.shapes.split(',') as ZoneShape[])
  for (const algorithm of options.algorithms.split(',') as BenchAlgorithm[])
    for (const denial of options.denials.split(',') as BenchDenial[])
      for (const names of options.names.split(',').map(Number)) await compare({ shape, names, algorithm, denial });
