import { parentPort } from 'node:worker_threads';
import { type Packed, runOf } from '#lib/packed.ts';
import type { Rdata } from '#dns/rrset.ts';
import { verifySignature } from '#dnssec/core/signing/verify.ts';

/** Signature checks of one DNSKEY: signed data and signature of each, end to end. */
export interface VerifierTask extends Packed {
  readonly id: number;
  readonly dnskey: Rdata;
}

export interface VerifierAnswer {
  readonly id: number;
  /** 1 for each signature that is valid, 0 for each that is not. */
  readonly valid: Uint8Array<ArrayBuffer>;
}

parentPort?.on('message', (task: VerifierTask) => {
  const valid = new Uint8Array(task.ends.length / 2);
  for (let index = 0; index < valid.length; index++) {
    const [signedData, signature] = [runOf(task, index * 2), runOf(task, index * 2 + 1)];
    valid[index] = verifySignature(task.dnskey, signedData, signature) ? 1 : 0;
  }
  const answer: VerifierAnswer = { id: task.id, valid };
  parentPort?.postMessage(answer, [valid.buffer]);
});
