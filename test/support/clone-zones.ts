import type { Octets } from '#lib/octets.ts';
import { canonicalName, type Name, orderKeyOf, parseName } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';
import type { ManagedZone, StoredLink, StoredRRset, ZoneStore } from '#dnssec/ports-zones.ts';

/** Zones that are put into the store at a time. */
const together = 8;

/**
 * Put many small zones into a store that are like one of them, but for their names, within seconds. They are signed with
 * NSEC, and their signatures are those of the first zone: right only once they have been renewed.
 */
export async function cloneZones(store: ZoneStore, template: ManagedZone, names: readonly string[]): Promise<void> {
  const { contents, kmsKeys } = await store.readSmallZone(template.id, 100);
  if (contents === undefined) throw new Error('the zone is not small');
  const { id: _, ...zone } = template;
  const version = { version: zone.version, serial: zone.serial, at: zone.createdAt, reason: 'made' };
  const left = names.values();
  const put = async (): Promise<void> => {
    for (const name of left) {
      const renamed = renamer(parseName(`${template.name}.`), parseName(`${name}.`));
      const rrsets = contents.rrsets.map((entry) => renamedRRset(entry, renamed));
      const links = contents.links.map((link) => renamedLink(link, renamed));
      const change = { version, rrsets, links, kmsKeys, removedRRsets: [], removedLinks: [] };
      await store.insertZone({ ...zone, name, slug: name.replaceAll('.', '-'), identity: `dnsz-${name}` }, change);
    }
  };
  await Promise.all(Array.from({ length: together }, put));
}

type Rename = (octets: Octets) => Octets;

/** Names in wire format end with that of the zone, wherever they stand. */
function renamer(from: Name, to: Name): Rename {
  return (octets) => octets.replaceAll(from, to) as Octets;
}

function renamedRRset({ rrset, ...entry }: StoredRRset, renamed: Rename): StoredRRset {
  const owner = renamed(rrset.owner) as Name;
  const rdatas = rrset.rdatas.map((rdata) => renamed(rdata) as Rdata);
  return { ...entry, key: orderKeyOf(canonicalName(owner)), rrset: { ...rrset, owner, rdatas } };
}

function renamedLink(link: StoredLink, renamed: Rename): StoredLink {
  const owner = renamed(link.owner) as Name;
  const nameKey = orderKeyOf(canonicalName(owner));
  const place = nameKey as string as Octets;
  return { ...link, owner, nameKey, place, rdata: renamed(link.rdata) as Rdata };
}
