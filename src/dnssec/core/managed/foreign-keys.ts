import { formatInstant } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { dnskeyFlags, dnskeyProtocol, keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { assertUniqueTags } from '#dnssec/core/keys/key-set.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { stateOf } from '#dnssec/core/rollover/key-state.ts';
import type { Sighting } from '#dnssec/core/rollover/sightings.ts';
import { forgottenAt } from '#dnssec/core/rollover/ttl-history.ts';

/**
 * Keys of another signer of the same zone, while it moves from that signer to us or from us to it. We publish and sign their
 * DNSKEYs, and ask for their DS beside ours, so that a resolver may have each answer from either signer.
 *
 * Source: RFC 8901 §2.1.2, RFC 6781 §4.3.5.
 */

/** Name a key of another signer among what the parent is seen with: its tag is unique in the zone. */
export function foreignId(dnskey: Rdata): string {
  return `foreign.${keyTagOf(dnskey)}`;
}

/** Tell whether a parent may point to a key. Source: RFC 4034 §2.1.1. */
export function isEntryPoint(dnskey: Rdata): boolean {
  return (parseDnskey(dnskey).flags & dnskeyFlags.secureEntryPoint) !== 0;
}

/** Return those keys of the other signer that the parent is to have a DS of. */
export function foreignEntryPoints({ foreignKeys = [] }: Pick<ZoneSigning, 'foreignKeys'>): readonly Rdata[] {
  return foreignKeys.filter(isEntryPoint);
}

/**
 * Parse DNSKEY RDATA of another signer, in presentation form.
 *
 * @throws DnssecError request-invalid, naming the value
 */
export function parseForeignKeys(texts: readonly string[]): readonly Rdata[] {
  const dnskeys = texts.map((text, index) => {
    try {
      return parseForeignKey(text);
    } catch (error) {
      throw new DnssecError('request-invalid', `foreignKeys[${index}]: ${messageOf(error)}`, { cause: error });
    }
  });
  const twin = dnskeys.findIndex((dnskey, index) => dnskeys.indexOf(dnskey) !== index);
  if (twin !== -1) throw new DnssecError('request-invalid', `foreignKeys[${twin}]: the same key stands before it`);
  return dnskeys;
}

function parseForeignKey(text: string): Rdata {
  const rdata = parseRdataText(rrTypes.DNSKEY, text);
  const { flags, protocol, algorithm, publicKey } = parseDnskey(rdata);
  const { zoneKey, secureEntryPoint } = dnskeyFlags;
  if (flags !== zoneKey && flags !== (zoneKey | secureEntryPoint))
    throw new DnssecError('key-invalid', `a key that signs the zone has the flags 256 or 257, not ${flags}`);
  if (protocol !== dnskeyProtocol)
    throw new DnssecError('key-invalid', `the protocol is ${dnskeyProtocol}, not ${protocol}`);
  getAlgorithm(algorithm).publicKey.parse(publicKey);
  return rdata;
}

/**
 * Check that another signer's keys may stand beside our own: all tags differ, and both sign with the same algorithms, since
 * data have to be signed with each algorithm of the DNSKEY RRset and of the DS set.
 *
 * Source: RFC 8901 §4, RFC 4035 §2.2, RFC 4034 §B.
 *
 * @param isWhole whether they have to be able to carry a chain of trust of their own
 * @throws DnssecError request-invalid, key-tag-collision
 */
export function assertForeignKeys(
  foreign: readonly Rdata[],
  own: readonly Pick<SigningKey, 'dnskey' | 'algorithm'>[],
  isWhole: boolean,
): void {
  const shared = foreign.find((dnskey) => own.some((key) => key.dnskey === dnskey));
  if (shared !== undefined)
    throw new DnssecError('request-invalid', `foreignKeys: key ${keyTagOf(shared)} is a key of ours`);
  assertUniqueTags([...own.map(({ dnskey }) => dnskey), ...foreign]);
  const algorithms = new Set(own.map(({ algorithm }) => algorithm));
  for (const dnskey of foreign) {
    const { algorithm } = parseDnskey(dnskey);
    if (algorithms.has(algorithm)) continue;
    const ours = [...algorithms].join(', ');
    throw new DnssecError(
      'request-invalid',
      `foreignKeys: key ${keyTagOf(dnskey)} is of algorithm ${algorithm}, and the zone is signed here with ${ours}: both signers need the same`,
    );
  }
  const carried = new Set(foreign.filter(isEntryPoint).map((dnskey) => parseDnskey(dnskey).algorithm));
  const missing = [...algorithms].find((algorithm) => !carried.has(algorithm));
  if (isWhole && missing !== undefined)
    throw new DnssecError(
      'request-invalid',
      `foreignKeys: none of algorithm ${missing} has the flags 257: give all keys of the other signer, those with a DS too`,
    );
}

/** Check that nobody else signs a zone whose own keys are to change. @throws DnssecError conflict */
export function assertOnlySigner({ foreignKeys = [] }: Pick<ZoneSigning, 'foreignKeys'>): void {
  if (foreignKeys.length === 0) return;
  const tags = foreignKeys.map(keyTagOf).join(', ');
  throw new DnssecError(
    'conflict',
    `the zone has keys of another signer (${tags}), which publishes ours as they are: they stay so until the move is over`,
  );
}

/** Return when every resolver that asks our servers knows the key set as it is, in seconds since the epoch. */
export function keySetKnownAt({ ttls, keySetAt, policy }: ZoneSigning): number {
  return forgottenAt(ttls.dnskey, keySetAt) + policy.propagationDelay + policy.publishSafety;
}

/**
 * Return what stands against taking keys of the other signer out of the zone; nothing where resolvers do without them.
 *
 * @param removed DNSKEY RDATA
 */
export function objectionsToRemoval(signing: ZoneSigning, removed: readonly Rdata[]): readonly string[] {
  const shown = removed.filter((dnskey) => (signing.parent[foreignId(dnskey)]?.kind ?? 'nowhere') !== 'nowhere');
  const objections = shown.map((dnskey) => `the parent shows a DS of key ${keyTagOf(dnskey)}: it has to go first`);
  const isTrusted = signing.keys.some((key) => stateOf(key, 'ds') !== 'hidden');
  const isFirm = signing.keys.every((key) =>
    Object.values(key.records).every(({ state }) => key.standby === true || state === 'omnipresent'),
  );
  if (removed.length > 0 && isTrusted && !isFirm)
    objections.push('our own keys, DS and signatures are not known to every resolver yet');
  return objections;
}

/**
 * Return what stands against taking our DS from the parent and leaving the zone to the other signer.
 *
 * @param now seconds since the epoch
 */
export function objectionsToHandOver(signing: ZoneSigning, now: number): readonly string[] {
  const { parent, policy, ttls } = signing;
  const entryPoints = foreignEntryPoints(signing);
  if (entryPoints.length === 0) return ['the zone has no keys of another signer that a DS could point to'];
  const knownAt = keySetKnownAt(signing);
  const objections: string[] = [];
  if (now < knownAt) objections.push(`resolvers may not know its keys before ${formatInstant(knownAt * 1000)}`);
  for (const dnskey of entryPoints) {
    const seen = parent[foreignId(dnskey)];
    const which = `the DS of key ${keyTagOf(dnskey)}`;
    if (seen?.kind !== 'everywhere') {
      objections.push(`${which} is not seen at all servers of the parent`);
      continue;
    }
    const at = forgottenAt(ttls.ds, seen.since) + policy.parentPropagationDelay + policy.publishSafety;
    if (now < at) objections.push(`resolvers may not know ${which} before ${formatInstant(at * 1000)}`);
  }
  return objections;
}

/** Tell of a DS of the other signer at the parent. @param at milliseconds since the epoch */
export function eventOfForeignSighting(
  dnskey: Rdata,
  before: Sighting['kind'] | undefined,
  after: Sighting['kind'],
  at: number,
): ZoneEvent | undefined {
  if (before === after || (before === undefined && after === 'nowhere')) return undefined;
  const keyTag = keyTagOf(dnskey);
  const places = { everywhere: 'at all servers', somewhere: 'at some servers', nowhere: 'gone from all servers' };
  const text = `the DS of key ${keyTag} of another signer is ${places[after]} of the parent`;
  return { kind: after === 'nowhere' ? 'ds-gone' : 'ds-seen', at, text, details: { keyTag } };
}
