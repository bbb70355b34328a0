import { readPieces } from '#lib/spool.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { type ContentMerge, publishMerged } from '#dnssec/operations/zones/merge-contents.ts';
import type { ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import { getEditableZone } from '#dnssec/operations/zones/set-feed.ts';
import { assertRecordTtls, readWanted } from '#dnssec/operations/zones/wanted-contents.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { StoredRRset } from '#dnssec/ports-zones.ts';

/** A master file: its text, or where it lies. */
export type MasterFile = string | { readonly path: string };

export interface ImportRequest {
  readonly zoneFile: MasterFile;
  readonly replaceExisting: boolean;
  readonly dryRun: boolean;
}

/** What an import did, or would do; numbers of RRsets. */
export interface ImportResult {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  /** RRsets that are there already, and records that the service makes itself. */
  readonly skipped: number;
  /** Those that were created or updated, the first few thousand of them. */
  readonly records: readonly StoredRRset[];
  readonly recordsOmitted?: number;
}

/**
 * Put the records of a master file into a zone as one version: merged with what is there, or in its place. The SOA and
 * what DNSSEC makes are left out.
 *
 * @throws DnssecError zone-invalid with all faults, DnsError zone-file-invalid and what publishing throws
 */
export async function importZone(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  { zoneFile, replaceExisting, dryRun }: ImportRequest,
  cause: ChangeCause,
): Promise<ImportResult> {
  const zone = await getEditableZone(ports, caller, id);
  const wanted = await readWanted(piecesOf(zoneFile), apexOf(zone));
  assertRecordTtls(wanted);
  const answer = ({ counts, records, recordsOmitted }: ContentMerge): ImportResult => ({
    ...counts,
    skipped: counts.skipped + wanted.leftOut,
    records,
    ...(recordsOmitted > 0 ? { recordsOmitted } : {}),
  });
  const incoming = { wanted, isReplacing: replaceExisting, answer };
  return answer(await publishMerged(ports, zone, incoming, cause, dryRun));
}

async function* piecesOf(zoneFile: MasterFile): AsyncGenerator<Uint8Array> {
  if (typeof zoneFile === 'string') yield new TextEncoder().encode(zoneFile);
  else yield* readPieces(zoneFile.path);
}
