import type { CanonicalName } from '#dns/name.ts';
import type { Clock } from '#lib/clock.ts';
import type { ZoneKeyCache } from '#dnssec/operations/zones/zone-key-cache.ts';
import type { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { KeyMaker, Caller, SignatureVerifier, Signer } from '#dnssec/ports.ts';
import type { ZoneFeeds, ZonePrimary } from '#dnssec/ports-transfer.ts';
import type { ManagedZone, ZoneStore } from '#dnssec/ports-zones.ts';

/** What the operations on managed zones work with. */
export interface ZonePorts {
  readonly store: ZoneStore;
  readonly verifier: SignatureVerifier;
  readonly clock: Clock;
  readonly locks: ZoneLocks;
  readonly keys: ZoneKeyCache;
  /** Signs with the rights of the service itself, which may read keys and sign with them. */
  serviceSigner(zone: Pick<ManagedZone, 'scope'>, region: string): Signer;
  /** Signs, and looks at keys, with the rights of a caller. */
  callerSigner(caller: Caller, region: string): Signer;
  keyMaker(caller: Caller, region: string): KeyMaker;
  /** Name servers of zones that name none themselves, in presentation form. */
  readonly nameServers: readonly string[];
  readonly feeds: ZoneFeeds;
  /** Servers that zones may come from. */
  readonly primaries: readonly ZonePrimary[];
  /** Names of the TSIG keys that may sign dynamic updates of the zones that name them. */
  readonly updateKeys: readonly CanonicalName[];
  /** Told of every version that was published. */
  readonly onPublished: (zone: ManagedZone) => void;
}
