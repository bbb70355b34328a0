import { getServers } from 'node:dns';
import { isWithin, type CanonicalName, canonicalName, formatName } from '#dns/name.ts';
import { formatRRType, type RRType, rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { ask, type Patience, type Place, placeName } from '#dnssec/adapters/parent/ask.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';
import { recordsIn } from '#dnssec/adapters/parent/records-in.ts';
import { type Message, type MessageRecord, rcodes } from '#dnssec/adapters/messages/message.ts';

/** What there is at a name. */
export interface Lookup {
  readonly answers: readonly ResourceRecord[];
  /** Owner of the SOA with which a negative answer says whose word it is. Source: RFC 2308 §3. */
  readonly negativeFrom?: CanonicalName;
  /** Whether a validating resolver vouches for it. */
  readonly isAuthentic: boolean;
}

/** Looks things up, wherever they are. */
export interface Resolver {
  /** @throws QueryError when nobody could tell */
  lookUp(name: CanonicalName, type: RRType): Promise<Lookup>;
}

/** A zone whose servers are known beforehand. */
export interface KnownZone {
  readonly zone: CanonicalName;
  readonly servers: readonly Place[];
}

export interface ResolverOptions {
  /** Recursive resolvers, tried in turn; absent: those of the system. */
  readonly resolvers?: readonly Place[] | undefined;
  /** What lies in these zones is asked of their servers, and no resolver. */
  readonly known: readonly KnownZone[];
  readonly patience: Patience;
}

/**
 * Milliseconds for which a resolver that did not answer is asked nothing: where none can be reached, thousands of zones must
 * not wait for each of them in turn.
 */
const rest = 30_000;

/** Open a resolver. */
export function openResolver({ resolvers, known, patience }: ResolverOptions): Resolver {
  const silentSince = new Map<string, number>();
  return {
    async lookUp(name, type) {
      const zone = knownZoneOf(name, known);
      const servers = zone?.servers ?? resolvers ?? systemResolvers();
      const faults: string[] = [];
      for (const place of servers) {
        const since = zone === undefined ? silentSince.get(placeName(place)) : undefined;
        if (since !== undefined && performance.now() - since < rest) {
          faults.push(`${placeName(place)} did not answer a moment ago`);
          continue;
        }
        try {
          const message = await ask(place, { name, type, isRecursionDesired: zone === undefined }, patience);
          const isWord = zone === undefined || message.isAuthoritative;
          const isTold = message.rcode === rcodes.noError || message.rcode === rcodes.nxDomain;
          if (isWord && isTold) return lookupOf(message, type, place);
          faults.push(`${place.host} answered with code ${message.rcode}`);
        } catch (error) {
          if (!(error instanceof QueryError)) throw error;
          if (zone === undefined && error.code !== 'answer-malformed')
            silentSince.set(placeName(place), performance.now());
          faults.push(error.message);
        }
      }
      const why = faults.length === 0 ? 'there is no resolver to ask' : faults.join('; ');
      throw new QueryError('no-answer', `${formatName(name)} ${formatRRType(type)} could not be looked up: ${why}`);
    },
  };
}

/** Return the nearest zone above a name, or at it, whose servers are known. */
export function knownZoneOf(name: CanonicalName, known: readonly KnownZone[]): KnownZone | undefined {
  return known
    .filter(({ zone }) => isWithin(name, zone))
    .reduce<KnownZone | undefined>((best, one) => (best && best.zone.length > one.zone.length ? best : one), undefined);
}

function systemResolvers(): Place[] {
  return getServers().map((server) => {
    const [, host = server, port] = /^\[(.+)\](?::(\d+))?$/.exec(server) ?? /^([\d.]+):(\d+)$/.exec(server) ?? [];
    return { host, port: Number(port ?? 53) };
  });
}

function lookupOf(message: Message, type: RRType, place: Place): Lookup {
  const read = (records: readonly MessageRecord[], wanted: RRType): readonly ResourceRecord[] => {
    const found = records.filter((record) => record.type === wanted);
    return recordsIn(message, found, place);
  };
  const [soa] = read(message.authorities, rrTypes.SOA);
  return {
    answers: read(message.answers, type),
    ...(soa === undefined ? {} : { negativeFrom: canonicalName(soa.owner) }),
    isAuthentic: message.isAuthentic,
  };
}
