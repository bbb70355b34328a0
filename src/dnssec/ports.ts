import type { Packed } from '#lib/packed.ts';
import type { Algorithm } from '#dnssec/core/keys/algorithms.ts';
import type { Rdata } from '#dns/rrset.ts';

/** Who asks: the credentials that the KMS checks. The service adds no rights of its own to them. */
export interface Caller {
  /** The `Authorization` header as received. */
  readonly authorization: string;
  readonly organisation: string;
  readonly project?: string;
}

/** A KMS key as zone signing sees it. */
export interface KmsKey {
  readonly keyId: string;
  readonly keyType: string;
  readonly status: string;
  readonly latestVersion: number;
  /** The exported public key of each version, as the KMS gives it: SPKI PEM, or base64 of a raw Ed25519 key. */
  readonly publicKeys: ReadonlyMap<number, string>;
}

/** A batch to be signed by one key version. */
export interface SignBatch {
  readonly keyId: string;
  /** The version that must sign; any other is an error, since only this one is published. */
  readonly version: number;
  readonly algorithm: Algorithm;
  /** The signed data of each RRset. Source: RFC 4034 §3.1.8.1. */
  readonly inputs: Packed;
}

/**
 * The keys of one caller in one region of a KMS.
 *
 * Retries what may pass by itself (an unreachable or busy KMS) with backoff, within a bound; fails with
 * `DnssecError kms-unavailable` after it and with `kms-refused` where the KMS says no. Never creates a key.
 */
export interface Signer {
  /** @throws DnssecError not-found, kms-refused, kms-unavailable */
  getKey(keyId: string): Promise<KmsKey>;
  /**
   * Sign every input with exactly the version asked for, in order.
   *
   * @returns signatures in the KMS's form (ECDSA: DER), one for each input
   * @throws DnssecError kms-refused (also when another version answered), kms-unavailable
   */
  sign(batch: SignBatch): Promise<Packed>;
}

/** What the KMS tells of a caller that it knows. */
export interface KnownCaller {
  readonly identity: string;
  /** The one organisation that it belongs to; absent for those who may work in any. */
  readonly organisation?: string;
  /** Identity of the organisation that it named, maybe by another name; absent where the KMS does not tell it. */
  readonly namedOrganisation?: string;
  /** Absent where the KMS does not tell them. */
  readonly policies?: readonly string[];
}

/** The KMS as the callers of the service see it. */
export interface Kms {
  signerFor(caller: Caller, region: string): Signer;
  /** Let the KMS check who calls, for work that needs no key. @throws DnssecError unauthenticated, kms-refused, kms-unavailable */
  assertKnown(caller: Caller): Promise<KnownCaller>;
}

/** A new signing key, for those who asked for one by leaving the key out. */
export interface KeyRequest {
  readonly name: string;
  readonly keyType: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How often the KMS is to make a new version by itself; absent or 0: as it does already, and a new key never. */
  readonly rotationPeriodInDays?: number;
}

/** Finds keys by label and makes missing ones and new versions. Only an answer of "there is none" leads to a new key, never a failure. */
export interface KeyMaker {
  /** @returns the key's identity; the same one for the same labels and type, from now on rotated as asked for */
  findOrCreateKey(request: KeyRequest): Promise<string>;
  /**
   * Have the KMS make a new version of a key.
   *
   * @param once the same for calls that are to make one version together
   * @returns its number
   */
  rotateKey(keyId: string, once?: string): Promise<number>;
}

/** A KMS key as a list shows it. */
export interface ListedKey {
  readonly keyId: string;
  readonly slug: string;
  readonly status: string;
  readonly latestVersion: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Events of keys that came after one. */
export interface KeyEvents {
  /** Number of the newest of them. */
  readonly last: number;
  /** Identities of the keys that they are of. */
  readonly keyIds: readonly string[];
}

/** Looks for keys, and makes none. */
export interface KeyLister {
  /** All keys that have these labels. @throws DnssecError kms-refused, kms-unavailable */
  listKeys(labels: Readonly<Record<string, string>>): Promise<readonly ListedKey[]>;
  /**
   * Read the next events after a number, up to some hundreds; none when there are none.
   *
   * @throws DnssecError not-found where the KMS tells of no events, kms-refused, kms-unavailable
   */
  eventsAfter(number: number): Promise<KeyEvents | undefined>;
}

/** Signatures to be checked against the DNSKEY that they are published with. */
export interface SignatureBatch {
  readonly dnskey: Rdata;
  readonly signedData: Packed;
  /** In DNSSEC form: r‖s for ECDSA; one for each signed data. */
  readonly signatures: Packed;
}

/** Checks signatures in bulk, on as many cores as it is given. Order is kept; a check is never skipped. */
export interface SignatureVerifier {
  /** @returns 1 for each signature that is valid, 0 for each that is not */
  verify(batch: SignatureBatch): Promise<Uint8Array>;
  close(): Promise<void>;
}
