import { canonicalName, type CanonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { rcodes } from '#dnssec/adapters/messages/message.ts';
import { ask, type Patience, type Place, placeName } from '#dnssec/adapters/parent/ask.ts';
import { findServers, type NameServer } from '#dnssec/adapters/parent/find-parent.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';
import { recordsIn } from '#dnssec/adapters/parent/records-in.ts';
import { knownZoneOf, openResolver, type Resolver, type ResolverOptions } from '#dnssec/adapters/parent/resolver.ts';
import type { KeySetProbe, ShownKeySet } from '#dnssec/ports-parent.ts';

/** Open the probe that asks name servers of zones by DNS. */
export function openKeySetProbe(options: ResolverOptions): KeySetProbe {
  const resolver = openResolver(options);
  return {
    async lookUpKeySets(apex) {
      const servers = await serversOf(apex, resolver, options);
      const asked = servers.flatMap(({ name, places }) =>
        places.map((place) => lookUpAt(apex, { name, place }, options.patience)),
      );
      return (await Promise.all(asked)).filter((shown) => shown !== undefined);
    },
  };
}

async function serversOf(
  apex: CanonicalName,
  resolver: Resolver,
  { known }: ResolverOptions,
): Promise<readonly NameServer[]> {
  const given = knownZoneOf(apex, known);
  if (given?.zone === apex) return given.servers.map((place) => ({ name: place.host, places: [place] }));
  return (await orNothing(() => findServers(apex, resolver)))?.servers ?? [];
}

/** A server that is not authoritative, or says that there is no such name, tells nothing of the zone. */
async function lookUpAt(
  apex: CanonicalName,
  { name, place }: { readonly name: string; readonly place: Place },
  patience: Patience,
): Promise<ShownKeySet | undefined> {
  const message = await orNothing(() => ask(place, { name: apex, type: rrTypes.DNSKEY }, patience));
  if (message === undefined || message.rcode !== rcodes.noError || !message.isAuthoritative) return undefined;
  const shown = message.answers.filter(({ owner, type }) => type === rrTypes.DNSKEY && canonicalName(owner) === apex);
  const records = await orNothing(async () => recordsIn(message, shown, place));
  if (records === undefined) return undefined;
  const dnskeys = records.map(({ rdata }) => rdata);
  return { server: name === place.host ? placeName(place) : `${name} (${placeName(place)})`, dnskeys };
}

async function orNothing<Value>(asking: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await asking();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return undefined;
  }
}
