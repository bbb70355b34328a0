import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import { parseDs } from '#dnssec/core/keys/ds.ts';
import { assertForeignKeys, foreignId, isEntryPoint, parseForeignKeys } from '#dnssec/core/managed/foreign-keys.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { RecordState } from '#dnssec/core/rollover/key-state.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** What is said of how a zone was signed before it was signed here. */
export interface TakeOverRequest {
  readonly kmsKeyIdentity?: string | undefined;
  /**
   * The key that is named is the key of the zone already: for at least their TTLs every DNSKEY RRset in use has had it and was
   * signed by it, and every server of the parent its DS.
   */
  readonly takeover?: boolean | undefined;
  /** DNSKEY RDATA of the other signer, in presentation form. */
  readonly foreignKeys?: readonly string[] | undefined;
}

/** What a zone that is signed here for the first time begins with. */
export type TakenOver = Pick<ZoneSigning, 'keys' | 'parent' | 'foreignKeys'>;

/**
 * Check what is said of how a zone was signed before, and ask the parent where it can be asked.
 *
 * Source: RFC 8901 §2.1.2, RFC 6781 §4.3.5.
 *
 * @param keys the zone's own, of which nothing is published yet
 * @param now seconds since the epoch
 * @throws DnssecError request-invalid, key-tag-collision
 */
export async function takeOver(
  ports: Pick<ZonePorts, 'parentProbe'>,
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
  const watched = [...(takeover ? keys : []), ...entryPoints.map((dnskey) => ({ id: foreignId(dnskey), dnskey }))];
  await assertKnownToParent(ports, zone, watched, takeover);
  const taken = { keys: takeover ? keys.map((key) => known(key, now)) : keys, parent: {} as ZoneSigning['parent'] };
  const seen = takeover
    ? Object.fromEntries(keys.map(({ id }) => [id, { kind: 'everywhere', since: now }] as const))
    : {};
  return { ...taken, parent: seen, ...(foreign.length === 0 ? {} : { foreignKeys: foreign }) };
}

/** Its signatures over the data are new: who signed them until now is not said. */
function known(key: SigningKey, now: number): SigningKey {
  const omnipresent: RecordState = { state: 'omnipresent', since: now };
  return { ...key, records: { ...key.records, dnskey: omnipresent, krrsig: omnipresent, ds: omnipresent } };
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
