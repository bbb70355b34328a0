import { KmsError, type KmsErrorCode } from '#kms/core/errors.ts';
import type { HashAlgorithm } from '#kms/core/key-types.ts';
import type { SignatureWish } from '#kms/core/signature-choice.ts';
import type {
  KeyVersionRef,
  Outcome,
  PackedOutcomes,
  StoredKeyVersion,
  StoredWrappingKey,
} from '#kms/ports/crypto-provider.ts';
import { pack, type Packed, runOf } from '#lib/packed.ts';

/** What the threads tell each other. Byte runs of many items travel as one buffer that changes its owner. */

export type BatchKind = 'sign' | 'verify' | 'encrypt' | 'decrypt' | 'rewrap' | 'hmac' | 'verify-hmac';

/** A part of a batch that one worker does in one go. */
export interface BatchJob {
  readonly kind: BatchKind;
  readonly key: StoredKeyVersion;
  /** The version to encrypt with, for `rewrap`. */
  readonly to?: StoredKeyVersion | undefined;
  readonly wish: SignatureWish;
  /** Byte runs per item: 2 for an input with its signature, HMAC or associated data. */
  readonly width: 1 | 2;
  readonly items: Packed;
  /** Rough microseconds. */
  readonly cost: number;
}

/** The item with this index has no result, for this reason. */
export type Fault = readonly [index: number, code: KmsErrorCode, message: string];

export interface BatchAnswer {
  /** One run per item; empty for an item with a fault. */
  readonly results: Packed;
  readonly faults: readonly Fault[];
}

/** Work on single keys; the answer is a list of byte arrays. */
export type Task =
  | { readonly kind: 'generate'; readonly ref: KeyVersionRef }
  | { readonly kind: 'generate-wrapping-key'; readonly region: string }
  | {
      readonly kind: 'import';
      readonly ref: KeyVersionRef;
      readonly blob: Uint8Array;
      readonly wrappingKey: StoredWrappingKey;
      readonly oaepHash: HashAlgorithm;
    }
  | { readonly kind: 'export'; readonly key: StoredKeyVersion }
  | {
      readonly kind: 'data-key';
      readonly key: StoredKeyVersion;
      readonly bytes: number;
      readonly associatedData: Uint8Array;
    };

/** One version of a key, or all. */
export interface ForgetTarget {
  readonly key: string;
  readonly version?: number | undefined;
}

export interface FailureMessage {
  readonly code: KmsErrorCode;
  readonly message: string;
  /** For the log only: the class or code of what went wrong inside. */
  readonly inner?: string | undefined;
}

export type Reply<Answer> = { readonly answer: Answer } | { readonly failure: FailureMessage };

export type Request =
  | { readonly id: number; readonly jobs: readonly BatchJob[] }
  | { readonly id: number; readonly task: Task }
  | { readonly id: number; readonly forget: ForgetTarget | 'everything' };

export type Response =
  | { readonly id: number; readonly jobs: readonly Reply<BatchAnswer>[] }
  | { readonly id: number; readonly task: Reply<readonly Uint8Array[]> }
  | { readonly id: number };

/** Turn an answer back into outcomes, in order. The runs are views of one buffer. */
export function outcomesOf({ results, faults }: BatchAnswer): Outcome<Uint8Array>[] {
  const outcomes: Outcome<Uint8Array>[] = Array.from(results.ends, (_, index) => runOf(results, index));
  for (const [index, code, message] of faults) outcomes[index] = new KmsError(code, message);
  return outcomes;
}

/** Put the answers to the parts of a batch together. */
export function joinAnswers(answers: readonly BatchAnswer[]): PackedOutcomes {
  const errors: { index: number; error: KmsError }[] = [];
  let before = 0;
  for (const { results, faults } of answers) {
    for (const [index, code, message] of faults)
      errors.push({ index: before + index, error: new KmsError(code, message) });
    before += results.ends.length;
  }
  return { results: answers.map(({ results }) => results), errors };
}

export function packOutcomes(outcomes: readonly Outcome<Uint8Array>[]): PackedOutcomes {
  const results = pack(outcomes.map((outcome) => (outcome instanceof KmsError ? nothing : outcome)));
  const errors = outcomes.flatMap((error, index) => (error instanceof KmsError ? [{ index, error }] : []));
  return { results: [results], errors };
}

const nothing = new Uint8Array(0);

/** Describe a failure for another thread. What is not a KmsError is named by its class only: its message may quote. */
export function failureOf(error: unknown): FailureMessage {
  if (error instanceof KmsError) return { code: error.code, message: error.message };
  const name = error instanceof Error ? error.name : typeof error;
  const code = error instanceof Error && 'code' in error ? ` ${String(error.code)}` : '';
  return { code: 'internal', message: 'the cryptographic operation failed', inner: name + code };
}

/** Turn a described failure back into an error. */
export function errorOf({ code, message, inner }: FailureMessage): KmsError {
  return new KmsError(code, message, inner === undefined ? {} : { cause: new Error(inner) });
}
