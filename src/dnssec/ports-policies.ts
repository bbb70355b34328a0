import type { SigningPolicy } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneScope } from '#dnssec/ports-zones.ts';

/** A version of a named policy, which never changes. */
export interface NamedPolicy {
  readonly name: string;
  /** 1, 2, 3, … */
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Who wrote it. */
  readonly principal?: string;
  readonly policy: SigningPolicy;
}

/** Holds the policies of each scope, all their versions. A call that resolves is durable. */
export interface PolicyStore {
  /** @param version absent for the newest */
  findPolicy(scope: ZoneScope, name: string, version?: number): Promise<NamedPolicy | undefined>;
  /** The newest version of each, by name. */
  listPolicies(scope: ZoneScope): Promise<readonly NamedPolicy[]>;
  /** Add a version. @throws DnssecError conflict when there is one of that number */
  insertPolicy(scope: ZoneScope, policy: NamedPolicy): Promise<void>;
}
