import { DnsError } from '#dns/errors.ts';
import { type CanonicalName, formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { ask, askByTcp, type Patience, type Place, placeName } from '#dnssec/adapters/parent/ask.ts';
import { addressesOf } from '#dnssec/adapters/parent/find-parent.ts';
import { findDsync } from '#dnssec/adapters/parent/find-dsync.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';
import { openResolver, type ResolverOptions } from '#dnssec/adapters/parent/resolver.ts';
import { type Message, opcodes, rcodes } from '#dnssec/adapters/messages/message.ts';
import type { ParentNotice, ParentNotifier } from '#dnssec/ports-parent.ts';

export interface ParentNotifierOptions extends ResolverOptions {
  /** Of the notices themselves. */
  readonly noticePatience: Patience;
}

/** Open what tells parents by DNS that a child has news for them. */
export function openParentNotifier(options: ParentNotifierOptions): ParentNotifier {
  const resolver = openResolver(options);
  return {
    async notifyCds(child) {
      try {
        const target = await findDsync(child, resolver);
        if (target === undefined) return { kind: 'unwanted' };
        const { hosts } = await addressesOf(target.host, resolver);
        const places = hosts.map((host) => ({ host, port: target.port }));
        return await tellOneOf(child, places, formatName(target.host), options.noticePatience);
      } catch (error) {
        // A name may have no room for one more label.
        if (!(error instanceof QueryError) && !(error instanceof DnsError)) throw error;
        return { kind: 'failed', why: error.message };
      }
    },
  };
}

/** One address that has taken the notice is enough. */
async function tellOneOf(
  child: CanonicalName,
  places: readonly Place[],
  host: string,
  patience: Patience,
): Promise<ParentNotice> {
  const faults: string[] = places.length === 0 ? [`${host} has no address`] : [];
  for (const place of places) {
    const where = `${host} (${placeName(place)})`;
    try {
      const { rcode } = await notifyAt(child, place, patience);
      if (rcode === rcodes.noError) return { kind: 'told', where };
      faults.push(`${where} answered NOTIFY with code ${rcode}`);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      faults.push(`${where}: ${error.message}`);
    }
  }
  return { kind: 'failed', why: faults.join('; ') };
}

/** Tell by UDP again and again, and then by TCP. Source: RFC 1996 §3.5, RFC 9859 §4.2.1. */
async function notifyAt(child: CanonicalName, place: Place, patience: Patience): Promise<Message> {
  const notice = { name: child, type: rrTypes.CDS, opcode: opcodes.notify, isAuthoritative: true };
  try {
    return await ask(place, notice, patience);
  } catch (error) {
    if (!(error instanceof QueryError) || error.code === 'no-route') throw error;
    return askByTcp(place, notice, patience);
  }
}
