import type { CanonicalName } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import type { WantedDs } from '#dnssec/core/rollover/what-to-publish.ts';

/** What the parent is to do about the DS of a key; `wait` is an addition that is not safe yet. */
export type DsAction = 'add' | 'keep' | 'remove' | 'wait' | 'none';

/** A key as the registrar is told of it. */
export interface RegistrarKey {
  readonly key: ZoneKey;
  readonly action: DsAction;
  /** Seconds since the epoch: when a DS that is to wait may be added at the earliest; absent where time alone does not decide. */
  readonly from?: number;
  /** For people. */
  readonly reason: string;
  /** DS RDATA of the key that servers of the parent were last seen with; absent where none was, or nobody looked. */
  readonly found?: readonly Rdata[];
}

/** All that a registrar needs to know of a zone. */
export interface RegistrarReport {
  readonly apex: CanonicalName;
  /** In the order of the zone's keys. */
  readonly keys: readonly RegistrarKey[];
  /** Whether the parent is to have no DS at all: the zone goes insecure. Source: RFC 8078 §4. */
  readonly removesAll: boolean;
}

/** A key of a zone, by the id that `WantedDs` has for it. */
export interface ReportedKey {
  readonly id: string;
  readonly key: ZoneKey;
  /** What the parent was last seen with. */
  readonly found?: readonly Rdata[];
  /** What an addition of its DS waits for. */
  readonly wait?: Pick<RegistrarKey, 'from' | 'reason'>;
}

/** Tell what the parent is to do about each key, and why. */
export function planRegistrar(
  apex: CanonicalName,
  keys: readonly ReportedKey[],
  ds: WantedDs,
  removesAll = false,
): RegistrarReport {
  return {
    apex,
    keys: keys.map((reported) => {
      const { found = [] } = reported;
      return { ...registrarKey(reported, ds), ...(found.length === 0 ? {} : { found }) };
    }),
    removesAll,
  };
}

function registrarKey({ id, key, wait }: ReportedKey, { wanted, add, remove, lingering }: WantedDs): RegistrarKey {
  if (key.role === 'zsk') return { key, action: 'none', reason: 'it signs data only: no parent points to it' };
  if (lingering.includes(id)) {
    return { key, action: 'remove', reason: 'its DNSKEY is not published any more: the DS is of no use' };
  }
  if (remove.includes(id)) return { key, action: 'remove', reason: 'no chain of trust needs it any more' };
  if (add.includes(id)) {
    return {
      key,
      action: 'add',
      reason: 'every resolver can know its DNSKEY, and it is not seen at all servers of the parent',
    };
  }
  if (wanted.includes(id)) return { key, action: 'keep', reason: 'all servers of the parent have it' };
  if (wait !== undefined) return { key, action: 'wait', ...wait };
  return { key, action: 'none', reason: 'it is on its way out of the zone' };
}

/** Return the keys for which the parent is to do something, or to do nothing. */
export function keysToDo({ keys }: RegistrarReport, ...actions: readonly DsAction[]): readonly ZoneKey[] {
  return keys.filter(({ action }) => actions.includes(action)).map(({ key }) => key);
}
