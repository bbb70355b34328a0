import type { CanonicalName } from '#dns/name.ts';
import type { Clock } from '#lib/clock.ts';
import type { RunApart } from '#dnssec/operations/zones/apart.ts';
import type { KeyProofs } from '#dnssec/operations/zones/key-proofs.ts';
import type { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { Caller, KeyLister, KeyMaker, SignatureVerifier, Signer } from '#dnssec/ports.ts';
import type { KeySetProbe, ParentNotifier, ParentProbe } from '#dnssec/ports-parent.ts';
import type { PolicyStore } from '#dnssec/ports-policies.ts';
import type { ZoneFeeds, ZonePrimary } from '#dnssec/ports-transfer.ts';
import type { ManagedZone, ZoneScope, ZoneStore } from '#dnssec/ports-zones.ts';

/** What the operations on managed zones work with. */
export interface ZonePorts {
  readonly store: ZoneStore;
  readonly policies: PolicyStore;
  readonly verifier: SignatureVerifier;
  readonly clock: Clock;
  readonly locks: ZoneLocks;
  readonly keyProofs: KeyProofs;
  /** Signs with the rights of the service itself, which may read keys and sign with them. */
  serviceSigner(zone: Pick<ManagedZone, 'scope'>, region: string): Signer;
  /** Looks for keys with the rights of the service itself. */
  serviceKeys(scope: ZoneScope, region: string): KeyLister;
  /** Signs, and looks at keys, with the rights of a caller. */
  callerSigner(caller: Caller, region: string): Signer;
  keyMaker(caller: Caller, region: string): KeyMaker;
  /** Asks parents for DS; without it only what people say of them counts. */
  readonly parentProbe?: ParentProbe;
  /** Asks the name servers of zones that come from another signer; without it only what people say of their keys counts. */
  readonly keySetProbe?: KeySetProbe;
  /** Tells parents of new CDS; without it they find out by themselves. */
  readonly parentNotifier?: ParentNotifier;
  /** Name servers of zones that name none themselves, in presentation form. */
  readonly nameServers: readonly string[];
  readonly feeds: ZoneFeeds;
  /** Servers that zones may come from. */
  readonly primaries: readonly ZonePrimary[];
  /** Names of the TSIG keys that may sign dynamic updates of the zones that name them. */
  readonly updateKeys: readonly CanonicalName[];
  /** Absent where there is no other thread: then everything is done here. */
  readonly runApart?: RunApart;
  /** Told of every version that was published, and of zones that were deleted. */
  readonly onPublished: (zone: ManagedZone) => void;
}
