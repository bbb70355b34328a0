import { DnsError } from '#dns/errors.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { recordOf } from '#dnssec/adapters/messages/expand-rdata.ts';
import type { Message, MessageRecord } from '#dnssec/adapters/messages/message.ts';
import { type Place, placeName } from '#dnssec/adapters/parent/ask.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';

/**
 * Return records of an answer as zone data of their own. What a server says that makes no sense is a fault of that server
 * alone, and no reason to leave everything else undone.
 *
 * @throws QueryError answer-malformed
 */
export function recordsIn(
  { octets }: Message,
  records: readonly MessageRecord[],
  place: Place,
): readonly ResourceRecord[] {
  try {
    return records.map((record) => recordOf(octets, record));
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    const message = `${placeName(place)} gave a malformed answer: ${error.message}`;
    throw new QueryError('answer-malformed', message, { cause: error });
  }
}
