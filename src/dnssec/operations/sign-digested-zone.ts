import { breathe } from '#lib/breathe.ts';
import { mapInOrder } from '#lib/map-in-order.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { RRset } from '#dns/rrset.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { type PlannedRRset, planRRset, type SigningContext } from '#dnssec/core/signing/plan.ts';
import { planZone, type PreparedZone, type ZoneSigningPolicy } from '#dnssec/core/signing/plan-zone.ts';
import { assertValidityPolicy } from '#dnssec/core/signing/validity.ts';
import type { VerifiedRRset } from '#dnssec/core/signing/verified.ts';
import { SignedZoneDigest } from '#dnssec/core/signing/signed-zone-digest.ts';
import { zonemdOf } from '#dnssec/core/signing/zonemd.ts';
import { findApex, findRRset } from '#dnssec/core/zone/zone.ts';
import { type SigningPorts, signPlanned } from '#dnssec/operations/sign-planned.ts';

/**
 * RRsets signed in one go, and goes under way at a time: the KMS, the verifier and this thread work at once. What is published
 * unsigned goes along, as most of a zone of delegations does: to ask for few signatures takes as long as for many.
 */
const signedPerBatch = 1000;
const rrsetsPerBatch = 10_000;
const rrsetsPerTurn = 1000;
const batchesUnderWay = 4;

/**
 * Sign a prepared zone that gets a ZONEMD record, and yield its RRsets in canonical order, verified, in pieces. The
 * ZONEMD RRset comes last, since it digests all others with their signatures.
 *
 * Source: RFC 8976 §3.3.
 *
 * @param now seconds since the epoch
 * @throws DnssecError request-invalid, zone-invalid, kms-refused, kms-unavailable, signature-invalid
 */
export async function* signDigestedZone(
  { zone, serial }: PreparedZone,
  keys: readonly ZoneKey[],
  policy: ZoneSigningPolicy,
  now: number,
  ports: SigningPorts,
): AsyncGenerator<readonly VerifiedRRset[]> {
  assertValidityPolicy(policy.validity);
  const context: SigningContext = { apex: zone.apex, keys, validity: policy.validity, now };
  const digest = new SignedZoneDigest(zone.apex);
  for await (const signed of mapInOrder(batches(planZone(zone, policy, context)), batchesUnderWay, (batch) =>
    signPlanned(batch, ports),
  )) {
    for (const entry of signed) digest.add(entry);
    yield signed;
  }
  const placeholder = findRRset(findApex(zone), rrTypes.ZONEMD) as RRset;
  const rdata = zonemdOf(serial, digest.finish());
  yield await signPlanned([planRRset(context, zone.apex, { ...placeholder, rdatas: [rdata] })], ports);
}

/** Form batches, and let others have their turn between steps. */
async function* batches(planned: Iterable<PlannedRRset>): AsyncGenerator<PlannedRRset[]> {
  let batch: PlannedRRset[] = [];
  let signed = 0;
  for (const entry of planned) {
    batch.push(entry);
    if (entry.tasks.length > 0) signed++;
    if (signed === signedPerBatch || batch.length === rrsetsPerBatch) {
      yield batch;
      batch = [];
      signed = 0;
    } else if (batch.length % rrsetsPerTurn === 0) {
      await breathe();
    }
  }
  if (batch.length > 0) yield batch;
}
