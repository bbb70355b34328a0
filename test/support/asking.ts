import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { rrTypes } from '#dns/rr-type.ts';
import { ask } from '#dnssec/adapters/parent/ask.ts';
import { rcodes } from '#dnssec/adapters/messages/message.ts';
import { canonical } from '#test/support/dns.ts';
import { run } from '#test/support/process.ts';
import type { TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

/** What a validator made of one question. */
export interface Judgement {
  /** When it was asked, on the clock of `performance`. */
  readonly at: number;
  readonly zone: string;
  readonly question: string;
  readonly judge: 'unbound' | 'delv';
  /** `failed`: there was no answer, for a reason that only the validator's words tell. */
  readonly verdict: 'secure' | 'insecure' | 'failed';
  /** What was said, where it is not secure. */
  readonly output: string;
}

export interface Watch {
  /** Port of the resolver on 127.0.0.1. */
  readonly port: number;
  /** Absolute, in presentation form. */
  readonly zones: readonly string[];
  /** Apex of the trust anchor, and its DNSKEY records as master-file lines. */
  readonly root: string;
  readonly anchors: readonly string[];
  /** Milliseconds between two rounds. */
  readonly pause: number;
  readonly dir: TempDir;
}

const questions = [
  ['www.', 'A'],
  ['none.', 'A'],
  ['any.wild.', 'TXT'],
  ['', 'DNSKEY'],
  ['', 'SOA'],
  ['ns.', 'AAAA'],
] as const;

/** Milliseconds between two questions of `delv`, which is a process each time. */
const delvPause = 1500;

/**
 * Ask a validating resolver again and again, until told to end, and let `delv` validate what the resolver has in its cache
 * besides. Each round asks one question of each zone.
 */
export async function watchResolver(watch: Watch, signal: AbortSignal): Promise<readonly Judgement[]> {
  const judgements: Judgement[] = [];
  await Promise.all([
    eachRound(watch.pause, signal, async (label, type) => {
      for (const zone of watch.zones) judgements.push(await askUnbound(watch.port, zone, label, type));
    }),
    eachRound(delvPause, signal, async (label, type) => {
      for (const zone of watch.zones) judgements.push(await askDelv(watch, zone, label, type));
    }),
  ]);
  return judgements;
}

/**
 * Tell whether a validator's words are about data that did not validate: a resolver that got no answer in time, as on a busy
 * machine, fails as well.
 */
export function tellsOfBogus(words: string): boolean {
  return /validation failure|broken trust chain|insecurity proof failed|no valid (?:RRSIG|signature|DS|KEY)|verify failed/i.test(
    words,
  );
}

type Type = (typeof questions)[number][1];

async function eachRound(
  pause: number,
  signal: AbortSignal,
  round: (label: string, type: Type) => Promise<void>,
): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    const [label, type] = questions[count % questions.length] as (typeof questions)[number];
    await round(label, type);
    await sleep(pause);
  }
}

/** Ask the resolver one question. */
export async function askUnbound(port: number, zone: string, label: string, type: Type): Promise<Judgement> {
  const at = performance.now();
  const name = `${label}${zone}`;
  const question = { name: canonical(name), type: rrTypes[type], isRecursionDesired: true };
  const patience = { waits: [20_000], tcpWait: 20_000 };
  const { rcode, isAuthentic } = await ask({ host: '127.0.0.1', port }, question, patience);
  const isAnswered = rcode === rcodes.noError || rcode === rcodes.nxDomain;
  const verdict = isAnswered ? (isAuthentic ? 'secure' : 'insecure') : 'failed';
  return { at, zone, question: `${name} ${type}`, judge: 'unbound', verdict, output: `code ${rcode}` };
}

async function askDelv(watch: Watch, zone: string, label: string, type: Type): Promise<Judgement> {
  const at = performance.now();
  const { port, root, anchors, dir } = watch;
  const file = dir.at(`anchors-${port}`);
  writeFileSync(file, `trust-anchors {\n${anchors.map(anchorOf).join('')}};\n`);
  const name = `${label}${zone}`;
  const args = ['@127.0.0.1', '-p', String(port), '-a', file, `+root=${root}`, '+vtrace', name, type];
  const { stdout, stderr } = await run(getTool('delv'), args);
  const isSecure = /^; (?:negative response, )?fully validated/m.test(stdout);
  const isInsecure = /^; (?:negative response, )?unsigned answer/m.test(stdout);
  const verdict = isSecure ? 'secure' : isInsecure ? 'insecure' : 'failed';
  return { at, zone, question: `${name} ${type}`, judge: 'delv', verdict, output: isSecure ? '' : stdout + stderr };
}

function anchorOf(line: string): string {
  const [owner = '', , , , flags = '', protocol = '', algorithm = '', ...key] = line.trim().split(/\s+/);
  return `  "${owner}" static-key ${flags} ${protocol} ${algorithm} "${key.join('')}";\n`;
}
