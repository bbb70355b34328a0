import { createRequire } from 'node:module';

/** What is used of libsodium. It takes arrays of the right lengths alone: `ed25519.ts` has them. */
export interface Libsodium {
  /** @param secretKey 64 octets, which become seed ‖ public key */
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
  /** Takes a signature with octets behind it, too. */
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  /** Return octets that are in no core dump, and in the swap only where locking memory is limited. */
  sodium_malloc(octets: number): Uint8Array;
}

/** libsodium, or why this machine has none. */
export type LoadedLibsodium = { readonly libsodium: Libsodium } | { readonly reason: string };

let loaded: LoadedLibsodium | undefined;

/**
 * Load libsodium, the first time that a thread asks. Its binding is compiled code that comes with the package for the
 * usual systems; where it is missing or does not load, `node:crypto` does the same work in twice the time.
 */
export function loadLibsodium(): LoadedLibsodium {
  loaded ??= load();
  return loaded;
}

/** Return libsodium where it loads. */
export function findLibsodium(): Libsodium | undefined {
  const found = loadLibsodium();
  return 'libsodium' in found ? found.libsodium : undefined;
}

function load(): LoadedLibsodium {
  try {
    // Not imported: it is needed in the middle of calls that are not asynchronous, and only by those with Ed25519 keys.
    return { libsodium: createRequire(import.meta.url)('sodium-native') as Libsodium };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
