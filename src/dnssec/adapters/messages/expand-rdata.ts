import { flatOctets, type Octets, sliceOctets } from '#lib/octets.ts';
import { findSchema } from '#dns/rdata/schemas.ts';
import { rdataFromWire } from '#dns/rdata/rdata.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { classIn, malformed, type MessageRecord, readName } from '#dnssec/adapters/messages/message.ts';

/**
 * Return the RDATA of a record of a message with its names expanded. A type without a schema is
 * opaque: such RDATA are never compressed.
 *
 * Source: RFC 3597 §4.
 *
 * @param octets the whole message
 * @throws DnsError rdata-invalid, name-invalid when it is not valid for its type
 */
export function expandRdata(octets: Octets, { type, rdataStart, rdata }: MessageRecord): Rdata {
  const schema = findSchema(type);
  if (schema?.some(({ holdsName }) => holdsName === true) !== true) return rdataFromWire(type, flatOctets(rdata));
  const end = rdataStart + rdata.length;
  const message = sliceOctets(octets, 0, end);
  let expanded = '';
  let position = rdataStart;
  for (const field of schema) {
    const [value, next] = field.holdsName === true ? readName(message, position) : plain(field.end(message, position));
    expanded += value;
    position = next;
  }
  if (position !== end) throw malformed('octets follow the end of RDATA');
  return flatOctets(rdataFromWire(type, expanded as Octets));

  function plain(next: number): [value: string, next: number] {
    return [message.slice(position, next), next];
  }
}

/** Return a record of a message as zone data of its own, which does not keep the message alive. */
export function recordOf(octets: Octets, record: MessageRecord): ResourceRecord {
  if (record.class !== classIn) throw malformed(`a record has class ${record.class}`);
  const { owner, type, ttl } = record;
  // A TTL with its highest bit set counts as zero. Source: RFC 2181 §8.
  return { owner: flatOctets(owner), type, ttl: ttl > 0x7fffffff ? 0 : ttl, rdata: expandRdata(octets, record) };
}
