import {
  bytesFrom,
  type Octets,
  octetsFrom,
  octetsOf,
  readUint16,
  readUint32,
  sliceOctets,
  uint16,
  uint32,
  utf8Octets,
} from '#lib/octets.ts';
import { Buffer } from 'node:buffer';
import type { Name } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';
import type { DifferenceRecord, RecordContent, VersionChange } from '#dnssec/ports-zones.ts';

type Differences = NonNullable<VersionChange['differences']>;

/** What precedes a record; `content` is that of the record before where it is the same RRset's. */
const flags = { isAdded: 1, hasContent: 2, hasSameContent: 4 } as const;

/**
 * Write what a version took away and added as octets, since one value costs a commit less than a row for each record. Of
 * each record: flags, owner (length in 8 bits), type, TTL, RDATA (length in 16 bits), and JSON of its content (length in 32
 * bits) where it has one that the record before has not.
 */
export function packDifferences({ removed, added }: Differences): Uint8Array {
  const parts: Octets[] = [];
  const pack = (records: readonly DifferenceRecord[], ofAdded: number) => {
    let before: RecordContent | undefined;
    for (const { owner, type, ttl, rdata, content } of records) {
      const ofContent = content === undefined ? 0 : content === before ? flags.hasSameContent : flags.hasContent;
      parts.push(octetsOf(ofAdded | ofContent, owner.length), owner, uint16(type), uint32(ttl));
      parts.push(uint16(rdata.length), rdata);
      if (content !== undefined && content !== before) {
        const text = utf8Octets(JSON.stringify(content));
        parts.push(uint32(text.length), text);
      }
      before = content;
    }
  };
  pack(removed, 0);
  pack(added, flags.isAdded);
  return bytesFrom(parts.join('') as Octets);
}

/** Read what `packDifferences` wrote. */
export function unpackDifferences(bytes: Uint8Array): Differences {
  const octets = octetsFrom(bytes);
  const [removed, added]: [DifferenceRecord[], DifferenceRecord[]] = [[], []];
  let at = 0;
  const take = (length: number): Octets => sliceOctets(octets, at, (at += length));
  let content: RecordContent | undefined;
  while (at < octets.length) {
    const head = take(2);
    const flag = head.charCodeAt(0);
    const owner = take(head.charCodeAt(1)) as Name;
    const fields = take(8);
    const rdata = take(readUint16(fields, 6)) as Rdata;
    if ((flag & flags.hasContent) !== 0) content = contentFrom(take(readUint32(take(4), 0)));
    const isKnown = (flag & (flags.hasContent | flags.hasSameContent)) !== 0;
    const record = { owner, type: readUint16(fields, 0), ttl: readUint32(fields, 2), rdata };
    const list = (flag & flags.isAdded) === 0 ? removed : added;
    list.push(isKnown && content !== undefined ? { ...record, content } : record);
  }
  return { removed, added };
}

function contentFrom(octets: Octets): RecordContent {
  return JSON.parse(Buffer.from(octets, 'latin1').toString('utf8')) as RecordContent;
}
