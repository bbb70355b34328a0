import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Measured, measure, median } from '#bench/measure.ts';
import { writeZone, type ZoneShape } from '#bench/zones.ts';

/*
 * Signs generated zones from text to text, P-256 and NSEC with one CSK, with us and with the signers that are installed.
 * All signers take turns on the same file, so that a machine whose speed drifts is fair to all; what counts are the
 * ratios of one run.
 */

interface Signer {
  readonly name: string;
  /** Whether it verifies every signature that it made. */
  readonly verifies: boolean;
  /** Debian package, for those who lack it. */
  readonly package?: string;
  /** Make keys or settings, once for a zone. */
  prepare(job: Job): void;
  command(job: Job): readonly [program: string, ...args: string[]];
}

interface Job {
  readonly folder: string;
  readonly origin: string;
  readonly zoneFile: string;
}

const projectRoot = join(import.meta.dirname, '..');

const zoneseal = (verify: 'all' | 'sample'): Signer => ({
  name: `zoneseal sign --verify ${verify}`,
  verifies: verify === 'all',
  prepare: ({ folder }) => mkdirSync(join(folder, 'data'), { recursive: true, mode: 0o700 }),
  command: ({ folder, zoneFile }) => [
    process.execPath,
    join(projectRoot, 'src/main.ts'),
    'sign',
    zoneFile,
    '--verify',
    verify,
    '--data',
    join(folder, 'data'),
    '--out',
    join(folder, 'zoneseal.signed'),
  ],
});

const bind = (verifies: boolean): Signer => ({
  name: verifies ? 'dnssec-signzone' : 'dnssec-signzone -P',
  verifies,
  package: 'bind9-utils',
  prepare({ folder, origin }) {
    const keys = join(folder, 'bind');
    mkdirSync(keys, { recursive: true });
    execFileSync('dnssec-keygen', ['-q', '-K', keys, '-a', 'ECDSAP256SHA256', '-f', 'KSK', origin]);
  },
  command: ({ folder, origin, zoneFile }) => [
    'dnssec-signzone',
    '-q',
    ...(verifies ? [] : ['-P']),
    '-z',
    '-S',
    '-K',
    join(folder, 'bind'),
    '-o',
    origin,
    '-f',
    join(folder, 'bind.signed'),
    zoneFile,
  ],
});

const knot: Signer = {
  name: 'kzonesign',
  verifies: false,
  package: 'knot-dnssecutils',
  prepare({ folder, origin, zoneFile }) {
    mkdirSync(join(folder, 'knot'), { recursive: true });
    writeFileSync(
      join(folder, 'knot.conf'),
      `database:\n    storage: "${folder}/knot"\n` +
        'policy:\n  - id: bench\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n    signing-threads: 2\n' +
        `zone:\n  - domain: ${origin}\n    file: "${zoneFile}"\n    dnssec-signing: on\n    dnssec-policy: bench\n`,
    );
  },
  command: ({ folder, origin }) => ['kzonesign', '-c', join(folder, 'knot.conf'), '-o', join(folder, 'knot'), origin],
};

const signers: readonly Signer[] = [zoneseal('all'), bind(true), zoneseal('sample'), bind(false), knot];

const { values: options } = parseArgs({
  options: {
    names: { type: 'string', default: '10000,100000,1000000' },
    shapes: { type: 'string', default: 'ent' },
    runs: { type: 'string', default: '3' },
  },
});

const installed = signers.filter((signer) => {
  const [program] = signer.command({ folder: '', origin: '', zoneFile: '' });
  try {
    execFileSync('which', [program]);
    return true;
  } catch {
    process.stdout.write(`without ${signer.name}: apt-get install ${signer.package}\n`);
    return false;
  }
});

for (const shape of options.shapes.split(',') as ZoneShape[]) {
  for (const names of options.names.split(',').map(Number)) await compare(shape, names, Number(options.runs));
}

async function compare(shape: ZoneShape, names: number, runs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zoneseal-bench-'));
  try {
    const job: Job = { folder, origin: `${shape}.example`, zoneFile: join(folder, 'zone') };
    await writeZone(job.zoneFile, `${job.origin}.`, shape, names);
    for (const signer of installed) signer.prepare(job);
    const results = new Map<Signer, Measured[]>(installed.map((signer) => [signer, []]));
    for (let run = 0; run < runs; run++) {
      for (const signer of installed) {
        const [program, ...args] = signer.command(job);
        results.get(signer)?.push(await measure(program, args, folder));
        process.stderr.write(`${shape} ${names}: run ${run + 1} of ${runs}, ${signer.name}\n`);
      }
    }
    print(shape, names, runs, results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ratios are of times in the same run: to the signer that verifies too, and to the fastest that does not. */
function print(shape: ZoneShape, names: number, runs: number, results: ReadonlyMap<Signer, readonly Measured[]>): void {
  const secondsOf = (signer: Signer, run: number) => results.get(signer)?.[run]?.seconds ?? NaN;
  const ratio = (signer: Signer, peers: readonly Signer[]): string => {
    if (peers.length === 0) return '';
    const ratios = Array.from(
      { length: runs },
      (_, run) => secondsOf(signer, run) / Math.min(...peers.map((peer) => secondsOf(peer, run))),
    );
    return median(ratios).toFixed(2);
  };
  const others = installed.filter((signer) => signer.package !== undefined);
  process.stdout.write(`\n${shape}, ${names} names, P-256, NSEC, one CSK; median of ${runs}\n\n`);
  process.stdout.write(
    '| signer | verifies all | s | peak MB | × verifying peer | × fastest peer |\n| --- | --- | ---: | ---: | ---: | ---: |\n',
  );
  for (const [signer, measured] of results) {
    const seconds = median(measured.map((one) => one.seconds)).toFixed(1);
    const megabytes = median(measured.map((one) => one.megabytes)).toFixed(0);
    const verifying = ratio(
      signer,
      others.filter((peer) => peer.verifies),
    );
    const fastest = ratio(signer, others);
    process.stdout.write(
      `| ${signer.name} | ${signer.verifies ? 'yes' : ''} | ${seconds} | ${megabytes} | ${verifying} | ${fastest} |\n`,
    );
  }
}
