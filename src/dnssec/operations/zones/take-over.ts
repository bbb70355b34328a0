import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { dnskeyFlags, isZoneKey, keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { parseDs } from '#dnssec/core/keys/ds.ts';
import { assertForeignKeys, foreignId, isEntryPoint, parseForeignKeys } from '#dnssec/core/managed/foreign-keys.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { withGoals } from '#dnssec/core/managed/zone-rollover.ts';
import { adoptKey } from '#dnssec/core/rollover/goals.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** What is said of how a zone was signed before it was signed here. */
export interface TakeOverRequest {
  readonly kmsKeyIdentity?: string | undefined;
  /**
   * The keys that are named are those of the zone already: for at least their TTLs every DNSKEY RRset in use has had them and
   * was signed by the CSK or KSK, and every server of the parent has had the DS of that.
   */
  readonly takeover?: boolean | undefined;
  /** DNSKEY RDATA of the other signer, in presentation form. */
  readonly foreignKeys?: readonly string[] | undefined;
}

/** What a zone that is signed here for the first time begins with. */
export type TakenOver = Pick<ZoneSigning, 'keys' | 'parent' | 'foreignKeys'>;

/**
 * Check what is said of how a zone was signed before, and ask its parent and its name servers where they can be asked.
 *
 * Source: RFC 8901 §2.1.2, RFC 6781 §4.3.5.
 *
 * @param keys the zone's own, of which nothing is published yet
 * @param now seconds since the epoch
 * @throws DnssecError request-invalid, key-tag-collision
 */
export async function takeOver(
  ports: Pick<ZonePorts, 'parentProbe' | 'keySetProbe'>,
  zone: ManagedZone,
  { kmsKeyIdentity, takeover = false, foreignKeys = [] }: TakeOverRequest,
  keys: readonly SigningKey[],
  now: number,
): Promise<TakenOver> {
  const foreign = parseForeignKeys(foreignKeys);
  if (!takeover && foreign.length === 0) return { keys, parent: {} };
  if (takeover && kmsKeyIdentity === undefined)
    throw new DnssecError('request-invalid', 'takeover: name the key that the zone has already as kmsKeyIdentity');
  assertForeignKeys(foreign, keys, !takeover);
  const entryPoints = foreign.filter(isEntryPoint);
  const pointedTo = takeover ? keys.filter(({ records }) => records.ds !== undefined) : [];
  const watched = [...pointedTo, ...entryPoints.map((dnskey) => ({ id: foreignId(dnskey), dnskey }))];
  await assertKnownToParent(ports, zone, watched, takeover);
  await assertSameKeySet(ports, zone, { own: keys, foreign, isTakeOver: takeover });
  const seen = pointedTo.map(({ id }) => [id, { kind: 'everywhere', since: now }] as const);
  return {
    keys: takeover ? withGoals(keys.map((key) => adoptKey(key, now))) : keys,
    parent: Object.fromEntries(seen),
    ...(foreign.length === 0 ? {} : { foreignKeys: foreign }),
  };
}

interface AnnouncedKeys {
  readonly own: readonly Pick<SigningKey, 'dnskey'>[];
  readonly foreign: readonly Rdata[];
  readonly isTakeOver: boolean;
}

/**
 * Check that the DNSKEY RRset that is to be published here is the one that the name servers of the zone show: whatever of it a
 * resolver holds then verifies what comes from here, and the other way round.
 *
 * Source: RFC 8901 §2.1.2, RFC 6781 §4.3.5.
 *
 * @throws DnssecError request-invalid
 */
async function assertSameKeySet(
  { keySetProbe }: Pick<ZonePorts, 'keySetProbe'>,
  zone: ManagedZone,
  { own, foreign, isTakeOver }: AnnouncedKeys,
): Promise<void> {
  for (const { server, dnskeys } of (await keySetProbe?.lookUpKeySets(apexOf(zone))) ?? []) {
    const missing = isTakeOver ? own.find(({ dnskey }) => !dnskeys.includes(dnskey)) : undefined;
    if (missing !== undefined)
      throw new DnssecError(
        'request-invalid',
        `takeover: ${server} does not publish key ${keyTagOf(missing.dnskey)}, which has to be in every DNSKEY RRset in use`,
      );
    const known = new Set([...own.map(({ dnskey }) => dnskey), ...foreign]);
    const unnamed = dnskeys.find((dnskey) => isOfUse(dnskey) && !known.has(dnskey));
    if (unnamed !== undefined)
      throw new DnssecError(
        'request-invalid',
        `foreignKeys: ${server} publishes key ${keyTagOf(unnamed)}, which is not among them: give that key too`,
      );
  }
}

/** A key that is revoked, or none that verifies zone data, is nobody's loss. Source: RFC 4034 §2.1.1, RFC 5011 §2.1. */
function isOfUse(rdata: Rdata): boolean {
  const dnskey = parseDnskey(rdata);
  return isZoneKey(dnskey) && (dnskey.flags & dnskeyFlags.revoked) === 0;
}

/**
 * Check that the parent has no DS of keys that the zone is about to forget, and, of a key that it is said to have, has it.
 *
 * @throws DnssecError request-invalid
 */
export async function assertKnownToParent(
  { parentProbe }: Pick<ZonePorts, 'parentProbe'>,
  zone: ManagedZone,
  keys: readonly { readonly dnskey: Rdata }[],
  isFirstThere: boolean,
): Promise<void> {
  if (parentProbe === undefined) return;
  const { shown, others } = await parentProbe.lookUpDs({
    apex: apexOf(zone),
    dnskeys: keys.map(({ dnskey }) => dnskey),
  });
  const [first] = keys;
  if (isFirstThere && first !== undefined && shown[0] !== 'everywhere')
    throw new DnssecError(
      'request-invalid',
      `takeover: the DS of key ${keyTagOf(first.dnskey)} has to be at all servers of the parent, and is seen ${shown[0]}`,
    );
  const [other] = others;
  if (!isFirstThere && other !== undefined)
    throw new DnssecError(
      'request-invalid',
      `foreignKeys: the parent has a DS of key ${parseDs(other).keyTag}, which is not among them: give that key too`,
    );
}
