import type { Octets } from '#lib/octets.ts';
import { type Packed, Packer } from '#lib/packed.ts';
import type { CanonicalName } from '#dns/name.ts';
import type { RRset } from '#dns/rrset.ts';
import { keysThatSign } from '#dnssec/core/keys/key-set.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { composeRrsigPrefix, rrsigLabels } from '#dnssec/core/signing/rrsig.ts';
import { packSignedData } from '#dnssec/core/signing/signed-data.ts';
import { type ValidityPolicy, validityOf } from '#dnssec/core/signing/validity.ts';

/** What is the same for all RRsets of one signing run. */
export interface SigningContext {
  readonly apex: CanonicalName;
  readonly keys: readonly ZoneKey[];
  readonly validity: ValidityPolicy;
  /** Seconds since the epoch, read once for the run. */
  readonly now: number;
}

/** One signature to be made. */
export interface SigningTask {
  readonly key: ZoneKey;
  /** RRSIG RDATA up to the signature. */
  readonly prefix: Octets;
}

/** An RRset and the signatures that it is due. */
export interface PlannedRRset {
  readonly rrset: RRset;
  /** The canonical form of its owner. */
  readonly owner: CanonicalName;
  /** Empty for RRsets that are published unsigned. */
  readonly tasks: readonly SigningTask[];
}

/**
 * Plan the signatures of an RRset: one by each key whose role covers its type at its place.
 *
 * Source: RFC 4034 §3.1, RFC 4035 §2.2.
 *
 * @param owner the canonical form of `rrset.owner`
 */
export function planRRset(context: SigningContext, owner: CanonicalName, rrset: RRset): PlannedRRset {
  const { inception, expiration } = validityOf(context.validity, context.now, owner, rrset.type);
  const labels = rrsigLabels(owner);
  const tasks: SigningTask[] = [];
  for (const key of keysThatSign(rrset.type, owner === context.apex, context.keys)) {
    const prefix = composeRrsigPrefix({
      typeCovered: rrset.type,
      algorithm: key.algorithm.number,
      labels,
      originalTtl: rrset.ttl,
      expiration,
      inception,
      keyTag: key.keyTag,
      signerName: context.apex,
    });
    tasks.push({ key, prefix });
  }
  return { rrset, owner, tasks };
}

/** What one key is to sign of some RRsets, in their order. */
export interface KeyBatch {
  readonly key: ZoneKey;
  readonly signedData: Packed;
}

/** Compose the signed data of planned signatures, those of one key together. */
export function batchByKey(planned: readonly PlannedRRset[]): KeyBatch[] {
  const packers = new Map<ZoneKey, Packer>();
  for (const { rrset, owner, tasks } of planned) {
    for (const { key, prefix } of tasks) {
      let packer = packers.get(key);
      if (packer === undefined) packers.set(key, (packer = new Packer()));
      packSignedData(packer, prefix, owner, rrset);
    }
  }
  return Array.from(packers, ([key, packer]) => ({ key, signedData: packer.packed() }));
}
