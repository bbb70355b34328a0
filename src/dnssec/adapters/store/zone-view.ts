import { bytesFrom, type Octets, octetsFrom } from '#lib/octets.ts';
import type { Database } from '#database/database.ts';
import type { Name, OrderKey } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import {
  linkColumns,
  linkFromRow,
  type LinkRow,
  rrsetColumns,
  rrsetFromRow,
  type RRsetRow,
} from '#dnssec/adapters/store/zone-rows.ts';
import type { OwnerTypes } from '#dnssec/core/change/zone-view.ts';
import type { StoredZoneView } from '#dnssec/ports-zones.ts';

/** The contents that a zone points to. */
export const contentsOfZone = '(SELECT coalesce(contents, id) FROM zones WHERE id = ?)';
export const inZone = `contents = ${contentsOfZone}`;
const links = `SELECT ${linkColumns.join(', ')} FROM zone_links`;

const sql = {
  rrsetsAt: `SELECT ${rrsetColumns.join(', ')} FROM zone_rrsets WHERE ${inZone} AND owner_key = ? ORDER BY type`,
  anyBelow: `SELECT type FROM zone_rrsets WHERE ${inZone} AND owner_key > ? AND owner_key < ? LIMIT 1`,
  ownersBelow: `SELECT owner_key, owner, type FROM zone_rrsets WHERE ${inZone} AND owner_key > ? AND owner_key < ? ORDER BY owner_key, type`,
  findLink: `${links} WHERE ${inZone} AND place = ?`,
  linkBefore: `${links} WHERE ${inZone} AND place < ? ORDER BY place DESC LIMIT 1`,
  linkAfter: `${links} WHERE ${inZone} AND place > ? ORDER BY place LIMIT 1`,
  firstLink: `${links} WHERE ${inZone} ORDER BY place LIMIT 1`,
  lastLink: `${links} WHERE ${inZone} ORDER BY place DESC LIMIT 1`,
  // The place of a link is its name with NSEC, and a hash of it with NSEC3.
  namesBelow: `SELECT name_key FROM zone_links WHERE ${inZone} AND name_key > ? AND name_key < ? AND name_key <> place
    UNION ALL SELECT name_key FROM zone_links WHERE ${inZone} AND place > ? AND place < ? AND name_key = place
    ORDER BY name_key LIMIT ?`,
};

/** Look at the newest version of a zone in a database. */
export function openZoneView(database: Database, zone: number): StoredZoneView {
  const link = async (text: string, ...values: Uint8Array[]) => {
    const [row] = await database.rows<LinkRow>(text, zone, ...values);
    return row === undefined ? undefined : linkFromRow(row);
  };
  return {
    rrsetsAt: async (key) => (await database.rows<RRsetRow>(sql.rrsetsAt, zone, keyBytes(key))).map(rrsetFromRow),
    hasBelow: async (key) => (await database.rows(sql.anyBelow, zone, ...rangeBelow(key))).length > 0,
    async ownersBelow(key) {
      const rows = await database.rows<{ owner_key: Uint8Array; owner: Uint8Array; type: number }>(
        sql.ownersBelow,
        zone,
        ...rangeBelow(key),
      );
      const owners: (OwnerTypes & { types: RRType[] })[] = [];
      for (const { owner_key, owner, type } of rows) {
        const at = octetsFrom(owner_key) as string as OrderKey;
        const last = owners.at(-1);
        if (last?.key === at) last.types.push(type);
        else owners.push({ owner: octetsFrom(owner) as Name, key: at, types: [type] });
      }
      return owners;
    },
    findLink: (place) => link(sql.findLink, bytesFrom(place)),
    linkBefore: (place) => link(sql.linkBefore, bytesFrom(place)),
    linkAfter: (place) => link(sql.linkAfter, bytesFrom(place)),
    firstLink: () => link(sql.firstLink),
    lastLink: () => link(sql.lastLink),
    async namesBelow(nameKey, limit) {
      const range = [zone, ...rangeBelow(nameKey)] as const;
      const rows = await database.rows<{ name_key: Uint8Array }>(sql.namesBelow, ...range, ...range, limit);
      return rows.map(({ name_key }) => octetsFrom(name_key) as string as OrderKey);
    },
  };
}

export function keyBytes(key: OrderKey): Uint8Array {
  return bytesFrom(key as string as Octets);
}

/** No key is as great: labels have at most 63 octets, and a name 255. */
const afterAll = new Uint8Array(600).fill(255);

/** The bounds, both exclusive, of the keys of all names below one: they begin with its key, which ends in octet 0. */
function rangeBelow(key: OrderKey): [Uint8Array, Uint8Array] {
  const from = keyBytes(key);
  if (from.length === 0) return [from, afterAll];
  const to = Uint8Array.from(from);
  to[to.length - 1] = 1;
  return [from, to];
}
