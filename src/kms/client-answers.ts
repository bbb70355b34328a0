import { Check } from 'typebox/schema';
import { BinarySignAnswer, maxBatch, type SignBatchResponse } from '#kms/api.ts';
import { type ParsedBinaryBatch, parseBinaryBatch } from '#kms/core/binary-batch.ts';
import { parseTagged } from '#kms/core/formats.ts';
import { messageOf, ServiceError } from '#lib/errors.ts';
import { type Packed, startOf } from '#lib/packed.ts';

/** `unreachable`: no answer after all tries. `refused`: the KMS said no. `invalid-answer`: it broke the contract. */
export type KmsClientErrorCode = 'unreachable' | 'refused' | 'invalid-answer';

/** A call that failed; `details` has the status and the KMS's own code where there was an answer. */
export class KmsClientError extends ServiceError<KmsClientErrorCode> {
  /** HTTP status of the answer, if there was one. */
  get status(): number | undefined {
    return this.details['status'] as number | undefined;
  }
}

export function invalidAnswer(what: string): KmsClientError {
  return new KmsClientError('invalid-answer', `the KMS's answer breaks the contract: ${what}`);
}

/** Take the signatures out of a batch of octets; the version that made them must be the one that was asked for. */
export function signaturesIn(
  answer: Uint8Array | undefined,
  { count, keyVersion }: { readonly count: number; readonly keyVersion: number },
): Packed {
  const { head, items } = parsedBatch(answer ?? new Uint8Array(0));
  if (!Check(BinarySignAnswer, head) || items.ends.length !== count) throw invalidAnswer('the batch of signatures');
  const [failed] = head.errors;
  if (failed !== undefined) throw notSigned(failed);
  if (head.keyVersion !== String(keyVersion)) throw wrongVersion(head.keyVersion, keyVersion);
  if (items.ends.some((end, index) => end === startOf(items, index))) throw invalidAnswer('an empty signature');
  return items;
}

function parsedBatch(octets: Uint8Array): ParsedBinaryBatch {
  try {
    return parseBinaryBatch(octets, { head: octets.length, items: maxBatch });
  } catch (error) {
    throw new KmsClientError('invalid-answer', `the KMS's answer breaks the contract: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function notSigned({ code, message }: { readonly code: string; readonly message: string }): KmsClientError {
  return new KmsClientError('refused', `the KMS did not sign: ${message}`, { details: { code } });
}

function wrongVersion(signed: string, asked: number): KmsClientError {
  return new KmsClientError('refused', `the KMS signed with version ${signed} where version ${asked} was asked for`);
}

/** Take a signature out of a result; the version stands in two places, and both must be the one that was asked for. */
export function signatureIn(result: SignBatchResponse['results'][number] | undefined, keyVersion: number): Uint8Array {
  if (result === undefined || typeof result !== 'object') throw invalidAnswer('a signature');
  if ('error' in result) throw notSigned(result.error);
  if (typeof result.signature !== 'string') throw invalidAnswer('a signature');
  const { version, bytes } = parseTagged(result.signature, 'signature');
  if (version !== keyVersion || Number(result.keyVersion) !== keyVersion)
    throw wrongVersion(result.keyVersion, keyVersion);
  return bytes;
}
