import { formatName, type Name } from '#dns/name.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { formatFault, type ZoneFault } from '#dnssec/core/zone/faults.ts';
import type { GatheredZone } from '#dnssec/core/zone/gather-zone.ts';
import { type KeyRecords, recordsOfKey } from '#dnssec/operations/describe-keys.ts';
import { getZoneKeys, type KeyChoice } from '#dnssec/operations/zone-keys.ts';
import type { SigningPorts } from '#dnssec/operations/sign-planned.ts';
import { prepareZone, type SigningProgress, signZone, type ZoneSigningPolicy } from '#dnssec/operations/sign-zone.ts';
import { printSigned, type ZoneForm } from '#dnssec/operations/zone-text.ts';

/** A zone whose apex is known and whose contents are being read. */
export interface ZoneToSign {
  readonly apex: Name;
  /** @param onRead is told the number of records read so far */
  gather(onRead: (records: number) => void): Promise<GatheredZone>;
}

export interface SignZoneTextRequest {
  readonly source: ZoneToSign;
  /** Chooses the keys once the apex is known. */
  readonly chooseKeys: (apex: Name) => Promise<readonly KeyChoice[]>;
  readonly policy: ZoneSigningPolicy;
  readonly form: ZoneForm;
  /** Takes the signed zone in pieces. Nothing of it may be published before the whole call has succeeded. */
  readonly write: (octets: Uint8Array) => Promise<void>;
  readonly onProgress?: (progress: SigningProgress) => void;
}

export interface SignedZoneSummary {
  readonly apex: Name;
  readonly serial: number;
  readonly keys: readonly ZoneKey[];
  readonly rrsets: number;
  readonly signatures: number;
  readonly warnings: readonly ZoneFault[];
}

/**
 * Sign a zone from text to text.
 *
 * @param now seconds since the epoch
 * @throws DnssecError, DnsError, and whatever `write` throws
 */
export async function signZoneText(
  request: SignZoneTextRequest,
  now: number,
  ports: SigningPorts,
): Promise<SignedZoneSummary> {
  const { source, policy, form, write, onProgress } = request;
  const choices = await request.chooseKeys(source.apex);
  const keys = await getZoneKeys(ports.signer, ports.verifier, choices);
  const gathered = await source.gather((done) => onProgress?.({ stage: 'reading', done }));
  const prepared = prepareZone(gathered, keys, policy, now);
  let rrsets = 0;
  let signatures = 0;
  for await (const signed of signZone(prepared, keys, policy, now, ports)) {
    for (const octets of printSigned(signed, form)) await write(octets);
    rrsets += signed.length;
    for (const { rrsigs } of signed) signatures += rrsigs.length;
    onProgress?.({ stage: 'signing', done: rrsets, total: prepared.mostRRsets });
  }
  return { apex: source.apex, serial: prepared.serial, keys, rrsets, signatures, warnings: prepared.warnings };
}

/** Tell a summary in presentation form, with the records that the keys need at the parent. */
export function summaryText({ apex, serial, keys, rrsets, signatures, warnings }: SignedZoneSummary): {
  zone: string;
  serial: number;
  rrsets: number;
  signatures: number;
  keys: KeyRecords[];
  warnings: string[];
} {
  const zone = formatName(apex);
  return {
    zone,
    serial,
    rrsets,
    signatures,
    keys: keys.map((key) => recordsOfKey(zone, key)),
    warnings: warnings.map(formatFault),
  };
}
