import type { KmsError } from '#kms/core/errors.ts';
import type { HashAlgorithm, KeyType, MarshalingAlgorithm, SignatureAlgorithm } from '#kms/core/key-types.ts';
import type { Packed } from '#lib/packed.ts';
import type { SecretBytes } from '#lib/secret-bytes.ts';

/**
 * Names one version of one key. All of it is bound to the wrapped material as associated data: material that was moved
 * to another organisation, region, project, key, version or type does not open.
 */
export interface KeyVersionRef {
  readonly organisation: string;
  readonly region: string;
  /** Absent for a key of the organisation itself, which is another scope than any project. */
  readonly project?: string | undefined;
  readonly key: string;
  /** 1, 2, 3, … */
  readonly version: number;
  readonly keyType: KeyType;
}

/** A key version as the store holds it: its name, and its material as `generate` or `import` wrapped it. */
export interface StoredKeyVersion {
  readonly ref: KeyVersionRef;
  readonly wrapped: Uint8Array;
}

/** A key-encryption key as the store holds it: made by the provider's adapter, wrapped by the root key. */
export interface StoredKek {
  /** 16 hexadecimal digits; it is inside every blob that the key seals. */
  readonly id: string;
  /** 1, 2, 3, …; the highest seals what is new. */
  readonly generation: number;
  /** The root key that wraps it. */
  readonly rootKeyId: string;
  readonly wrapped: Uint8Array;
}

/** New material for the store. `wrapped` is opaque and may be kept anywhere that `ref` is kept. */
export interface NewMaterial {
  readonly wrapped: Uint8Array;
  /** SubjectPublicKeyInfo in DER; absent for symmetric types. */
  readonly publicKey?: Uint8Array;
}

/** The RSA-4096 key of a region under which callers wrap the material that they import. */
export interface StoredWrappingKey {
  readonly region: string;
  readonly wrapped: Uint8Array;
}

/**
 * How to sign or verify. An absent choice takes the type's default from the key-types table; a choice that the type
 * does not have is an error of the whole call, never ignored.
 */
export interface SignatureOptions {
  readonly hash?: HashAlgorithm | undefined;
  /** The inputs are digests made with `hash`. */
  readonly prehashed?: boolean | undefined;
  readonly signatureAlgorithm?: SignatureAlgorithm | undefined;
  /** `jws` gives and takes the octets of `p1363`; only their spelling on the wire differs. */
  readonly marshalingAlgorithm?: MarshalingAlgorithm | undefined;
}

export interface HmacOptions {
  readonly hash?: HashAlgorithm | undefined;
}

export interface SignedInput {
  readonly input: Uint8Array;
  readonly signature: Uint8Array;
}

export interface AuthenticatedInput {
  readonly input: Uint8Array;
  readonly hmac: Uint8Array;
}

export interface Plaintext {
  readonly plaintext: Uint8Array;
  readonly associatedData?: Uint8Array | undefined;
}

export interface Ciphertext {
  /** AEAD: 12-octet nonce ‖ ciphertext ‖ 16-octet tag. RSA: as long as the modulus. */
  readonly ciphertext: Uint8Array;
  readonly associatedData?: Uint8Array | undefined;
}

/** What became of one item of a batch: its result, or why it has none. One bad item spoils no other. */
export type Outcome<Result> = Result | KmsError;

/** What became of a large batch. */
export interface PackedOutcomes {
  /** One run for each item, in parts that are the caller's; empty for one that has none. */
  readonly results: readonly Packed[];
  /** Why items have none, in their order. */
  readonly errors: readonly { readonly index: number; readonly error: KmsError }[];
}

/**
 * The only place where key material is ever in the clear. Callers hold wrapped blobs.
 *
 * - A call takes the items of one key version; the outcomes have the order and number of the items. An empty batch is
 *   an empty answer.
 * - A call as a whole throws KmsError: `wrong-operation`, `hash-invalid` or `algorithm-invalid` (the options do not fit
 *   the type), `material-damaged` (the blob does not open under this `ref`), `overloaded` (the queue is full: nothing
 *   was done, try again), `worker-lost` (a crash: signing again is harmless), `closed`.
 * - An item fails alone with `payload-invalid` or `decryption-failed`. A signature or HMAC that does not match is the
 *   result `false`, whatever is wrong with it.
 * - Arguments are neither changed nor kept. They are copied before the first `await`.
 * - Whether the caller may do it, and whether the state of the key allows it, has been decided before.
 */
export interface CryptoProvider {
  /** Make the material of a new key version. */
  generate(ref: KeyVersionRef): Promise<NewMaterial>;

  /**
   * Open an import blob, check that it is what `ref.keyType` says, and wrap it.
   *
   * @param blob - RSA-OAEP(ephemeral AES-256 key) ‖ AES-KWP(target), the target raw or PKCS#8 DER.
   * @param oaepHash - hash of OAEP and of its MGF1; SHA-256 where the caller named none.
   * @throws KmsError import-invalid, wrong-operation (the type takes no import)
   */
  import(
    ref: KeyVersionRef,
    blob: Uint8Array,
    wrappingKey: StoredWrappingKey,
    oaepHash?: HashAlgorithm,
  ): Promise<NewMaterial>;

  /** Return the material in the encoding that `import` takes as its target. The caller wipes it. */
  export(key: StoredKeyVersion): Promise<SecretBytes>;

  sign(
    key: StoredKeyVersion,
    inputs: readonly Uint8Array[],
    options?: SignatureOptions,
  ): Promise<readonly Outcome<Uint8Array>[]>;

  /** Do the same for many inputs, which costs less for each of them. */
  signPacked(key: StoredKeyVersion, inputs: Packed, options?: SignatureOptions): Promise<PackedOutcomes>;

  verify(
    key: StoredKeyVersion,
    items: readonly SignedInput[],
    options?: SignatureOptions,
  ): Promise<readonly Outcome<boolean>[]>;

  encrypt(key: StoredKeyVersion, items: readonly Plaintext[]): Promise<readonly Outcome<Uint8Array>[]>;

  /** Open ciphertexts of this very version. The caller wipes the plaintexts where it can. */
  decrypt(key: StoredKeyVersion, items: readonly Ciphertext[]): Promise<readonly Outcome<Uint8Array>[]>;

  /** Decrypt with one version and encrypt with another of the same key, without the plaintext leaving the provider. */
  rewrap(
    from: StoredKeyVersion,
    to: StoredKeyVersion,
    items: readonly Ciphertext[],
  ): Promise<readonly Outcome<Uint8Array>[]>;

  hmac(
    key: StoredKeyVersion,
    inputs: readonly Uint8Array[],
    options?: HmacOptions,
  ): Promise<readonly Outcome<Uint8Array>[]>;

  verifyHmac(
    key: StoredKeyVersion,
    items: readonly AuthenticatedInput[],
    options?: HmacOptions,
  ): Promise<readonly Outcome<boolean>[]>;

  /** Make `bytes` (16 or 32) random octets and encrypt them. Counts as one encryption. The caller wipes the plaintext. */
  generateDataKey(
    key: StoredKeyVersion,
    bytes: 16 | 32,
    associatedData?: Uint8Array,
  ): Promise<{ readonly plaintext: SecretBytes; readonly ciphertext: Uint8Array }>;

  /** Make the wrapping key of a region. The store keeps the first one; later calls pass that one to `import`. */
  generateWrappingKey(region: string): Promise<Required<NewMaterial>>;

  /**
   * Authenticate a row of the store, so that a change made behind the service's back is found. `purpose` separates
   * kinds of rows. Deterministic; changes only with the key-encryption key.
   */
  seal(purpose: string, data: Uint8Array): Uint8Array;

  /** Check in constant time what `seal` made, also under an older key-encryption key. */
  isSealed(purpose: string, data: Uint8Array, seal: Uint8Array): boolean;

  /**
   * Drop whatever is cached of a key, or of one of its versions. Resolves when no worker can use it from a cache any
   * more: a later call has to bring the blob again.
   */
  forget(key: { readonly key: string; readonly version?: number }): Promise<void>;

  /** Finish the calls under way, refuse new ones with `closed`, end the workers, wipe the keys. Safe to call twice. */
  close(): Promise<void>;
}
