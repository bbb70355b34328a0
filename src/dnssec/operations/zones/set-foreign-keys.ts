import { secondsOf } from '#lib/clock.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import {
  assertForeignKeys,
  isEntryPoint,
  keySetKnownAt,
  objectionsToHandOver,
  objectionsToRemoval,
  parseForeignKeys,
} from '#dnssec/core/managed/foreign-keys.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { advanceZone } from '#dnssec/core/managed/zone-rollover.ts';
import { getSignedZone, signingOf } from '#dnssec/operations/zones/get-signed-zone.ts';
import { lookAtParent } from '#dnssec/operations/zones/look-at-parent.ts';
import { wishOfStep } from '#dnssec/operations/zones/publish-steps.ts';
import { type ChangeCause, publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { assertKnownToParent } from '#dnssec/operations/zones/take-over.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/** How a zone stands that two signers have. */
export interface ForeignKeysDescription {
  readonly signing: ZoneSigning;
  /** DNSKEY RDATA. */
  readonly foreign: readonly Rdata[];
  /** Ours, whose DNSKEY the other signer is to publish. */
  readonly own: readonly SigningKey[];
  /** In seconds; when every resolver that asks our servers knows all of them. */
  readonly knownAt: number;
  /** What stands against taking the other signer's keys out. */
  readonly removal: readonly string[];
  /** What stands against leaving the zone to the other signer. */
  readonly handOver: readonly string[];
}

/** Describe the keys of another signer of a zone, and what a move of the zone waits for. @throws DnssecError not-found, request-invalid */
export async function describeForeignKeys(
  ports: ZonePorts,
  caller: Caller,
  id: string,
): Promise<ForeignKeysDescription> {
  const { signing: stored } = await getSignedZone(ports, caller, id);
  const now = secondsOf(ports.clock);
  const { signing } = advanceZone(stored, now);
  const foreign = signing.foreignKeys ?? [];
  return {
    signing,
    foreign,
    own: signing.keys,
    knownAt: keySetKnownAt(signing),
    removal: objectionsToRemoval(signing, foreign),
    handOver: objectionsToHandOver(signing, now),
  };
}

/**
 * Publish the DNSKEYs of another signer of a zone beside ours, and ask the parent for their DS too; those that are there and
 * not given go, once no resolver needs them.
 *
 * Source: RFC 8901 §2.1.2, RFC 6781 §4.3.5.
 *
 * @param texts DNSKEY RDATA in presentation form
 * @throws DnssecError request-invalid, key-tag-collision, conflict when keys are still needed or a rollover is under way
 */
export async function setForeignKeys(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  texts: readonly string[],
  cause: ChangeCause,
): Promise<void> {
  const { zone, signing: found } = await getSignedZone(ports, caller, id);
  const wanted = parseForeignKeys(texts);
  await lookAtParent(ports, zone.id, true);
  if (wanted.length > 0) await assertKnownToParent(ports, zone, [...found.keys, ...wanted.map(asKey)], false);
  await publishVersion(ports, zone.id, cause, async (current, view) => {
    const before = signingOf(current);
    const there = before.foreignKeys ?? [];
    if (there.length === wanted.length && there.every((dnskey) => wanted.includes(dnskey))) return { edits: [] };
    const now = secondsOf(ports.clock);
    const advanced = advanceZone(before, now);
    assertMayChange(advanced.signing, there, wanted);
    const { foreignKeys: _, ...rest } = advanced.signing;
    const signing = { ...rest, keySetAt: now, ...(wanted.length === 0 ? {} : { foreignKeys: wanted }) };
    const wish = await wishOfStep(ports, current, view, { ...advanced, signing });
    const event = eventOf(wanted, ports.clock.now());
    return { ...wish, reason: cause.reason, news: { ...wish.news, events: [...(wish.news?.events ?? []), event] } };
  });
  // Only now are the new keys among those that are looked for.
  await lookAtParent(ports, zone.id, true);
  await tendNoted(ports, zone.id);
}

function asKey(dnskey: Rdata): { readonly dnskey: Rdata } {
  return { dnskey };
}

function assertMayChange(signing: ZoneSigning, there: readonly Rdata[], wanted: readonly Rdata[]): void {
  const removed = there.filter((dnskey) => !wanted.includes(dnskey));
  const objections = objectionsToRemoval(signing, removed);
  if (objections.length > 0)
    throw new DnssecError('conflict', `foreignKeys: keys are needed still: ${objections.join('; ')}`);
  if (wanted.length === 0) return;
  if (signing.keys.some(({ goal }) => goal === 'hidden'))
    throw new DnssecError(
      'conflict',
      'foreignKeys: keys of the zone are on their way out: the other signer has to publish those that stay, so wait or turn it round',
    );
  assertForeignKeys(wanted, signing.keys, wanted.some(isEntryPoint) || there.length === 0);
}

function eventOf(wanted: readonly Rdata[], at: number): ZoneEvent {
  const keyTags = wanted.map(keyTagOf);
  const text =
    keyTags.length === 0
      ? 'the zone has no keys of another signer any more'
      : `keys of another signer stand beside ours: ${keyTags.join(', ')}`;
  return { kind: 'foreign-keys', at, text, details: { keyTags } };
}
