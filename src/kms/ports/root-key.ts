import type { SecretBytes } from '#lib/secret-bytes.ts';

/**
 * The key at the top of the envelope. It wraps key-encryption keys and nothing else, so that one in a cloud KMS or in
 * a PKCS#11 token is asked once per start, not once per request.
 *
 * An implementation neither makes a new root key where data exist under another, nor answers with anything but the
 * octets that were wrapped: a wrong key, a damaged blob and another `context` all throw.
 */
export interface RootKey {
  /** Names the key without telling anything about it. The same key has the same id wherever it is kept. */
  readonly id: string;

  /** Wrap a key-encryption key (32 octets) and bind it to `context`. Two calls give two different blobs. */
  wrap(key: SecretBytes, context: Uint8Array): Promise<Uint8Array>;

  /**
   * Open what `wrap` made with the same `context`. The caller wipes the answer.
   *
   * @throws KmsError root-key-wrong
   */
  unwrap(wrapped: Uint8Array, context: Uint8Array): Promise<SecretBytes>;

  /** Let go of the key and wipe it. Nothing may be called afterwards. Safe to call twice. */
  close(): void;
}
