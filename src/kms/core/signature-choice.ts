import { KmsError } from '#kms/core/errors.ts';
import { chooseHash, hashRow, type HashRow } from '#kms/core/hash-algorithms.ts';
import type { HashAlgorithm, KeyTypeRow, MarshalingAlgorithm, SignatureAlgorithm } from '#kms/core/key-types.ts';

/** What a caller may ask of a signature. Absent is the type's default. */
export interface SignatureWish {
  readonly hash?: HashAlgorithm | undefined;
  readonly prehashed?: boolean | undefined;
  readonly signatureAlgorithm?: SignatureAlgorithm | undefined;
  readonly marshalingAlgorithm?: MarshalingAlgorithm | undefined;
}

/** What is done: every choice that the type has is made, and the others are undefined. */
export interface SignatureChoice {
  readonly hash: HashRow | undefined;
  readonly prehashed: boolean;
  readonly scheme: SignatureAlgorithm | undefined;
  readonly marshaling: MarshalingAlgorithm | undefined;
}

/**
 * Settle how a key type signs or verifies.
 *
 * @throws KmsError hash-invalid, algorithm-invalid when something was asked for that the type does not have
 */
export function chooseSignature(type: KeyTypeRow, wish: SignatureWish): SignatureChoice {
  const hash = chooseHash(type, wish.hash);
  const prehashed = wish.prehashed ?? false;
  if (prehashed && !type.prehash) {
    throw new KmsError(
      'algorithm-invalid',
      `a key of type ${type.type} signs whole messages: prehashed is not possible`,
    );
  }
  return {
    hash: hash === undefined ? undefined : hashRow(hash),
    prehashed,
    scheme: pick(type, 'signatureAlgorithm', type.signatureAlgorithms, wish.signatureAlgorithm),
    marshaling: pick(type, 'marshalingAlgorithm', type.marshalingAlgorithms, wish.marshalingAlgorithm),
  };
}

/** Tell why an input does not fit the choice; undefined when it does. */
export function faultOfInput(choice: SignatureChoice, input: Uint8Array): KmsError | undefined {
  if (!choice.prehashed || input.length === choice.hash?.bytes) return undefined;
  const { name, bytes } = choice.hash ?? { name: 'this hash', bytes: 0 };
  return new KmsError(
    'payload-invalid',
    `a prehashed input for ${name} must be ${bytes} octets, this one is ${input.length}`,
  );
}

function pick<Name extends string>(
  type: KeyTypeRow,
  field: string,
  names: readonly Name[],
  asked: Name | undefined,
): Name | undefined {
  if (asked === undefined || names.includes(asked)) return asked ?? names[0];
  const rule = names.length === 0 ? 'none may be named' : `it takes ${names.join(', ')}`;
  throw new KmsError('algorithm-invalid', `${field} ${asked} does not fit a key of type ${type.type}: ${rule}`);
}
