import type { Database } from '#database/database.ts';
import { kmsKeyOf, type KmsKeyRow, kmsKeysOfZone } from '#dnssec/adapters/store/key-records.ts';
import {
  linkColumns,
  linkFromRow,
  type LinkRow,
  rrsetColumns,
  rrsetFromRow,
  type RRsetRow,
  zoneFromRow,
  type ZoneRow,
} from '#dnssec/adapters/store/zone-rows.ts';
import { inZone } from '#dnssec/adapters/store/zone-view.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneStore } from '#dnssec/ports-zones.ts';

/** Zones that are read by one statement, which is the same however many of them are wanted. */
const together = 100;

const sql = {
  someZones: `SELECT * FROM zones WHERE id IN (${Array.from({ length: together }, () => '?').join(', ')})`,
  zone: 'SELECT * FROM zones WHERE id = ?',
  rrsets: `SELECT ${rrsetColumns.join(', ')} FROM zone_rrsets WHERE ${inZone} ORDER BY owner_key, type LIMIT ?`,
  links: `SELECT ${linkColumns.join(', ')} FROM zone_links WHERE ${inZone} ORDER BY place LIMIT ?`,
};

/** The part of the store that reads several zones, or all of a small one, in one trip. */
export function smallZones(database: Pick<Database, 'readTogether'>): Pick<ZoneStore, 'readSmallZone' | 'readZones'> {
  return {
    async readZones(ids) {
      const parts = Array.from({ length: Math.ceil(ids.length / together) }, (_, part) => {
        const some = ids.slice(part * together, (part + 1) * together);
        return { sql: sql.someZones, values: Array.from({ length: together }, (_id, index) => some[index] ?? null) };
      });
      return ((await database.readTogether(parts)) as ZoneRow[][]).flat().map(zoneFromRow);
    },
    async readSmallZone(id, most) {
      // The row of the zone first: whoever publishes after that is met by the compare-and-swap.
      const [zones, keys, rrsets, links] = (await database.readTogether([
        { sql: sql.zone, values: [id] },
        { sql: kmsKeysOfZone, values: [id] },
        { sql: sql.rrsets, values: [id, most + 1] },
        { sql: sql.links, values: [id, most + 1] },
      ])) as [ZoneRow[], KmsKeyRow[], RRsetRow[], LinkRow[]];
      const [row] = zones;
      if (row === undefined) throw new DnssecError('not-found', 'the zone was deleted');
      const known = { zone: zoneFromRow(row), kmsKeys: keys.map(kmsKeyOf) };
      if (rrsets.length > most || links.length > most) return known;
      return { ...known, contents: { rrsets: rrsets.map(rrsetFromRow), links: links.map(linkFromRow) } };
    },
  };
}
