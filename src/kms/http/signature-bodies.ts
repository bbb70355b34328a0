import type { SignBatchResponse, SignRequest, VerifyRequest } from '#kms/api.ts';
import { KmsError } from '#kms/core/errors.ts';
import {
  composeTagged,
  formatKeyVersion,
  parseBase64,
  parseKeyVersion,
  parseMarshalingAlgorithm,
  parseSignatureAlgorithm,
  parseTagged,
  tagEncodingOf,
} from '#kms/core/formats.ts';
import { parseHashAlgorithm } from '#kms/core/hash-algorithms.ts';
import type { Signatures, VersionedSignature } from '#kms/operations/sign.ts';
import type { Outcome, SignatureOptions } from '#kms/ports/crypto-provider.ts';

type Choices = Pick<
  SignRequest,
  'hashAlgorithm' | 'prehashed' | 'signatureAlgorithm' | 'marshalingAlgorithm' | 'context'
>;

/** Read how to sign or verify. @throws KmsError hash-invalid, algorithm-invalid, wrong-operation */
export function signatureOptions({
  hashAlgorithm,
  prehashed,
  signatureAlgorithm,
  marshalingAlgorithm,
  context,
}: Choices): SignatureOptions {
  if (context !== undefined) throw new KmsError('wrong-operation', 'context is for derived keys, and there are none');
  return {
    hash: hashAlgorithm === undefined ? undefined : parseHashAlgorithm(hashAlgorithm),
    prehashed,
    signatureAlgorithm: signatureAlgorithm === undefined ? undefined : parseSignatureAlgorithm(signatureAlgorithm),
    marshalingAlgorithm: marshalingAlgorithm === undefined ? undefined : parseMarshalingAlgorithm(marshalingAlgorithm),
  };
}

/** An item that was read, or why it could not be: in a batch one bad item spoils no other. */
type Item<Value> = Value | KmsError;

function tryItem<Value>(read: () => Value): Item<Value> {
  try {
    return read();
  } catch (error) {
    if (error instanceof KmsError) return error;
    throw error;
  }
}

/**
 * Read the inputs of a call, one or a batch.
 *
 * @throws KmsError payload-invalid when both are given or none, or the one input is bad
 */
export function signInputs({ input, batch }: SignRequest): Item<Uint8Array>[] {
  if (batch !== undefined && input === undefined)
    return batch.map((item, index) => tryItem(() => parseBase64(item.input, `/batch/${index}/input`)));
  if (input === undefined || batch !== undefined) throw new KmsError('payload-invalid', 'give either input or batch');
  return [parseBase64(input, 'input')];
}

export function signVersion({ keyVersion }: SignRequest): number | undefined {
  return keyVersion === undefined ? undefined : parseKeyVersion(keyVersion);
}

/** Put the outcomes of the good items back among the bad ones, in order. */
export function mergeOutcomes<Input, Result>(
  items: readonly Item<Input>[],
  outcomes: readonly Outcome<Result>[],
): Outcome<Result>[] {
  let next = 0;
  return items.map((item) => (item instanceof KmsError ? item : (outcomes[next++] as Outcome<Result>)));
}

export function goodItems<Value>(items: readonly Item<Value>[]): Value[] {
  return items.filter((item): item is Exclude<Item<Value>, KmsError> => !(item instanceof KmsError));
}

export function renderSignatures(
  { version }: Signatures,
  outcomes: readonly Outcome<Uint8Array>[],
  request: SignRequest,
): SignBatchResponse['results'] {
  const encoding = tagEncodingOf(request.marshalingAlgorithm === 'jws' ? 'jws' : undefined);
  const keyVersion = formatKeyVersion(version);
  return outcomes.map((outcome) =>
    outcome instanceof KmsError
      ? renderItemError(outcome)
      : { signature: composeTagged(version, outcome, encoding), keyVersion },
  );
}

export function renderItemError({ code, message }: KmsError): { error: { code: string; message: string } } {
  return { error: { code, message } };
}

/** Read the items of a verification. @throws KmsError payload-invalid */
export function verifyItems({
  input,
  signature,
  batch,
  marshalingAlgorithm,
}: VerifyRequest): Item<VersionedSignature>[] {
  const encoding = tagEncodingOf(marshalingAlgorithm === 'jws' ? 'jws' : undefined);
  const read = (item: { input: string; signature: string }, pointer: string): VersionedSignature => {
    const { version, bytes } = parseTagged(item.signature, `${pointer}signature`, encoding);
    return { input: parseBase64(item.input, `${pointer}input`), signature: bytes, version };
  };
  if (batch !== undefined && input === undefined && signature === undefined) {
    return batch.map((item, index) => tryItem(() => read(item, `/batch/${index}/`)));
  }
  if (input === undefined || signature === undefined || batch !== undefined) {
    throw new KmsError('payload-invalid', 'give either input and signature, or batch');
  }
  return [read({ input, signature }, '')];
}
