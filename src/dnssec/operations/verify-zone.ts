import { pack } from '#lib/packed.ts';
import { canonicalName, type Name } from '#dns/name.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { checkChain, checkChildRecords, checkZonemd, type TrustAnchor } from '#dnssec/core/verification/apex.ts';
import { checkDenial } from '#dnssec/core/verification/denial.ts';
import {
  FaultList,
  invalidSignature,
  planSignatureChecks,
  type SignatureCheckPlan,
} from '#dnssec/core/verification/signatures.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import type { SignatureVerifier } from '#dnssec/ports.ts';

export interface ZoneVerification {
  /** Whether the zone has no fault of severity `error`. */
  readonly valid: boolean;
  readonly records: number;
  readonly signaturesChecked: number;
  readonly faults: readonly ZoneFault[];
}

export interface VerifyZoneOptions {
  /** Seconds since the epoch at which signatures must be valid. */
  readonly at: number;
  readonly anchors?: readonly TrustAnchor[];
  readonly onProgress?: (progress: { stage: 'reading' | 'verifying'; done: number }) => void;
}

const checksPerBatch = 4000;

/**
 * Verify a whole signed zone: contents, chain of trust, every signature, denial of existence, digest. All faults are
 * found in one go.
 *
 * @throws DnsError from the source of the records
 */
export async function verifyZone(
  apex: Name,
  records: AsyncIterable<readonly ResourceRecord[]>,
  options: VerifyZoneOptions,
  verifier: SignatureVerifier,
): Promise<ZoneVerification> {
  const builder = new ZoneBuilder(canonicalName(apex));
  let read = 0;
  for await (const piece of records) {
    builder.add(piece);
    read += piece.length;
    options.onProgress?.({ stage: 'reading', done: read });
  }
  const zone = builder.build();
  const list = new FaultList();
  checkChain(zone, options.anchors ?? [], list);
  let checked = 0;
  for (const batch of inBatches(planSignatureChecks(zone, options.at, list))) {
    list.faults.push(...(await checkBatch(batch, verifier)));
    checked += batch.length;
    options.onProgress?.({ stage: 'verifying', done: checked });
  }
  checkDenial(zone, list);
  checkChildRecords(zone, list);
  checkZonemd(zone, list);
  const faults = [...builder.faults, ...checkZone(zone), ...list.faults];
  return {
    valid: faults.every((fault) => fault.severity !== 'error'),
    records: read,
    signaturesChecked: checked,
    faults,
  };
}

function* inBatches(checks: Iterable<SignatureCheckPlan>): Generator<SignatureCheckPlan[]> {
  let batch: SignatureCheckPlan[] = [];
  for (const check of checks) {
    batch.push(check);
    if (batch.length === checksPerBatch) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** Check signatures; one that several keys could have made is valid if one of them says so. */
async function checkBatch(batch: readonly SignatureCheckPlan[], verifier: SignatureVerifier): Promise<ZoneFault[]> {
  const attempts = Map.groupBy(
    batch.flatMap((check) => check.dnskeys.map((dnskey) => ({ check, dnskey }))),
    ({ dnskey }) => dnskey,
  );
  const valid = new Set<SignatureCheckPlan>();
  await Promise.all(
    Array.from(attempts, async ([dnskey, group]) => {
      const signedData = pack(group.map(({ check }) => check.signedData));
      const signatures = pack(group.map(({ check }) => check.signature));
      const answers = await verifier.verify({ dnskey, signedData, signatures });
      for (const [index, { check }] of group.entries()) if (answers[index] === 1) valid.add(check);
    }),
  );
  return batch.filter((check) => !valid.has(check)).map(invalidSignature);
}
