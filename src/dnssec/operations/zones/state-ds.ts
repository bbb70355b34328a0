import { DnssecError } from '#dnssec/core/errors.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import { foreignEntryPoints, foreignId } from '#dnssec/core/managed/foreign-keys.ts';
import type { SigningKey } from '#dnssec/core/managed/signing-state.ts';
import { noteSightings } from '#dnssec/operations/zones/look-at-parent.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/** Which keys a statement is about: one of them by its id or key tag, or all that are wanted so. */
export interface StatedKey {
  readonly key?: string | undefined;
  readonly keyTag?: number | undefined;
}

/**
 * Take a person's word that all servers of the parent have the DS of a key, or that none has it; where no key is named, none
 * has any. A key of another signer is named by its key tag. A look at the parent that shows something else overrules it.
 *
 * @throws DnssecError not-found, request-invalid
 */
export async function stateDs(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  { key, keyTag }: StatedKey,
  kind: 'everywhere' | 'nowhere',
): Promise<void> {
  const { id: zoneId } = await getOwnZone(ports, caller, id);
  await noteZone(ports, zoneId, async (zone) => {
    const { signing } = zone;
    if (signing === undefined) throw new DnssecError('request-invalid', `zone ${zone.name} is not signed`);
    const withDs = signing.keys.filter(({ records }) => records.ds !== undefined);
    const foreign = foreignEntryPoints(signing).map((dnskey) => ({ id: foreignId(dnskey), keyTag: keyTagOf(dnskey) }));
    const meant =
      key === undefined && keyTag === undefined
        ? withDs.filter((one) => isExpected(one, kind))
        : [...withDs, ...foreign].filter((one) => (key === undefined ? one.keyTag === keyTag : one.id === key));
    const isOfAll = key === undefined && keyTag === undefined && kind === 'nowhere';
    const { foreignDs, ...others } = signing;
    const before = isOfAll ? others : signing;
    if (meant.length === 0 && (!isOfAll || foreignDs === undefined)) {
      const which = key ?? keyTag;
      throw new DnssecError(
        'not-found',
        `zone ${zone.name} has no ${which === undefined ? 'key whose DS could be meant' : `key ${which} with a DS`}`,
      );
    }
    const seen = meant.map((one) => ({ id: one.id, kind }));
    const noted = noteSightings(before, seen, ports.clock.now());
    const isNews = noted.isNews || (isOfAll && foreignDs !== undefined);
    return isNews ? { zone: { ...zone, signing: noted.signing }, news: { events: noted.events } } : undefined;
  });
  await tendNoted(ports, zoneId);
}

function isExpected({ records }: SigningKey, kind: 'everywhere' | 'nowhere'): boolean {
  const state = records.ds?.state;
  return kind === 'everywhere' ? state === 'rumoured' || state === 'omnipresent' : state === 'unretentive';
}
