import { makeAuthenticator } from '#kms/adapters/provider-node-mac.ts';
import { makeCipher } from '#kms/adapters/provider-node-cipher.ts';
import type { OpenedKey } from '#kms/adapters/provider-node-cache.ts';
import type { BatchJob, BatchKind } from '#kms/adapters/provider-node-protocol.ts';
import { makeSigner, type Signer } from '#kms/adapters/provider-node-sign.ts';
import { KmsError } from '#kms/core/errors.ts';
import { keyTypeRow } from '#kms/core/key-types.ts';
import { chooseSignature, faultOfInput, type SignatureChoice } from '#kms/core/signature-choice.ts';
import type { StoredKeyVersion } from '#kms/ports/crypto-provider.ts';
import type { Packer } from '#lib/packed.ts';

/** What is done with each item of a batch: its one or two byte runs go in, one comes out. */
export interface ItemWork {
  /** Add the result of an item to those before it, or tell why there is none. */
  run(first: Uint8Array, second: Uint8Array, results: Packer): KmsError | undefined;
  /** The items are secrets that nobody needs afterwards. */
  readonly wipesItems: boolean;
}

type Open = (key: StoredKeyVersion) => OpenedKey;

/** Settle everything that is the same for all items. @throws KmsError */
export function makeItemWork(job: BatchJob, open: Open): ItemWork {
  return makers[job.kind](job, open);
}

const makers: Readonly<Record<BatchKind, (job: BatchJob, open: Open) => ItemWork>> = {
  sign: (job, open) => {
    const { signer, choice } = signerOf(job, open);
    return plain((input, _, signatures) => faultOfInput(choice, input) ?? signer.sign(input, signatures));
  },
  verify: (job, open) => {
    const { signer, choice } = signerOf(job, open);
    return plain(
      (input, signature, results) => faultOfInput(choice, input) ?? addFlag(results, signer.verify(input, signature)),
    );
  },
  encrypt: (job, open) => {
    const cipher = cipherOf(job.key, open);
    return { ...plain((plaintext, data, results) => add(results, cipher.encrypt(plaintext, data))), wipesItems: true };
  },
  decrypt: (job, open) => {
    const cipher = cipherOf(job.key, open);
    return plain((ciphertext, data, results) => {
      const plaintext = cipher.decrypt(ciphertext, data);
      if (plaintext instanceof KmsError) return plaintext;
      results.add(plaintext);
      plaintext.fill(0);
      return undefined;
    });
  },
  rewrap: (job, open) => {
    const [from, to] = [cipherOf(job.key, open), cipherOf(job.to ?? job.key, open)];
    return plain((ciphertext, data, results) => {
      const plaintext = from.decrypt(ciphertext, data);
      if (plaintext instanceof KmsError) return plaintext;
      const rewrapped = to.encrypt(plaintext, data);
      plaintext.fill(0);
      return add(results, rewrapped);
    });
  },
  hmac: (job, open) => {
    const authenticator = authenticatorOf(job, open);
    return plain((input, _, results) => add(results, authenticator.hmac(input)));
  },
  'verify-hmac': (job, open) => {
    const authenticator = authenticatorOf(job, open);
    return plain((input, hmac, results) => addFlag(results, authenticator.verify(input, hmac)));
  },
};

function plain(run: ItemWork['run']): ItemWork {
  return { run, wipesItems: false };
}

function signerOf({ key, wish }: BatchJob, open: Open): { signer: Signer; choice: SignatureChoice } {
  const row = keyTypeRow(key.ref.keyType);
  const choice = chooseSignature(row, wish);
  return { signer: makeSigner(row, open(key), choice), choice };
}

function cipherOf(key: StoredKeyVersion, open: Open): ReturnType<typeof makeCipher> {
  return makeCipher(keyTypeRow(key.ref.keyType), open(key).material);
}

function authenticatorOf({ key, wish }: BatchJob, open: Open): ReturnType<typeof makeAuthenticator> {
  return makeAuthenticator(keyTypeRow(key.ref.keyType), open(key).material, wish.hash);
}

function add(results: Packer, result: Uint8Array | KmsError): KmsError | undefined {
  if (result instanceof KmsError) return result;
  results.add(result);
  return undefined;
}

function addFlag(results: Packer, outcome: boolean | KmsError): KmsError | undefined {
  return add(results, typeof outcome === 'boolean' ? Uint8Array.of(outcome ? 1 : 0) : outcome);
}
