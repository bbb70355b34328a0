import { secondsOf } from '#lib/clock.ts';
import type { Rdata } from '#dns/rrset.ts';
import { type DigestType, composeDs, digestTypes } from '#dnssec/core/keys/ds.ts';
import { type Runway, runwayOf } from '#dnssec/core/managed/runway.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { advanceZone, rolloverInput } from '#dnssec/core/managed/zone-rollover.ts';
import type { AdvanceResult } from '#dnssec/core/rollover/advance.ts';
import { forecast } from '#dnssec/core/rollover/forecast.ts';
import { stateOf } from '#dnssec/core/rollover/key-state.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** A DS record for the registrar. */
export interface DsDescription {
  readonly key: SigningKey;
  readonly digestType: DigestType;
  /** DS RDATA. */
  readonly rdata: Rdata;
  /** From when it is safe to have it at the parent, in seconds; absent while that depends on something else than time. */
  readonly publishAfter?: number;
}

/** A key with what it waits for. */
export interface KeyDescription {
  readonly key: SigningKey;
  readonly waiting: AdvanceResult['waiting'];
}

/** How the signing of a zone stands. */
export interface SigningDescription {
  readonly signing: ZoneSigning;
  /** Whether a server of the parent shows the DS of a key of the zone. */
  readonly isDelegated: boolean;
  /** Those that the parent is to have now or later. */
  readonly ds: readonly DsDescription[];
  readonly keys: readonly KeyDescription[];
  /** In seconds; when the first signature is renewed. */
  readonly refreshAt?: number;
  readonly runway?: Runway;
}

/** Describe how the signing of a zone stands, without asking the KMS. Source: RFC 4034 §5. */
export async function describeSigning(ports: ZonePorts, zone: ManagedZone): Promise<SigningDescription | undefined> {
  const { signing } = zone;
  if (signing === undefined) return undefined;
  const now = secondsOf(ports.clock);
  const refreshAt = await ports.store.firstRefresh(zone.id);
  const { waiting } = advanceZone(signing, now);
  return {
    signing,
    isDelegated: signing.keys.some(({ id }) => (signing.parent[id]?.kind ?? 'nowhere') !== 'nowhere'),
    ds: dsOf(zone, signing, now),
    keys: signing.keys.map((key) => ({ key, waiting: waiting.filter((one) => one.key === key.id) })),
    ...(refreshAt === undefined ? {} : { refreshAt, runway: runwayOf(signing, refreshAt, now) }),
  };
}

/**
 * Return from when it is safe to have the DS of each key at the parent, in seconds, by the id of the key; those are missing
 * whose time nobody can tell.
 */
export function dsTimes(signing: ZoneSigning, now: number): ReadonlyMap<string, number> {
  const planned = forecast(rolloverInput(signing, now));
  return new Map(
    signing.keys.flatMap((key) => {
      const coming = planned.find(({ key: id, record, to }) => id === key.id && record === 'ds' && to === 'rumoured');
      const at = stateOf(key, 'ds') === 'hidden' ? coming?.at : key.records.ds?.since;
      return at === undefined ? [] : [[key.id, at] as const];
    }),
  );
}

function dsOf(zone: ManagedZone, signing: ZoneSigning, now: number): DsDescription[] {
  const apex = apexOf(zone);
  const wanted = signing.keys.filter((key) => key.goal === 'omnipresent' && key.records.ds !== undefined);
  if (wanted.length === 0) return [];
  const times = dsTimes(signing, now);
  return wanted.flatMap((key) => {
    const publishAfter = times.get(key.id);
    return digestTypes.map((digestType) => ({
      key,
      digestType,
      rdata: composeDs(apex, key.dnskey, digestType),
      ...(publishAfter === undefined ? {} : { publishAfter }),
    }));
  });
}
