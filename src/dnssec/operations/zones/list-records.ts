import { breathe } from '#lib/breathe.ts';
import { parseType } from '#dnssec/operations/zones/change-records.ts';
import { readPages } from '#dnssec/operations/zones/gather-contents.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { RecordFilter, RRsetPlace, StoredRRset } from '#dnssec/ports-zones.ts';

/** Which records a caller wants to see. */
export interface RecordQuery {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
}

/** RRsets up to which a list is one piece: that takes a few milliseconds. */
const few = 1000;

/** List records of a zone in canonical order. @throws DnssecError not-found, request-invalid */
export async function listRecords(
  ports: ZonePorts,
  caller: Caller,
  zoneId: string,
  query: RecordQuery,
  limit: number,
  after?: RRsetPlace,
): Promise<readonly StoredRRset[]> {
  const { id } = await getOwnZone(ports, caller, zoneId);
  return ports.store.listRecords(id, filterOf(query), limit, after);
}

/**
 * List all records of a zone, however many: in one piece, or page by page as they are at one moment while others have their turn.
 *
 * @param after where a list goes on
 * @throws DnssecError not-found, request-invalid, before there is a page
 */
export async function listAllRecords(
  ports: ZonePorts,
  caller: Caller,
  zoneId: string,
  query: RecordQuery,
  after?: RRsetPlace,
): Promise<readonly StoredRRset[] | AsyncGenerator<readonly StoredRRset[]>> {
  const { id } = await getOwnZone(ports, caller, zoneId);
  const filter = filterOf(query);
  const first = await ports.store.listRecords(id, filter, few + 1, after);
  return first.length <= few ? first : pagesOf(ports, id, filter, after);
}

async function* pagesOf(
  { store }: ZonePorts,
  zoneId: number,
  { name, type }: RecordFilter,
  after: RRsetPlace | undefined,
): AsyncGenerator<readonly StoredRRset[]> {
  const still = await store.snapshot();
  try {
    for await (const page of readPages(still, zoneId, after)) {
      yield page.filter(
        ({ rrset, content }) =>
          content !== undefined &&
          (name === undefined || content.name === name) &&
          (type === undefined || rrset.type === type),
      );
      await breathe();
    }
  } finally {
    await still.close();
  }
}

function filterOf({ name, type }: RecordQuery): RecordFilter {
  return { name, type: type === undefined ? undefined : parseType(type) };
}
