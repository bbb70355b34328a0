import { findLibsodium, type Libsodium } from '#lib/libsodium.ts';

/** Octets of each. Source: RFC 8032 §5.1. */
export const ed25519Octets = { publicKey: 32, seed: 32, signature: 64 } as const;

/** Tells whether a signature is one of a message. */
export type Ed25519Check = (message: Uint8Array, signature: Uint8Array) => boolean;

/**
 * Make the check of a public key's signatures that takes half the time of `node:crypto`; undefined where libsodium does
 * not load. It accepts what `node:crypto` accepts: the equation without the cofactor, S below the order, points in their
 * one encoding, and neither R nor the public key of small order, though a public key with a part of small order.
 *
 * Source: RFC 8032 §5.1.7.
 *
 * @param publicKey 32 octets
 */
export function makeEd25519Check(
  publicKey: Uint8Array,
  libsodium: Libsodium | undefined = findLibsodium(),
): Ed25519Check | undefined {
  if (libsodium === undefined || publicKey.length !== ed25519Octets.publicKey) return undefined;
  const own = Uint8Array.from(publicKey);
  return (message, signature) =>
    signature.length === ed25519Octets.signature && libsodium.crypto_sign_verify_detached(signature, message, own);
}
