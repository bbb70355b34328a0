import { type CanonicalName, canonicalName, formatName, isWithin } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { ask, type Patience, type Place } from '#dnssec/adapters/parent/ask.ts';
import type { NameServer } from '#dnssec/adapters/parent/find-parent.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';
import { recordsIn } from '#dnssec/adapters/parent/records-in.ts';
import { type Message, rcodes } from '#dnssec/adapters/messages/message.ts';

/** What one server of the parent says of a child's DS RRset: that there is none, or what it is. */
export interface ShownDs {
  readonly rdatas: readonly Rdata[];
  /** Seconds; absent where there is none. */
  readonly ttl?: number;
}

/** What all servers of the parent say. */
export interface DsViews {
  readonly views: readonly ShownDs[];
  /** What kept servers from telling. */
  readonly problems: readonly string[];
  /** Whether each server told, at every address that there is a way to. */
  readonly isComplete: boolean;
}

/**
 * Ask every server of a parent for the DS of a child, each at all of its addresses. An address of a kind that this machine
 * has no way to is left out where the server has told at another one.
 */
export async function lookUpDsEverywhere(
  child: CanonicalName,
  servers: readonly NameServer[],
  patience: Patience,
): Promise<DsViews> {
  const told = await Promise.all(servers.map((server) => lookUpAt(child, server, patience)));
  return {
    views: told.flatMap(({ views }) => views),
    problems: told.flatMap(({ problems }) => problems),
    isComplete: told.length > 0 && told.every(({ isComplete }) => isComplete),
  };
}

async function lookUpAt(child: CanonicalName, { name, places }: NameServer, patience: Patience): Promise<DsViews> {
  const views: ShownDs[] = [];
  const problems: string[] = places.length === 0 ? [`${name} has no address`] : [];
  let isComplete = true;
  await Promise.all(
    places.map(async (place) => {
      try {
        views.push(await lookUpDsAt(child, place, patience));
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        problems.push(`${name}: ${error.message}`);
        if (error.code !== 'no-route') isComplete = false;
      }
    }),
  );
  return { views, problems, isComplete: isComplete && views.length > 0 };
}

async function lookUpDsAt(child: CanonicalName, place: Place, patience: Patience): Promise<ShownDs> {
  const message = await ask(place, { name: child, type: rrTypes.DS }, patience);
  const fault = faultOf(message, child);
  if (fault !== undefined) throw new QueryError('answer-malformed', `${place.host} ${fault}`);
  const shown = message.answers.filter(({ owner, type }) => type === rrTypes.DS && canonicalName(owner) === child);
  const records = recordsIn(message, shown, place);
  if (records.length === 0) return { rdatas: [] };
  return { rdatas: records.map(({ rdata }) => rdata), ttl: Math.max(...records.map(({ ttl }) => ttl)) };
}

/**
 * Tell why an answer is not the parent's own word: a server that knows only the child says as firmly that there is no DS.
 *
 * Source: RFC 4035 §3.1.4.1.
 */
function faultOf(message: Message, child: CanonicalName): string | undefined {
  const { rcode, isAuthoritative, answers, authorities } = message;
  if (rcode !== rcodes.noError && rcode !== rcodes.nxDomain) return `answered with code ${rcode}`;
  if (!isAuthoritative) return 'is not authoritative for the parent';
  if (answers.some(({ owner, type }) => type === rrTypes.DS && canonicalName(owner) === child)) return undefined;
  if (answers.length > 0) return 'answered with something else than a DS';
  const soa = authorities.find(({ type }) => type === rrTypes.SOA);
  if (soa === undefined) return 'denied the DS without an SOA';
  const owner = canonicalName(soa.owner);
  return owner !== child && isWithin(child, owner)
    ? undefined
    : `denied the DS in the name of ${formatName(owner)}, which is not the parent`;
}
