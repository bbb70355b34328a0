import type { Principal } from '#kms/core/access.ts';
import type { IdempotencyClaim } from '#lib/idempotency.ts';

export interface Organisation {
  readonly identity: string;
  readonly name: string;
  readonly slug: string;
  readonly kmsEnabled: boolean;
}

export interface Region {
  readonly identity: string;
  readonly name: string;
  readonly slug: string;
  readonly kmsAvailable: boolean;
}

/** `token`: given to a person or program. `client`: for OAuth2 client credentials. `access`: what a client got for them. */
export type CredentialKind = 'token' | 'client' | 'access';

/** Somebody's leave to call, without the secret that proves it. Times are milliseconds since the epoch. */
export interface Credential {
  /** `tok-…`, `cli-…` or `acc-…`. */
  readonly identity: string;
  readonly kind: CredentialKind;
  /** SHA-256 of the secret. */
  readonly hash: Uint8Array;
  readonly principal: Principal;
  readonly name: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
}

/** Holds organisations, regions, and who may call. Durable like the key store. */
export interface TenantStore {
  findOrganisation(identityOrSlug: string): Promise<Organisation | undefined>;
  listOrganisations(): Promise<readonly Organisation[]>;
  /** Add or replace. @throws KmsError slug-conflict */
  putOrganisation(organisation: Organisation): Promise<void>;
  findRegion(identityOrSlug: string): Promise<Region | undefined>;
  listRegions(): Promise<readonly Region[]>;
  /** Add or replace. @throws KmsError slug-conflict */
  putRegion(region: Region): Promise<void>;

  /** Find a credential that is neither expired nor revoked. @throws KmsError row-damaged */
  findCredential(hash: Uint8Array, now: number): Promise<Credential | undefined>;
  /** Add one, or replace the one with its identity. @throws KmsError conflict when the claim is taken */
  putCredential(credential: Credential, claim?: IdempotencyClaim): Promise<void>;
  /** Credentials of an organisation, or of all; access tokens are not among them. */
  listCredentials(organisation: string | undefined): Promise<readonly Credential[]>;
  /** Revoke a credential and all access tokens that a client got. @returns whether there was one that was not revoked yet */
  revokeCredential(identity: string, organisation: string | undefined, now: number): Promise<boolean>;
  /** Forget access tokens that expired before an instant. */
  dropExpiredAccess(before: number): Promise<void>;
}
