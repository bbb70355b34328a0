import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { PackedContents } from '#dnssec/operations/zones/packed-contents.ts';
import type { ManagedZone, RRsetPlace, StoredRRset, ZoneStore } from '#dnssec/ports-zones.ts';

/** RRsets that are read at a time. */
const together = 1000;

/** Read all RRsets of a zone in canonical order, or those after a place, page by page. */
export async function* readPages(
  store: Pick<ZoneStore, 'readRRsets'>,
  zoneId: number,
  start?: RRsetPlace,
): AsyncGenerator<readonly StoredRRset[]> {
  let after = start;
  for (;;) {
    const page = await store.readRRsets(zoneId, together, after);
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < together) return;
    after = { key: last.key, type: last.rrset.type };
  }
}

/** Gather the contents that a zone has. */
export async function gatherContents(
  { store }: { readonly store: Pick<ZoneStore, 'readRRsets'> },
  zone: ManagedZone,
): Promise<PackedContents> {
  const contents = new PackedContents(apexOf(zone));
  for await (const page of readPages(store, zone.id)) for (const entry of page) contents.add(entry);
  return contents;
}
