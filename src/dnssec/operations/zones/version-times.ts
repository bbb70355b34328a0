import type { Rdata } from '#dns/rrset.ts';
import type { SigningPolicy, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { dueTime, noteTtls } from '#dnssec/core/managed/zone-rollover.ts';
import { parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/**
 * Note what a version that is about to be published changes of how a zone stands. What happens with the publication is
 * counted from it, however long the signing took: that the key set is another one, and that a round of signing is over.
 *
 * @param before how it stood
 * @param times in milliseconds
 * @param ttls the largest of its RRsets, and that of its denials, in seconds
 */
export function publishedSigning(
  before: ZoneSigning | undefined,
  signing: ZoneSigning,
  times: { readonly begun: number; readonly published: number },
  ttls: { readonly zone: number; readonly negative: number },
): ZoneSigning {
  const { lastSignError: _, isRunwayLow: _r, keySetAt, round, ...rest } = signing;
  const at = Math.ceil(times.published / 1000);
  const isRoundOver = round.kind === 'done' && (before?.round.kind !== 'done' || before.round.at !== round.at);
  return {
    ...rest,
    keySetAt: keySetAt === before?.keySetAt ? keySetAt : at,
    round: isRoundOver ? { kind: 'done', at } : round,
    ttls: noteTtls(signing, { ...ttls, dnskey: signing.policy.dnskeyTtl }, at),
    lastSignedAt: times.begun,
  };
}

/** Note when something is due next. What was due before stays due: only the tending of the zone knows that it is done. */
export function withDue(zone: ManagedZone): ManagedZone {
  const { dueAt: before, ...rest } = zone;
  const times = [before, dueTime(zone)].filter((time) => time !== undefined);
  return times.length === 0 ? rest : { ...rest, dueAt: Math.min(...times) };
}

/** Note when the first renewal is due, in seconds. It can only come nearer by a change; that it moved away is found when it has come. */
export function refreshOf(
  { refreshAt = Infinity }: Pick<ManagedZone, 'refreshAt'>,
  written: readonly { readonly refreshAt?: number }[],
): { refreshAt?: number } {
  let first = refreshAt;
  for (const entry of written) first = Math.min(first, entry.refreshAt ?? Infinity);
  return first === Infinity ? {} : { refreshAt: first };
}

/** Tell when signatures are due for their renewal, in seconds. */
export function refreshTime(rrsigs: readonly Rdata[], { refresh }: SigningPolicy): number {
  return Math.min(...rrsigs.map((rrsig) => parseRrsig(rrsig).expiration)) - refresh;
}
