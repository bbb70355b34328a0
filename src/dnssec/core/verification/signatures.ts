import { bytesFrom } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, formatName, type Name } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { isSerialGreater } from '#dns/serial.ts';
import { formatCompactTime } from '#lib/clock.ts';
import { findAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { dnskeyFlags, isZoneKey, keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { composeRrsigPrefix, parseRrsig, type Rrsig, rrsigLabels } from '#dnssec/core/signing/rrsig.ts';
import { composeSignedData } from '#dnssec/core/signing/signed-data.ts';
import { isSigned, walkAuthority } from '#dnssec/core/zone/authority.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { findApex, findRRset, type SignatureRecord, type Zone, type ZoneNode } from '#dnssec/core/zone/zone.ts';

/** A DNSKEY of the zone, as RRSIGs name it. */
export interface PublishedKey {
  readonly dnskey: Rdata;
  readonly keyTag: number;
  readonly algorithm: number;
  readonly supported: boolean;
  /** A revoked key vouches for nothing any more, but may still sign. Source: RFC 5011 §2.1. */
  readonly revoked: boolean;
}

/** One signature that must be found valid under one of the keys that it may mean. */
export interface SignatureCheckPlan {
  readonly owner: Name;
  readonly type: RRType;
  readonly keyTag: number;
  /** More than one only where keys share a tag. */
  readonly dnskeys: readonly Rdata[];
  readonly signedData: Uint8Array;
  readonly signature: Uint8Array;
}

/** Collects faults under the names of the records that they concern. */
export class FaultList {
  readonly faults: ZoneFault[] = [];

  error(owner: Name, type: RRType | undefined, code: string, message: string): void {
    this.faults.push({ severity: 'error', code, owner, message, ...(type === undefined ? {} : { type }) });
  }

  warning(owner: Name, type: RRType | undefined, code: string, message: string): void {
    this.faults.push({ severity: 'warning', code, owner, message, ...(type === undefined ? {} : { type }) });
  }
}

/** Return the zone's DNSKEYs; those that sign nothing, being no zone keys or of another protocol, are left out. */
export function publishedKeys(zone: Zone): PublishedKey[] {
  const rdatas = findRRset(findApex(zone), rrTypes.DNSKEY)?.rdatas ?? [];
  return rdatas
    .filter((dnskey) => isZoneKey(parseDnskey(dnskey)))
    .map((dnskey) => {
      const { algorithm, flags } = parseDnskey(dnskey);
      const revoked = (flags & dnskeyFlags.revoked) !== 0;
      return {
        dnskey,
        keyTag: keyTagOf(dnskey),
        algorithm,
        supported: findAlgorithm(algorithm) !== undefined,
        revoked,
      };
    });
}

/**
 * Check all that can be told of the zone's signatures without cryptography and yield the checks that need it.
 *
 * Source: RFC 4035 §2.2, RFC 4035 §5.3.1.
 *
 * @param at seconds since the epoch
 */
export function* planSignatureChecks(zone: Zone, at: number, faults: FaultList): Generator<SignatureCheckPlan> {
  const keys = publishedKeys(zone);
  const algorithms = new Set(keys.filter((key) => !key.revoked).map((key) => key.algorithm));
  for (const algorithm of algorithms) {
    if (findAlgorithm(algorithm) === undefined) {
      faults.warning(
        zone.apex,
        rrTypes.DNSKEY,
        'algorithm-unknown',
        `has keys of algorithm ${algorithm}, whose signatures cannot be checked here`,
      );
    }
  }
  for (const { node, standing } of walkAuthority(zone)) {
    if (node === undefined) continue;
    const byType = groupByCoveredType(node.rrsigs);
    for (const rrset of node.rrsets) {
      const signatures = byType.get(rrset.type) ?? [];
      byType.delete(rrset.type);
      const due = isSigned(standing, rrset.type) || rrset.type === rrTypes.NSEC3;
      if (!due) {
        if (signatures.length > 0)
          faults.error(
            node.owner,
            rrset.type,
            'signed-without-authority',
            'has an RRSIG but is not authoritative data of this zone',
          );
        continue;
      }
      yield* planRRsetChecks(zone.apex, node, rrset, signatures, { keys, algorithms, at, faults });
    }
    for (const type of byType.keys())
      faults.error(node.owner, type, 'rrsig-without-rrset', 'has an RRSIG but no records');
  }
}

interface ParsedSignature {
  readonly ttl: number;
  readonly rrsig: Rrsig;
}

function groupByCoveredType(rrsigs: readonly SignatureRecord[]): Map<RRType, ParsedSignature[]> {
  const groups = new Map<RRType, ParsedSignature[]>();
  for (const { ttl, rdata } of rrsigs) {
    const rrsig = parseRrsig(rdata);
    const group = groups.get(rrsig.typeCovered);
    if (group === undefined) groups.set(rrsig.typeCovered, [{ ttl, rrsig }]);
    else group.push({ ttl, rrsig });
  }
  return groups;
}

interface CheckContext {
  readonly keys: readonly PublishedKey[];
  readonly algorithms: ReadonlySet<number>;
  readonly at: number;
  readonly faults: FaultList;
}

function* planRRsetChecks(
  apex: CanonicalName,
  node: ZoneNode,
  rrset: RRset,
  signatures: readonly ParsedSignature[],
  context: CheckContext,
): Generator<SignatureCheckPlan> {
  const { keys, algorithms, faults } = context;
  const signedWith = new Set<number>();
  for (const { ttl, rrsig } of signatures) {
    const candidates = keys.filter((key) => key.keyTag === rrsig.keyTag && key.algorithm === rrsig.algorithm);
    const complaint = complaintAbout(rrsig, ttl, node, rrset, apex, candidates, context.at);
    if (complaint !== undefined) {
      faults.error(node.owner, rrset.type, complaint.code, `the RRSIG by key ${rrsig.keyTag} ${complaint.message}`);
      continue;
    }
    const vouching = candidates.filter((key) => !key.revoked);
    if (vouching.length > 0) signedWith.add(rrsig.algorithm);
    const supported = (vouching.length > 0 ? vouching : candidates)
      .filter((key) => key.supported)
      .map((key) => key.dnskey);
    if (supported.length === 0) continue;
    const prefix = composeRrsigPrefix({ ...rrsig, signerName: canonicalName(rrsig.signerName) });
    yield {
      owner: node.owner,
      type: rrset.type,
      keyTag: rrsig.keyTag,
      dnskeys: supported,
      signedData: composeSignedData(prefix, node.canonicalOwner, rrset.type, rrsig.originalTtl, rrset.rdatas),
      signature: bytesFrom(rrsig.signature),
    };
  }
  for (const algorithm of algorithms) {
    if (!signedWith.has(algorithm)) {
      faults.error(
        node.owner,
        rrset.type,
        'rrsig-missing',
        `has no usable RRSIG of algorithm ${algorithm}, of which the zone has a DNSKEY`,
      );
    }
  }
}

/** Return the first rule that an RRSIG breaks. Source: RFC 4035 §5.3.1, RFC 4034 §3.1. */
function complaintAbout(
  rrsig: Rrsig,
  ttl: number,
  node: ZoneNode,
  rrset: RRset,
  apex: CanonicalName,
  candidates: readonly PublishedKey[],
  at: number,
): { code: string; message: string } | undefined {
  const now = at >>> 0;
  const labels = rrsigLabels(node.canonicalOwner);
  if (canonicalName(rrsig.signerName) !== apex) {
    return {
      code: 'rrsig-signer',
      message: `names the signer ${formatName(rrsig.signerName)}, not ${formatName(apex)}`,
    };
  }
  if (candidates.length === 0) {
    return { code: 'rrsig-key-unknown', message: `of algorithm ${rrsig.algorithm} belongs to no DNSKEY of the zone` };
  }
  if (rrsig.labels !== labels)
    return { code: 'rrsig-labels', message: `counts ${rrsig.labels} labels, the owner has ${labels}` };
  if (rrsig.originalTtl !== rrset.ttl) {
    return {
      code: 'rrsig-original-ttl',
      message: `was made for a TTL of ${rrsig.originalTtl} s, the records have ${rrset.ttl} s`,
    };
  }
  if (ttl !== rrset.ttl)
    return { code: 'rrsig-ttl', message: `has a TTL of ${ttl} s, the records have ${rrset.ttl} s` };
  if (isSerialGreater(rrsig.inception, now)) {
    return { code: 'rrsig-not-yet-valid', message: `is valid from ${formatCompactTime(rrsig.inception)} only` };
  }
  if (isSerialGreater(now, rrsig.expiration)) {
    return { code: 'rrsig-expired', message: `expired at ${formatCompactTime(rrsig.expiration)}` };
  }
  return undefined;
}

/** The fault of a signature that no key finds valid. */
export function invalidSignature(check: SignatureCheckPlan): ZoneFault {
  return {
    severity: 'error',
    code: 'rrsig-invalid',
    owner: check.owner,
    type: check.type,
    message: `the RRSIG by key ${check.keyTag} does not verify: the records, the RRSIG or the DNSKEY were changed`,
  };
}
