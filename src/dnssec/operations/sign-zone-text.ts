import { mapInOrder } from '#lib/map-in-order.ts';
import { releaseBuffer } from '#lib/packed.ts';
import { formatName, type Name } from '#dns/name.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { formatFault, type ZoneFault } from '#dnssec/core/zone/faults.ts';
import { type GatheredZone, gatherZone, type ZoneSource } from '#dnssec/core/zone/gather-zone.ts';
import {
  type PlannedZone,
  type PlannedZoneHead,
  planZoneText,
  type ZoneOrder,
} from '#dnssec/core/signing/planned-zone.ts';
import { type KeyRecords, recordsOfKey } from '#dnssec/operations/describe-keys.ts';
import { getZoneKeys, type KeyChoice } from '#dnssec/operations/zone-keys.ts';
import { type SigningPorts, signPlannedText } from '#dnssec/operations/sign-planned.ts';
import { prepareZone, type ZoneSigningPolicy } from '#dnssec/core/signing/plan-zone.ts';
import { signDigestedZone } from '#dnssec/operations/sign-digested-zone.ts';
import { printSigned } from '#dnssec/operations/zone-text.ts';
import type { ZoneForm } from '#dnssec/core/zone/line-printer.ts';

/** How far the signing of a zone has come. */
export interface SigningProgress {
  readonly stage: 'reading' | 'signing';
  /** Records read, or RRsets signed. */
  readonly done: number;
  /** What `done` grows to at most, once that is known. */
  readonly total?: number;
}

/** A zone whose apex is known and whose contents are being read. One of the two is called, once. */
export interface ZoneToSign {
  readonly apex: Name;
  /**
   * Plan its text as soon as it is read. @throws what `planZoneText` throws, and what reading does
   *
   * @param onRead is told the number of records read so far
   */
  plan(order: ZoneOrder, onRead: (records: number) => void): Promise<PlannedZone>;
  /** Return its contents as soon as they are read. */
  gather(onRead: (records: number) => void): Promise<GatheredZone>;
}

/** Make a zone that is read here one to sign. */
export function zoneToSign(source: ZoneSource): ZoneToSign {
  return {
    apex: source.apex,
    plan: async (order, onRead) => planZoneText(await gatherZone(source, onRead), order),
    gather: (onRead) => gatherZone(source, onRead),
  };
}

export interface SignZoneTextRequest {
  readonly source: ZoneToSign;
  /** Chooses the keys once the apex is known. */
  readonly chooseKeys: (apex: Name) => Promise<readonly KeyChoice[]>;
  readonly policy: ZoneSigningPolicy;
  readonly form: ZoneForm;
  /**
   * Takes the signed zone in pieces, whose octets it may not keep. Nothing of it may be published before the whole call has
   * succeeded.
   */
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
  const reading = (done: number): void => onProgress?.({ stage: 'reading', done });
  const signing: ZoneSigning = policy.zonemd
    ? signDigested(await source.gather(reading), { keys, policy, form, now }, ports)
    : signText(await source.plan({ keys, policy, form, now }, reading), keys, ports);
  let rrsets = 0;
  let signatures = 0;
  for await (const piece of signing.pieces) {
    for (const octets of piece.text) {
      await write(octets);
      releaseBuffer(octets);
    }
    rrsets += piece.rrsets;
    signatures += piece.signatures;
    onProgress?.({ stage: 'signing', done: rrsets, total: signing.mostRRsets });
  }
  return { apex: source.apex, serial: signing.serial, keys, rrsets, signatures, warnings: signing.warnings };
}

/** A zone that is being signed. */
interface ZoneSigning extends PlannedZoneHead {
  readonly pieces: AsyncIterable<{
    /** In buffers that nobody else has. */
    readonly text: Iterable<Uint8Array<ArrayBuffer>>;
    readonly rrsets: number;
    readonly signatures: number;
  }>;
}

/** Pieces of text that are signed at a time: the KMS, the verifier, and who plans and prints work at once. */
const piecesUnderWay = 4;

function signText(planned: PlannedZone, keys: readonly ZoneKey[], ports: SigningPorts): ZoneSigning {
  const signed = mapInOrder(planned.pieces, piecesUnderWay, async (piece) => {
    const { text, rrsets, signatures } = await signPlannedText(piece, keys, ports);
    return { text: [text], rrsets, signatures };
  });
  return { ...planned, pieces: signed };
}

/** Sign RRset by RRset, since the digest is made of them with their signatures. */
function signDigested(
  gathered: GatheredZone,
  { keys, policy, form, now }: ZoneOrder,
  ports: SigningPorts,
): ZoneSigning {
  const prepared = prepareZone(gathered, keys, policy, now);
  const printed = async function* (): ZoneSigning['pieces'] & AsyncGenerator {
    for await (const signed of signDigestedZone(prepared, keys, policy, now, ports)) {
      const signatures = signed.reduce((sum, { rrsigs }) => sum + rrsigs.length, 0);
      yield { text: printSigned(signed, form), rrsets: signed.length, signatures };
    }
  };
  return { ...prepared, pieces: printed() };
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
