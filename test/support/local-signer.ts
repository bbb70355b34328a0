import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { pack, runOf } from '#lib/packed.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { verifySignature } from '#dnssec/core/signing/verify.ts';
import type { SignatureVerifier, Signer } from '#dnssec/ports.ts';

export type LocalKeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519' | 'rsa-2048';

const generate: Record<LocalKeyType, () => KeyObject> = {
  'ecdsa-p256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'ecdsa-p384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ed25519: () => generateKeyPairSync('ed25519').privateKey,
  'rsa-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
};

/** A `Signer` over keys in memory that can be told to misbehave. */
export class LocalSigner implements Signer {
  readonly #keys = new Map<string, { keyType: LocalKeyType; versions: KeyObject[] }>();
  /** Replaces the version that signs, as a KMS does that rotated by itself. */
  signWithVersion: number | undefined;

  add(keyId: string, keyType: LocalKeyType, versions = 1): void {
    this.#keys.set(keyId, { keyType, versions: Array.from({ length: versions }, generate[keyType]) });
  }

  async getKey(keyId: string): ReturnType<Signer['getKey']> {
    const { keyType, versions } = this.#get(keyId);
    const publicKeys = new Map(
      versions.map((key, index) => [
        index + 1,
        createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
      ]),
    );
    return { keyId, keyType, status: 'active', latestVersion: versions.length, publicKeys };
  }

  async sign({ keyId, version, algorithm, inputs }: Parameters<Signer['sign']>[0]): ReturnType<Signer['sign']> {
    const key = this.#get(keyId).versions[(this.signWithVersion ?? version) - 1];
    if (key === undefined) throw new DnssecError('kms-refused', `${keyId} has no version ${version}`);
    return pack(Array.from(inputs.ends, (_, index) => sign(algorithm.digest, runOf(inputs, index), key)));
  }

  #get(keyId: string): { keyType: LocalKeyType; versions: KeyObject[] } {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new DnssecError('not-found', `there is no key ${keyId}`);
    return key;
  }
}

/** A `SignatureVerifier` on the calling thread. */
export const localVerifier: SignatureVerifier = {
  verify: async ({ dnskey, signedData, signatures }) =>
    Uint8Array.from(signedData.ends, (_, index) =>
      Number(verifySignature(dnskey, runOf(signedData, index), runOf(signatures, index))),
    ),
  close: async () => undefined,
};
