import { generateKeyPairSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeZone, type ZoneShape } from '#bench/zones.ts';
import { canonicalName, parseName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { printRecords } from '#dns/zone-file/print.ts';
import { readZoneFile } from '#dns/zone-file/read.ts';
import { planNsec } from '#dnssec/core/denial/nsec.ts';
import { defaultNsec3, hashName, nsec3Due, planNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { composeZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { batchByKey, type PlannedRRset, planRRset } from '#dnssec/core/signing/plan.ts';
import { defaultValidity } from '#dnssec/core/signing/validity.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import type { Zone } from '#dnssec/core/zone/zone.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

/**
 * The steps of signing that are not signatures, each alone on one thread: reading, sorting, checking, hashing, planning
 * the chains, printing. Shown is the processor time for each name, and how it grows with the size of the zone.
 *
 * Usage: node bench/steps.ts [--names 10000,100000,1000000] [--shapes ent,tld]
 */
const { values: options } = parseArgs({
  options: {
    names: { type: 'string', default: '10000,100000,1000000' },
    shapes: { type: 'string', default: 'ent,tld' },
  },
});

/** Microseconds of the processor that this thread has used. */
function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

type Times = Map<string, number>;

async function timed<Result>(times: Times, step: string, work: () => Result | Promise<Result>): Promise<Result> {
  const start = processorTime();
  const result = await work();
  times.set(step, processorTime() - start);
  return result;
}

async function collect(path: string): Promise<ResourceRecord[]> {
  const records: ResourceRecord[] = [];
  for await (const piece of readZoneFile(createReadStream(path, { highWaterMark: 1 << 18 }), { fileName: path }))
    for (const record of piece) records.push(record);
  return records;
}

function count(items: Iterable<unknown>): number {
  let number = 0;
  for (const _ of items) number += 1;
  return number;
}

function* recordsIn(zone: Zone): Generator<ResourceRecord> {
  for (const { rrsets } of zone.nodes)
    for (const { owner, type, ttl, rdatas } of rrsets) for (const rdata of rdatas) yield { owner, type, ttl, rdata };
}

const key = composeZoneKey(
  'csk',
  getAlgorithm(13),
  generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  { keyId: 'bench', version: 1 },
);
const signature = 's'.repeat(64);

/** Compose the signed data of all RRsets, and RRSIGs with a signature that is none. */
function planSignatures(zone: Zone): ResourceRecord[] {
  const context = { apex: zone.apex, keys: [key], validity: defaultValidity, now: 1_800_000_000 };
  const records: ResourceRecord[] = [];
  let batch: PlannedRRset[] = [];
  for (const { canonicalOwner, rrsets } of zone.nodes) {
    for (const rrset of rrsets) {
      const { owner, ttl } = rrset;
      const planned = planRRset(context, canonicalOwner, rrset);
      batch.push(planned);
      for (const { prefix } of planned.tasks)
        records.push({ owner, type: rrTypes.RRSIG, ttl, rdata: (prefix + signature) as Rdata });
    }
    if (batch.length < 1000) continue;
    batchByKey(batch);
    batch = [];
  }
  batchByKey(batch);
  return records;
}

async function measure(shape: ZoneShape, names: number): Promise<Times> {
  using dir = makeTempDir();
  const origin = parseName(`${shape}.example.`);
  await writeZone(dir.at('zone'), `${shape}.example.`, shape, names);
  const times: Times = new Map();
  const records = await timed(times, 'parse', () => collect(dir.at('zone')));
  const builder = new ZoneBuilder(canonicalName(origin));
  await timed(times, 'gather', () => builder.add(records));
  const zone = await timed(times, 'sort', () => builder.build());
  await timed(times, 'check', () => checkZone(zone));
  await timed(times, 'plan NSEC', () => count(planNsec(zone, 3600)));
  const due = Array.from(nsec3Due(zone, false), ({ owner }) => owner);
  await timed(times, 'hash for NSEC3', () => {
    for (const owner of due) hashName(owner, defaultNsec3);
  });
  await timed(times, 'plan NSEC3', () => count(planNsec3(zone, defaultNsec3, 3600)));
  await timed(times, 'print', () => count(printRecords(recordsIn(zone))));
  const planned = await timed(times, 'plan signatures', () => planSignatures(zone));
  await timed(times, 'print signatures', () => count(printRecords(planned)));
  return times;
}

const sizes = options.names.split(',').map(Number);
for (const shape of options.shapes.split(',') as ZoneShape[]) {
  await measure(shape, 20_000); // code that is compiled
  const measured: Times[] = [];
  for (const names of sizes) measured.push(await measure(shape, names));
  process.stdout.write(`\n${shape}: microseconds of one core for each name\n\n`);
  process.stdout.write(
    `| step | ${sizes.join(' | ')} | last ÷ first |\n| --- |${' ---: |'.repeat(sizes.length + 1)}\n`,
  );
  for (const step of measured[0]?.keys() ?? []) {
    const perName = measured.map((times, index) => (times.get(step) ?? NaN) / (sizes[index] ?? NaN));
    const growth = (perName.at(-1) ?? NaN) / (perName[0] ?? NaN);
    process.stdout.write(
      `| ${step} | ${perName.map((time) => time.toFixed(2)).join(' | ')} | ${growth.toFixed(2)} |\n`,
    );
  }
}
