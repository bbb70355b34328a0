import { Buffer } from 'node:buffer';
import { constants, createHash, privateEncrypt, publicDecrypt, randomBytes, type KeyObject } from 'node:crypto';
import { digestInfoPrefix, type HashRow } from '#kms/core/hash-algorithms.ts';
import { equalInConstantTime } from '#kms/core/key-material.ts';
import type { RsaKeyType, SignatureAlgorithm } from '#kms/core/key-types.ts';

/**
 * RSA signatures over a digest that the caller made: the encoding is done here, on values that the signature shows to
 * everyone, and the RSA operation by OpenSSL, which blinds it.
 */
export interface DigestSigner {
  sign(digest: Uint8Array): Uint8Array;
  verify(digest: Uint8Array, signature: Uint8Array): boolean;
}

export function makeDigestSigner(
  row: RsaKeyType,
  { privateKey, publicKey }: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
  scheme: SignatureAlgorithm,
  hash: HashRow,
): DigestSigner {
  const length = row.modulusBits / 8;
  const padding = constants.RSA_NO_PADDING;
  const recover = (signature: Uint8Array): Uint8Array | undefined => {
    if (signature.length !== length) return undefined;
    try {
      return publicDecrypt({ key: publicKey, padding }, signature);
    } catch {
      return undefined; // not below the modulus
    }
  };
  if (scheme === 'pkcs1v15') {
    return {
      sign: (digest) => privateEncrypt({ key: privateKey, padding }, encodePkcs1(length, hash, digest)),
      verify(digest, signature) {
        const encoded = recover(signature);
        return encoded !== undefined && equalInConstantTime(encoded, encodePkcs1(length, hash, digest));
      },
    };
  }
  return {
    sign(digest) {
      const encoded = encodePss(length, hash, digest, randomBytes(hash.bytes));
      return privateEncrypt({ key: privateKey, padding }, encoded);
    },
    verify(digest, signature) {
      const encoded = recover(signature);
      return encoded !== undefined && isPss(encoded, hash, digest);
    },
  };
}

/** Source: RFC 8017 §9.2. */
function encodePkcs1(length: number, hash: HashRow, digest: Uint8Array): Uint8Array {
  const prefix = digestInfoPrefix(hash);
  const encoded = new Uint8Array(length).fill(0xff);
  const start = length - prefix.length - digest.length;
  encoded.set([0, 1]);
  encoded[start - 1] = 0;
  encoded.set(prefix, start);
  encoded.set(digest, start + prefix.length);
  return encoded;
}

/**
 * Encode with a salt as long as the digest. The modulus has a multiple of 8 bits, so one bit at the top is cleared.
 *
 * Source: RFC 8017 §9.1.1.
 */
function encodePss(length: number, hash: HashRow, digest: Uint8Array, salt: Uint8Array): Uint8Array {
  const check = saltedDigest(hash, digest, salt);
  const encoded = new Uint8Array(length);
  const maskedLength = length - hash.bytes - 1;
  encoded[maskedLength - salt.length - 1] = 1;
  encoded.set(salt, maskedLength - salt.length);
  mask(encoded.subarray(0, maskedLength), hash, check);
  encoded[0] = (encoded[0] ?? 0) & 0x7f;
  encoded.set(check, maskedLength);
  encoded[length - 1] = 0xbc;
  return encoded;
}

/** Recover the salt, encode again and compare the whole. Source: RFC 8017 §9.1.2. */
function isPss(encoded: Uint8Array, hash: HashRow, digest: Uint8Array): boolean {
  const maskedLength = encoded.length - hash.bytes - 1;
  const block = Uint8Array.from(encoded.subarray(0, maskedLength));
  mask(block, hash, encoded.subarray(maskedLength, -1));
  const again = encodePss(encoded.length, hash, digest, block.subarray(-hash.bytes));
  return equalInConstantTime(again, encoded);
}

function saltedDigest({ digest: name }: HashRow, digest: Uint8Array, salt: Uint8Array): Uint8Array {
  return createHash(name).update(new Uint8Array(8)).update(digest).update(salt).digest();
}

/** Combine a block with MGF1 of the seed, in place. Source: RFC 8017 §B.2.1. */
function mask(block: Uint8Array, { digest: name, bytes }: HashRow, seed: Uint8Array): void {
  const counter = Buffer.alloc(4);
  for (let offset = 0; offset < block.length; offset += bytes) {
    counter.writeUInt32BE(offset / bytes);
    const run = createHash(name).update(seed).update(counter).digest();
    for (let index = 0; index < bytes && offset + index < block.length; index++) {
      block[offset + index] = (block[offset + index] ?? 0) ^ (run[index] ?? 0);
    }
  }
}
