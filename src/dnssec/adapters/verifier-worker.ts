import { parentPort } from 'node:worker_threads';
import { runOf } from '#lib/packed.ts';
import { verifySignature } from '#dnssec/core/signing/verify.ts';
import type { SignatureBatch } from '#dnssec/ports.ts';

export interface VerifierTask extends SignatureBatch {
  readonly id: number;
}

export interface VerifierAnswer {
  readonly id: number;
  /** 1 for each signature that is valid, 0 for each that is not. */
  readonly valid: Uint8Array<ArrayBuffer>;
}

parentPort?.on('message', ({ id, dnskey, signedData, signatures }: VerifierTask) => {
  const valid = new Uint8Array(signedData.ends.length);
  for (let index = 0; index < valid.length; index++)
    valid[index] = verifySignature(dnskey, runOf(signedData, index), runOf(signatures, index)) ? 1 : 0;
  const answer: VerifierAnswer = { id, valid };
  parentPort?.postMessage(answer, [valid.buffer]);
});
