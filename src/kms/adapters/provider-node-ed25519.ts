import { SecretSlots } from '#kms/adapters/provider-node-slots.ts';
import { ed25519SeedOf } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import { equalInConstantTime, type KeyMaterial } from '#kms/core/key-material.ts';
import { ed25519Octets, type Ed25519Check, makeEd25519Check } from '#lib/ed25519.ts';
import type { Libsodium } from '#lib/libsodium.ts';

type Pair = Extract<KeyMaterial, { kind: 'pair' }>;

/** Opens Ed25519 keys for libsodium, whose signature takes half the time of Node's. */
export class Ed25519Opener {
  readonly #libsodium: Libsodium;
  readonly #slots: SecretSlots;

  constructor(libsodium: Libsodium) {
    this.#libsodium = libsodium;
    this.#slots = new SecretSlots(libsodium);
  }

  /**
   * Open a key; undefined when its PKCS#8 is not in the form that OpenSSL writes. The octets stay the caller's to wipe.
   *
   * @param pair the same key as Node loaded it: its public key must be the one that follows from the seed
   * @throws KmsError internal
   */
  open(pair: Pair, pkcs8: Uint8Array): Ed25519Key | undefined {
    const seed = ed25519SeedOf(pkcs8);
    if (seed === undefined) return undefined;
    const publicKey = new Uint8Array(ed25519Octets.publicKey);
    const secretKey = this.#slots.take();
    this.#libsodium.crypto_sign_seed_keypair(publicKey, secretKey, seed);
    const check = makeEd25519Check(publicKey, this.#libsodium);
    // A signature that is made with another public key than the private one's gives the private key away.
    const expected = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-ed25519Octets.publicKey);
    if (check === undefined || !equalInConstantTime(publicKey, expected)) {
      this.#slots.give(secretKey);
      throw new KmsError('internal', 'libsodium and OpenSSL do not agree on the public key of an Ed25519 key');
    }
    return new Ed25519Key(this.#libsodium, secretKey, check, (slot) => this.#slots.give(slot));
  }
}

/** An Ed25519 key that signs until it is wiped. */
export class Ed25519Key {
  readonly #libsodium: Libsodium;
  readonly #check: Ed25519Check;
  readonly #give: (slot: Uint8Array) => void;
  /** seed ‖ public key */
  #secretKey: Uint8Array | undefined;

  constructor(libsodium: Libsodium, secretKey: Uint8Array, check: Ed25519Check, give: (slot: Uint8Array) => void) {
    this.#libsodium = libsodium;
    this.#secretKey = secretKey;
    this.#check = check;
    this.#give = give;
  }

  /** @throws KmsError internal after `wipe` */
  sign(message: Uint8Array): Uint8Array {
    if (this.#secretKey === undefined) throw new KmsError('internal', 'an Ed25519 key was used after it was wiped');
    const signature = new Uint8Array(ed25519Octets.signature);
    this.#libsodium.crypto_sign_detached(signature, message, this.#secretKey);
    return signature;
  }

  verify(message: Uint8Array, signature: Uint8Array): boolean {
    return this.#check(message, signature);
  }

  /** Safe to call twice. */
  wipe(): void {
    const secretKey = this.#secretKey;
    this.#secretKey = undefined;
    if (secretKey !== undefined) this.#give(secretKey);
  }
}
