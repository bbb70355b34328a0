import { writeFileSync } from 'node:fs';
import { formatCompactTime } from '#lib/clock.ts';
import { run } from '#test/support/process.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool, type Tool } from '#test/support/tools.ts';

/** Independent programs that decide whether a signed zone is right. */
export const judges = ['dnssec-verify', 'ldns-verify-zone', 'kzonecheck', 'named-checkzone'] as const satisfies Tool[];
export type Judge = (typeof judges)[number];

export interface Verdict {
  readonly judge: Judge;
  readonly accepted: boolean;
  readonly output: string;
}

export interface SignedZone {
  /** Absolute, in presentation form. */
  readonly origin: string;
  /** The zone as a master file. */
  readonly text: string;
  /**
   * Seconds since the epoch at which it is judged, where the judge can be told; `dnssec-verify` and `named-checkzone`
   * cannot and take the present. Default the present.
   */
  readonly at?: number;
}

/** Ask one judge. */
export async function judge(name: Judge, zone: SignedZone): Promise<Verdict> {
  using dir = makeTempDir();
  const file = dir.at('zone');
  writeFileSync(file, zone.text, 'latin1');
  const { code, stdout, stderr } = await run(getTool(name), commandLines[name](zone, file), {
    cwd: dir.path,
    timeout: 120_000,
  });
  return { judge: name, accepted: code === 0, output: stdout + stderr };
}

/** Ask all judges at once. */
export async function judgeAll(zone: SignedZone): Promise<Verdict[]> {
  return Promise.all(judges.map((name) => judge(name, zone)));
}

const zoneSigningKey = /\bDNSKEY\s+(?:\(\s*)?256\b/;

const commandLines: Record<Judge, (zone: SignedZone, file: string) => string[]> = {
  // It takes every SEP key for a KSK and asks for a ZSK beside it, unless told that the zone has a CSK.
  'dnssec-verify': ({ origin, text }, file) => [...(zoneSigningKey.test(text) ? [] : ['-z']), '-o', origin, file],
  'ldns-verify-zone': ({ at }, file) => [...(at === undefined ? [] : ['-t', formatCompactTime(at)]), file],
  kzonecheck: ({ origin, at }, file) => [
    '-o',
    origin,
    '-d',
    'on',
    ...(at === undefined ? [] : ['-t', formatCompactTime(at)]),
    file,
  ],
  'named-checkzone': ({ origin }, file) => ['-i', 'none', '-k', 'ignore', origin, file],
};
