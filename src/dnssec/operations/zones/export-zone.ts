import { appendTo } from '#lib/spool.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { printRecords } from '#dns/zone-file/print.ts';
import { recordsOfLink, recordsOfRRset } from '#dnssec/operations/zones/differences.ts';
import { readPages } from '#dnssec/operations/zones/gather-contents.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone, StoredRRset, ZoneSnapshot } from '#dnssec/ports-zones.ts';

const linksTogether = 1000;

/**
 * Print a zone as a master file, its SOA first: its contents, or all that is published. It is read page by page as it is at
 * one moment.
 *
 * @param write takes the octets of the text in pieces
 * @throws DnssecError not-found, and what `write` throws
 */
export async function exportZone(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  signed: boolean,
  write: (octets: Uint8Array) => Promise<void>,
): Promise<void> {
  const zone = await getOwnZone(ports, caller, id);
  const still = await ports.store.snapshot();
  try {
    for await (const records of recordsOf(still, zone, signed))
      for (const octets of printRecords(records)) await write(octets);
  } finally {
    await still.close();
  }
}

/** Print a zone into a file, at its end. @throws DnssecError not-found */
export async function printZone(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  signed: boolean,
  path: string,
): Promise<void> {
  await appendTo(path, (write) => exportZone(ports, caller, id, signed, write));
}

async function* recordsOf(
  still: ZoneSnapshot,
  zone: ManagedZone,
  signed: boolean,
): AsyncGenerator<readonly ResourceRecord[]> {
  for await (const page of readPages(still, zone.id)) {
    const wanted = signed ? page : page.filter(({ rrset, content }) => content !== undefined || isOfZone(rrset.type));
    // The RRsets of the apex come first, so that the SOA is on the first page.
    const soaFirst = wanted.toSorted((left, right) => Number(isSoa(right)) - Number(isSoa(left)));
    yield soaFirst.flatMap((entry) => recordsOfRRset(signed ? entry : { ...entry, rrsigs: [] }));
  }
  if (!signed) return;
  let after: Parameters<ZonePorts['store']['readLinks']>[2];
  for (;;) {
    const page = await still.readLinks(zone.id, linksTogether, after);
    yield page.flatMap(recordsOfLink);
    after = page.at(-1)?.place;
    if (page.length < linksTogether) return;
  }
}

function isSoa({ rrset }: StoredRRset): boolean {
  return rrset.type === rrTypes.SOA;
}

/** The SOA and the name servers of the configuration are part of the zone, though no caller wrote them. */
function isOfZone(type: RRType): boolean {
  return type === rrTypes.SOA || type === rrTypes.NS;
}
