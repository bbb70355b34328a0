import { constants, sign, verify, type KeyObject } from 'node:crypto';
import type { OpenedKey } from '#kms/adapters/provider-node-cache.ts';
import { makeDigestSigner as makeEcdsaDigestSigner } from '#kms/adapters/provider-node-ecdsa.ts';
import { makeDigestSigner as makeRsaDigestSigner } from '#kms/adapters/provider-node-rsa.ts';
import { derFromP1363, p1363FromDer, placeP1363 } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { HashRow } from '#kms/core/hash-algorithms.ts';
import type { KeyMaterial } from '#kms/core/key-material.ts';
import type { EcdsaKeyType, KeyTypeRow, RsaKeyType } from '#kms/core/key-types.ts';
import type { SignatureChoice } from '#kms/core/signature-choice.ts';
import type { Packer } from '#lib/packed.ts';

/** Signs and verifies one input after the other in one settled way. */
export interface Signer {
  /** Add the signature to those before it, or tell why there is none. */
  sign(input: Uint8Array, signatures: Packer): KmsError | undefined;
  verify(input: Uint8Array, signature: Uint8Array): boolean | KmsError;
}

type Pair = Extract<KeyMaterial, { kind: 'pair' }>;

/**
 * Make a signer. Ed25519 is libsodium's where it loads. The rest is Node's, which is given bare key objects wherever that is
 * possible: it is the form of call that costs it least, and for ECDSA it decides more than the curve does.
 */
export function makeSigner(row: KeyTypeRow, { material, ed25519 }: OpenedKey, choice: SignatureChoice): Signer {
  if (material.kind === 'pair') {
    if (row.family === 'ed25519') return adding(ed25519 ?? makeBareSigner(null, material));
    if (choice.hash !== undefined) {
      if (row.family === 'ecdsa') return makeEcdsaSigner(row, material, choice, choice.hash);
      if (row.family === 'rsa') return adding(makeRsaSigner(row, material, choice, choice.hash));
    }
  }
  throw new KmsError('wrong-operation', `a key of type ${row.type} cannot sign`);
}

function makeBareSigner(digest: string | null, { privateKey, publicKey }: Pair): OneSigner {
  return {
    sign: (input) => sign(digest, input, privateKey),
    verify: (input, signature) => verify(digest, input, publicKey, signature),
  };
}

/** Signs an input and returns its signature. */
interface OneSigner {
  sign(input: Uint8Array): Uint8Array | KmsError;
  verify(input: Uint8Array, signature: Uint8Array): boolean | KmsError;
}

/** Add what something else returns. */
function adding(signer: OneSigner): Signer {
  return {
    sign(input, signatures) {
      const signature = signer.sign(input);
      if (signature instanceof KmsError) return signature;
      signatures.add(signature);
      return undefined;
    },
    verify: (input, signature) => signer.verify(input, signature),
  };
}

function makeRsaSigner(row: RsaKeyType, pair: Pair, choice: SignatureChoice, hash: HashRow): OneSigner {
  const scheme = choice.scheme ?? 'pss';
  if (choice.prehashed) return makeRsaDigestSigner(row, pair, scheme, hash);
  const signer = scheme === 'pkcs1v15' ? makeBareSigner(hash.digest, pair) : makePssSigner(hash, pair);
  // OpenSSL takes a PSS signature that begins with zero octets without them too. Source: RFC 8017 §8.1.2.
  const isWhole = (signature: Uint8Array) => signature.length === row.modulusBits / 8;
  return { ...signer, verify: (input, signature) => isWhole(signature) && signer.verify(input, signature) };
}

function makePssSigner(hash: HashRow, pair: Pair): OneSigner {
  const pss = (key: KeyObject) => ({ key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hash.bytes });
  const [secret, open] = [pss(pair.privateKey), pss(pair.publicKey)];
  return {
    sign: (input) => sign(hash.digest, input, secret),
    verify: (input, signature) => verify(hash.digest, input, open, signature),
  };
}

function makeEcdsaSigner(row: EcdsaKeyType, pair: Pair, choice: SignatureChoice, hash: HashRow): Signer {
  const { scalarBytes } = row;
  const fixed = choice.marshaling !== 'asn1';
  if (choice.prehashed) return adding(makePrehashedSigner(row, pair, fixed));
  const signer = makeBareSigner(hash.digest, pair);
  if (!fixed) return adding(signer);
  return {
    sign(input, signatures) {
      const der = sign(hash.digest, input, pair.privateKey);
      const start = signatures.open(2 * scalarBytes);
      if (!placeP1363(der, scalarBytes, signatures.bytes, start)) throw malformed();
      return undefined;
    },
    verify(input, signature) {
      const der = derFromP1363(signature, scalarBytes);
      return der !== undefined && signer.verify(input, der);
    },
  };
}

function makePrehashedSigner(row: EcdsaKeyType, pair: Pair, fixed: boolean): OneSigner {
  const signer = makeEcdsaDigestSigner(row, pair.privateKey);
  if (fixed) return signer;
  return {
    sign(digest) {
      const signature = signer.sign(digest);
      return signature instanceof KmsError ? signature : converted(derFromP1363(signature, row.scalarBytes));
    },
    verify(digest, signature) {
      const fixedSignature = p1363FromDer(signature, row.scalarBytes);
      return fixedSignature !== undefined && signer.verify(digest, fixedSignature);
    },
  };
}

function converted(signature: Uint8Array | undefined): Uint8Array {
  if (signature === undefined) throw malformed();
  return signature;
}

function malformed(): KmsError {
  return new KmsError('internal', 'an ECDSA signature has not the form of one');
}
