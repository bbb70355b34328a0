import type {
  CiphertextRequest,
  EncryptRequest,
  HmacRequest,
  SignRequest,
  VerifyHmacRequest,
  VerifyRequest,
} from '#kms/api.ts';
import { KmsError } from '#kms/core/errors.ts';
import {
  parseBase64,
  parseKeyVersion,
  parseMarshalingAlgorithm,
  parseSignatureAlgorithm,
  parseTagged,
  type TagEncoding,
  tagEncodingOf,
} from '#kms/core/formats.ts';
import { parseHashAlgorithm, parseHmacAlgorithm } from '#kms/core/hash-algorithms.ts';
import { type Item, readItems } from '#kms/http/items.ts';
import type { VersionedHmac } from '#kms/operations/authenticate-message.ts';
import type { VersionedCiphertext } from '#kms/operations/encrypt.ts';
import type { VersionedSignature } from '#kms/operations/sign.ts';
import type { HmacOptions, Plaintext, SignatureOptions } from '#kms/ports/crypto-provider.ts';

type SignatureChoices = Pick<
  SignRequest,
  'hashAlgorithm' | 'prehashed' | 'signatureAlgorithm' | 'marshalingAlgorithm' | 'context'
>;

/** Read how to sign or verify. @throws KmsError hash-invalid, algorithm-invalid, wrong-operation */
export function readSignatureOptions({
  hashAlgorithm,
  prehashed,
  signatureAlgorithm,
  marshalingAlgorithm,
  context,
}: SignatureChoices): SignatureOptions {
  if (context !== undefined) throw new KmsError('wrong-operation', 'context is for derived keys, and there are none');
  return {
    hash: hashAlgorithm === undefined ? undefined : parseHashAlgorithm(hashAlgorithm),
    prehashed,
    signatureAlgorithm: signatureAlgorithm === undefined ? undefined : parseSignatureAlgorithm(signatureAlgorithm),
    marshalingAlgorithm: marshalingAlgorithm === undefined ? undefined : parseMarshalingAlgorithm(marshalingAlgorithm),
  };
}

/** Return how signatures travel that were asked for, or are given, in a marshaling. */
export function signatureEncoding({ marshalingAlgorithm }: SignatureChoices): TagEncoding {
  return tagEncodingOf(marshalingAlgorithm === 'jws' ? 'jws' : undefined);
}

/** Read how to compute an HMAC; both names of the field are taken. @throws KmsError hash-invalid */
export function readHmacOptions({
  algorithm,
  hashAlgorithm = algorithm,
}: Pick<HmacRequest, 'algorithm' | 'hashAlgorithm'>): HmacOptions {
  if (hashAlgorithm === undefined) return {};
  const hash = parseHmacAlgorithm(hashAlgorithm, 'hashAlgorithm');
  if (algorithm !== undefined && parseHmacAlgorithm(algorithm) !== hash)
    throw new KmsError('hash-invalid', 'algorithm and hashAlgorithm are two names of one field, and differ');
  return { hash };
}

export function readVersion(keyVersion: string | undefined): number | undefined {
  return keyVersion === undefined ? undefined : parseKeyVersion(keyVersion);
}

export function readInputs({ input, batch }: SignRequest | HmacRequest): Item<Uint8Array>[] {
  const single = input === undefined ? undefined : { input };
  return readItems(single, batch, 'input', (item, place) => parseBase64(item.input, `${place}input`));
}

export function readSignatures(body: VerifyRequest): Item<VersionedSignature>[] {
  const { input, signature, batch } = body;
  const encoding = signatureEncoding(body);
  const single = bothOrNone({ input }, { signature });
  return readItems(single, batch, 'input and signature', (item, place) => {
    const { version, bytes } = parseTagged(item.signature, `${place}signature`, encoding);
    return { input: parseBase64(item.input, `${place}input`), signature: bytes, version };
  });
}

export function readHmacs({ input, hmac, batch }: VerifyHmacRequest): Item<VersionedHmac>[] {
  const single = bothOrNone({ input }, { hmac });
  return readItems(single, batch, 'input and hmac', (item, place) => {
    const { version, bytes } = parseTagged(item.hmac, `${place}hmac`);
    return { input: parseBase64(item.input, `${place}input`), hmac: bytes, version };
  });
}

/** Read what to encrypt; associated data beside a batch are those of every item that has none of its own. */
export function readPlaintexts({ plaintext, associatedData, batch }: EncryptRequest): Item<Plaintext>[] {
  const single = plaintext === undefined ? undefined : { plaintext };
  return readItems<{ plaintext: string; associatedData?: string }, Plaintext>(
    single,
    batch,
    'plaintext',
    (item, place) => ({
      plaintext: parseBase64(item.plaintext, `${place}plaintext`),
      ...readAssociatedData(item.associatedData ?? associatedData, place),
    }),
  );
}

export function readCiphertexts({ ciphertext, associatedData, batch }: CiphertextRequest): Item<VersionedCiphertext>[] {
  const single = ciphertext === undefined ? undefined : { ciphertext };
  return readItems<{ ciphertext: string; associatedData?: string }, VersionedCiphertext>(
    single,
    batch,
    'ciphertext',
    (item, place) => {
      const { version, bytes } = parseTagged(item.ciphertext, `${place}ciphertext`);
      return {
        version,
        ciphertext: bytes,
        ...readAssociatedData(item.associatedData ?? associatedData, place),
      };
    },
  );
}

export function readAssociatedData(text: string | undefined, place = ''): { readonly associatedData?: Uint8Array } {
  return text === undefined ? {} : { associatedData: parseBase64(text, `${place}associatedData`) };
}

/** Take two fields that belong together. @throws KmsError payload-invalid when one is missing */
function bothOrNone<First extends object, Second extends object>(
  first: { [Name in keyof First]: First[Name] | undefined },
  second: { [Name in keyof Second]: Second[Name] | undefined },
): (First & Second) | undefined {
  const given = Object.entries({ ...first, ...second }).filter(([, value]) => value !== undefined);
  if (given.length === 0) return undefined;
  const missing = [...Object.entries(first), ...Object.entries(second)].find(([, value]) => value === undefined);
  if (missing !== undefined) throw new KmsError('payload-invalid', `${missing[0]} is missing`);
  return { ...first, ...second } as First & Second;
}
