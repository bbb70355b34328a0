import { formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import { dnskeyFlags, keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { deleteCdnskey, deleteCds, dsMatches, parseDs } from '#dnssec/core/keys/ds.ts';
import { parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { isComputableZonemd, parseZonemd, ZoneDigest } from '#dnssec/core/signing/zonemd.ts';
import { type FaultList, publishedKeys } from '#dnssec/core/verification/signatures.ts';
import { findApex, findRRset, type Zone } from '#dnssec/core/zone/zone.ts';

/** What the verifier trusts: DS or DNSKEY RDATA of the zone's apex. */
export interface TrustAnchor {
  readonly type: typeof rrTypes.DS | typeof rrTypes.DNSKEY;
  readonly rdata: Rdata;
}

/**
 * Check that a trusted key, or without anchors a key with the SEP flag, signs the DNSKEY RRset. Whether the signature is
 * valid is checked with all others. A revoked key is never trusted.
 *
 * Source: RFC 4035 §5.2, RFC 5011 §2.1.
 */
export function checkChain(zone: Zone, anchors: readonly TrustAnchor[], faults: FaultList): void {
  const apex = findApex(zone);
  const keys = publishedKeys(zone);
  if (keys.every((key) => key.revoked)) {
    faults.error(zone.apex, rrTypes.DNSKEY, 'no-dnskey', 'is missing or holds no zone key: the zone is not signed');
    return;
  }
  const tags = new Map<number, Rdata>();
  for (const { dnskey, keyTag } of keys) {
    if (tags.has(keyTag))
      faults.warning(zone.apex, rrTypes.DNSKEY, 'key-tag-shared', `has two keys with the tag ${keyTag}`);
    tags.set(keyTag, dnskey);
  }
  const trusted = keys.filter(
    ({ dnskey, revoked }) =>
      !revoked &&
      (anchors.length === 0
        ? (parseDnskey(dnskey).flags & dnskeyFlags.secureEntryPoint) !== 0
        : anchors.some((anchor) =>
            anchor.type === rrTypes.DS ? dsMatches(anchor.rdata, zone.apex, dnskey) : anchor.rdata === dnskey,
          )),
  );
  const what = anchors.length === 0 ? 'key with the SEP flag' : 'key that a trust anchor names';
  if (trusted.length === 0) {
    if (anchors.length > 0) faults.error(zone.apex, rrTypes.DNSKEY, 'anchor-mismatch', `has no ${what}`);
    else faults.warning(zone.apex, rrTypes.DNSKEY, 'no-sep', `has no ${what}`);
    return;
  }
  const signers = (apex?.rrsigs ?? [])
    .map(({ rdata }) => parseRrsig(rdata))
    .filter((rrsig) => rrsig.typeCovered === rrTypes.DNSKEY);
  if (
    !trusted.some((key) => signers.some((rrsig) => rrsig.keyTag === key.keyTag && rrsig.algorithm === key.algorithm))
  ) {
    faults.error(zone.apex, rrTypes.DNSKEY, 'dnskey-not-signed', `is not signed by a ${what}`);
  }
}

/** Check that CDS and CDNSKEY name keys of the zone and agree with each other. Source: RFC 7344 §4, RFC 8078 §4. */
export function checkChildRecords(zone: Zone, faults: FaultList): void {
  const apex = findApex(zone);
  const cds = findRRset(apex, rrTypes.CDS)?.rdatas ?? [];
  const cdnskey = findRRset(apex, rrTypes.CDNSKEY)?.rdatas ?? [];
  const dnskeys = findRRset(apex, rrTypes.DNSKEY)?.rdatas ?? [];
  const deletes = cds.includes(deleteCds) || cdnskey.includes(deleteCdnskey);
  if (deletes) {
    if (cds.length > 1 || cdnskey.length > 1)
      faults.error(zone.apex, rrTypes.CDS, 'cds-delete', 'the delete form stands beside other records');
    return;
  }
  for (const rdata of cdnskey) {
    if (!dnskeys.includes(rdata))
      faults.error(
        zone.apex,
        rrTypes.CDNSKEY,
        'cdnskey-unknown',
        `names key ${keyTagOf(rdata)}, which the zone does not publish`,
      );
  }
  for (const rdata of cds) {
    if (!dnskeys.some((dnskey) => dsMatches(rdata, zone.apex, dnskey))) {
      faults.error(
        zone.apex,
        rrTypes.CDS,
        'cds-unknown',
        `names key ${parseDs(rdata).keyTag}, which the zone does not publish`,
      );
    }
    if (cdnskey.length > 0 && !cdnskey.some((dnskey) => dsMatches(rdata, zone.apex, dnskey))) {
      faults.error(
        zone.apex,
        rrTypes.CDS,
        'cds-cdnskey-differ',
        `names key ${parseDs(rdata).keyTag}, which CDNSKEY does not name`,
      );
    }
  }
}

/** Check the zone's digest where one is published that can be computed here. Source: RFC 8976 §4. */
export function checkZonemd(zone: Zone, faults: FaultList): void {
  const apex = findApex(zone);
  const soa = findRRset(apex, rrTypes.SOA)?.rdatas[0];
  const published = (findRRset(apex, rrTypes.ZONEMD)?.rdatas ?? []).map(parseZonemd);
  if (published.length === 0 || soa === undefined) return;
  const { serial } = parseSoa(soa);
  let matched = false;
  let tried = false;
  for (const zonemd of published) {
    if (zonemd.serial !== serial) {
      faults.error(zone.apex, rrTypes.ZONEMD, 'zonemd-serial', `is for serial ${zonemd.serial}, the SOA has ${serial}`);
    } else if (!isComputableZonemd(zonemd)) {
      faults.warning(
        zone.apex,
        rrTypes.ZONEMD,
        'zonemd-unknown',
        `uses scheme ${zonemd.scheme} and hash ${zonemd.hashAlgorithm}, which cannot be checked here`,
      );
    } else if (
      published.filter((other) => other.scheme === zonemd.scheme && other.hashAlgorithm === zonemd.hashAlgorithm)
        .length > 1
    ) {
      faults.error(zone.apex, rrTypes.ZONEMD, 'zonemd-several', 'has two digests of one kind');
    } else {
      tried = true;
      matched ||= digestZone(zone, zonemd.hashAlgorithm) === zonemd.digest;
    }
  }
  if (tried && !matched) {
    faults.error(
      zone.apex,
      rrTypes.ZONEMD,
      'zonemd-mismatch',
      `does not match the digest of ${formatName(zone.apex)}: some record was changed`,
    );
  }
}

function digestZone(zone: Zone, hashAlgorithm: number): string {
  const digest = new ZoneDigest(zone.apex, hashAlgorithm);
  for (const { canonicalOwner, rrsets, rrsigs } of zone.nodes) {
    let signaturesAdded = rrsigs.length === 0;
    for (const { type, ttl, rdatas } of rrsets) {
      if (!signaturesAdded && type > rrTypes.RRSIG) {
        digest.addRrsigs(canonicalOwner, rrsigs);
        signaturesAdded = true;
      }
      digest.add(canonicalOwner, type, ttl, rdatas);
    }
    if (!signaturesAdded) digest.addRrsigs(canonicalOwner, rrsigs);
  }
  return digest.finish();
}
