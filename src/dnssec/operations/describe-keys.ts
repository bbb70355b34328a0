import { formatName } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { formatRecord } from '#dns/zone-file/print.ts';
import { composeDs, digestTypes } from '#dnssec/core/keys/ds.ts';
import type { Role, ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { parseZoneName } from '#dnssec/operations/sign-rrsets.ts';
import { describeZoneKeys, type KeyChoice } from '#dnssec/operations/zone-keys.ts';
import type { Signer } from '#dnssec/ports.ts';

/** Seconds; the TTL that records for a registrar or parent are written with. */
const exportTtl = 3600;

/** A key and the records that go with it, as master-file lines. */
export interface KeyDescription {
  readonly kmsKeyIdentity: string;
  readonly version: number;
  readonly role: Role;
  readonly algorithm: number;
  readonly algorithmName: string;
  readonly keyTag: number;
  readonly dnskey: string;
}

export interface KeyRecords extends KeyDescription {
  /** One for each digest type; none for a ZSK, which no parent points to. */
  readonly ds: readonly string[];
  readonly cds: readonly string[];
  readonly cdnskey: readonly string[];
}

export function describeKey(zone: string, key: ZoneKey): KeyDescription {
  const apex = parseZoneName(zone, '/zone');
  return {
    kmsKeyIdentity: key.kmsKey.keyId,
    version: key.kmsKey.version,
    role: key.role,
    algorithm: key.algorithm.number,
    algorithmName: key.algorithm.mnemonic,
    keyTag: key.keyTag,
    dnskey: formatRecord({ owner: apex, type: rrTypes.DNSKEY, ttl: exportTtl, rdata: key.dnskey }),
  };
}

/** Print a DS of a zone as a master-file line. */
export function dsLine(zone: string, ds: Rdata): string {
  return formatRecord({ owner: parseZoneName(zone, '/zone'), type: rrTypes.DS, ttl: exportTtl, rdata: ds });
}

/** Return a key with its DNSKEY, and the DS, CDS and CDNSKEY that lead to it. Source: RFC 4034 §5, RFC 7344 §3. */
export function recordsOfKey(zone: string, key: ZoneKey): KeyRecords {
  const apex = parseZoneName(zone, '/zone');
  const line = (type: RRType, rdata: Rdata) => formatRecord({ owner: apex, type, ttl: exportTtl, rdata });
  const digests = key.role === 'zsk' ? [] : digestTypes.map((digestType) => composeDs(apex, key.dnskey, digestType));
  return {
    ...describeKey(zone, key),
    ds: digests.map((ds) => line(rrTypes.DS, ds)),
    cds: digests.map((ds) => line(rrTypes.CDS, ds)),
    cdnskey: key.role === 'zsk' ? [] : [line(rrTypes.CDNSKEY, key.dnskey)],
  };
}

/**
 * Make the records that a zone and its parent publish for KMS keys; all versions are listed, the newest first.
 *
 * @throws DnssecError request-invalid, key-invalid, not-found, kms-refused, kms-unavailable
 */
export async function describeKeys(
  zone: string,
  choices: readonly KeyChoice[],
  signer: Signer,
): Promise<{ zone: string; keys: KeyRecords[] }> {
  const apex = parseZoneName(zone, '/zone');
  const keys = await describeZoneKeys(signer, await withAllVersions(choices, signer));
  return { zone: formatName(apex), keys: keys.map((key) => recordsOfKey(zone, key)) };
}

/** Choose all versions of keys that none are chosen of, the newest first. @throws DnssecError not-found, kms-refused, kms-unavailable */
export async function withAllVersions(choices: readonly KeyChoice[], signer: Signer): Promise<KeyChoice[]> {
  const all: KeyChoice[] = [];
  for (const choice of choices) {
    const { publicKeys } = await signer.getKey(choice.keyId);
    all.push({ versions: [...publicKeys.keys()].toSorted((left, right) => right - left), ...choice });
  }
  return all;
}
