import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const algorithms = ['p256', 'ed25519'] as const;
export type BenchAlgorithm = (typeof algorithms)[number];
export const denials = ['nsec', 'nsec3', 'opt-out'] as const;
export type BenchDenial = (typeof denials)[number];

/** A zone to be signed, and how; NSEC3 is without salt and extra iterations. */
export interface Job {
  readonly folder: string;
  readonly origin: string;
  readonly zoneFile: string;
  readonly algorithm: BenchAlgorithm;
  readonly denial: BenchDenial;
}

/** A program that signs zones with one CSK, from text to text. */
export interface Signer {
  readonly name: string;
  /** Whether it verifies every signature that it made. */
  readonly verifies: boolean;
  /** Debian package, for those who lack it. */
  readonly package?: string;
  /** Make keys or settings, once for a job. */
  prepare(job: Job): void;
  command(job: Job): readonly [program: string, ...args: string[]];
}

const projectRoot = join(import.meta.dirname, '..');

const zoneseal = (verify: 'all' | 'sample'): Signer => ({
  name: `zoneseal sign --verify ${verify}`,
  verifies: verify === 'all',
  prepare: ({ folder }) => mkdirSync(join(folder, 'data'), { recursive: true, mode: 0o700 }),
  command: ({ folder, zoneFile, algorithm, denial }) => [
    process.execPath,
    join(projectRoot, 'bin/zoneseal.js'),
    'sign',
    zoneFile,
    '--algorithm',
    algorithm === 'p256' ? 'ecdsa-p256' : 'ed25519',
    ...(denial === 'nsec' ? [] : ['--denial', 'nsec3']),
    ...(denial === 'opt-out' ? ['--opt-out'] : []),
    `--verify=${verify}`,
    `--data=${join(folder, 'data')}`,
    `--out=${join(folder, 'zoneseal.signed')}`,
  ],
});

const bind = (verifies: boolean): Signer => ({
  name: verifies ? 'dnssec-signzone' : 'dnssec-signzone -P',
  verifies,
  package: 'bind9-utils',
  prepare({ folder, origin, algorithm }) {
    const keys = join(folder, verifies ? 'bind' : 'bind-unverified');
    mkdirSync(keys, { recursive: true });
    const name = algorithm === 'p256' ? 'ECDSAP256SHA256' : 'ED25519';
    execFileSync('dnssec-keygen', ['-q', '-K', keys, '-a', name, '-f', 'KSK', origin]);
  },
  command: ({ folder, origin, zoneFile, denial }) => [
    'dnssec-signzone',
    '-q',
    ...(verifies ? [] : ['-P']),
    '-z',
    '-S',
    '-K',
    join(folder, verifies ? 'bind' : 'bind-unverified'),
    '-o',
    origin,
    ...(denial === 'nsec' ? [] : ['-3', '-', '-H', '0']),
    ...(denial === 'opt-out' ? ['-A'] : []),
    '-f',
    join(folder, 'bind.signed'),
    zoneFile,
  ],
});

const knot: Signer = {
  name: 'kzonesign',
  verifies: false,
  package: 'knot-dnssecutils',
  prepare({ folder, origin, zoneFile, algorithm, denial }) {
    mkdirSync(join(folder, 'knot'), { recursive: true });
    const nsec3 =
      denial === 'nsec'
        ? ''
        : `    nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n    nsec3-opt-out: ${denial === 'opt-out' ? 'on' : 'off'}\n`;
    writeFileSync(
      join(folder, 'knot.conf'),
      `database:\n    storage: "${folder}/knot"\n` +
        `policy:\n  - id: bench\n    algorithm: ${algorithm === 'p256' ? 'ecdsap256sha256' : 'ed25519'}\n` +
        `    single-type-signing: on\n    signing-threads: 2\n${nsec3}` +
        `zone:\n  - domain: ${origin}\n    file: "${zoneFile}"\n    dnssec-signing: on\n    dnssec-policy: bench\n`,
    );
  },
  command: ({ folder, origin }) => ['kzonesign', '-c', join(folder, 'knot.conf'), '-o', join(folder, 'knot'), origin],
};

export const signers: readonly Signer[] = [zoneseal('all'), bind(true), zoneseal('sample'), bind(false), knot];

/**
 * Return the signers that are installed, and say of the others how to get them.
 *
 * @param wanted parts of their names, with commas between them
 */
export function installedSigners(wanted: string): Signer[] {
  return signers.filter((signer) => {
    if (!wanted.split(',').some((part) => signer.name.includes(part))) return false;
    const job: Job = { folder: '', origin: '', zoneFile: '', algorithm: 'p256', denial: 'nsec' };
    try {
      execFileSync('which', [signer.command(job)[0]]);
      return true;
    } catch {
      process.stdout.write(`without ${signer.name}: apt-get install ${signer.package}\n`);
      return false;
    }
  });
}
