import { type KeyObject, verify } from 'node:crypto';
import { bytesFrom } from '#lib/octets.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { type Algorithm, findAlgorithm, type QuickCheck } from '#dnssec/core/keys/algorithms.ts';
import { parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { toVerifiableSignature } from '#dnssec/core/signing/signature.ts';

interface VerifyingKey {
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
  readonly quickCheck: QuickCheck | undefined;
}

/** Parsed keys by DNSKEY RDATA. A zone has few; the bound is for services that see many zones. */
const verifyingKeys = new Map<Rdata, VerifyingKey | undefined>();
const maxVerifyingKeys = 1000;

function findVerifyingKey(dnskey: Rdata): VerifyingKey | undefined {
  if (verifyingKeys.has(dnskey)) return verifyingKeys.get(dnskey);
  const { algorithm: number, publicKey } = parseDnskey(dnskey);
  const algorithm = findAlgorithm(number);
  let parsed: VerifyingKey | undefined;
  try {
    if (algorithm !== undefined) {
      const key = algorithm.publicKey.parse(publicKey);
      parsed = { algorithm, key, quickCheck: algorithm.makeQuickCheck?.(bytesFrom(publicKey)) };
    }
  } catch (error) {
    if (!(error instanceof DnssecError)) throw error; // a DNSKEY that holds no key verifies nothing
  }
  if (verifyingKeys.size >= maxVerifyingKeys) verifyingKeys.clear();
  verifyingKeys.set(dnskey, parsed);
  return parsed;
}

/**
 * Tell whether a signature over signed data is valid under a DNSKEY. A DNSKEY of an algorithm that is not ours, or with
 * a malformed key, makes no signature valid.
 *
 * Source: RFC 4035 §5.3.3.
 *
 * @param signature as in the RRSIG: r‖s for ECDSA
 */
export function verifySignature(dnskey: Rdata, signedData: Uint8Array, signature: Uint8Array): boolean {
  const verifying = findVerifyingKey(dnskey);
  if (verifying === undefined) return false;
  if (verifying.quickCheck !== undefined) return verifying.quickCheck(signedData, signature);
  const form = toVerifiableSignature(verifying.algorithm.signatureForm, signature);
  return form !== undefined && verify(verifying.algorithm.digest, signedData, verifying.key, form);
}

/**
 * Tell the same from a thread of Node's own. A quick check is made here: the way to the thread and back costs nearly as
 * much, and the thread takes the time of the other check.
 */
export function verifySignatureApart(dnskey: Rdata, signedData: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const verifying = findVerifyingKey(dnskey);
  if (verifying === undefined) return Promise.resolve(false);
  const { algorithm, key, quickCheck } = verifying;
  if (quickCheck !== undefined) return Promise.resolve(quickCheck(signedData, signature));
  const form = toVerifiableSignature(algorithm.signatureForm, signature);
  if (form === undefined) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    verify(algorithm.digest, signedData, key, form, (error, isValid) => {
      if (error === null) resolve(isValid);
      else reject(error);
    });
  });
}
