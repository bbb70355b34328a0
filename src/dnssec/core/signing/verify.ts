import { type KeyObject, verify } from 'node:crypto';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { type Algorithm, findAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { toVerifiableSignature } from '#dnssec/core/signing/signature.ts';

interface VerifyingKey {
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
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
    parsed = algorithm === undefined ? undefined : { algorithm, key: algorithm.publicKey.parse(publicKey) };
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
  const check = checkOf(dnskey, signature);
  return check !== undefined && verify(check.digest, signedData, check.key, check.signature);
}

/** Tell the same from a thread of Node's own. */
export function verifySignatureApart(dnskey: Rdata, signedData: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const check = checkOf(dnskey, signature);
  if (check === undefined) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    verify(check.digest, signedData, check.key, check.signature, (error, isValid) => {
      if (error === null) resolve(isValid);
      else reject(error);
    });
  });
}

function checkOf(dnskey: Rdata, signature: Uint8Array) {
  const verifying = findVerifyingKey(dnskey);
  if (verifying === undefined) return undefined;
  const { signatureForm, digest } = verifying.algorithm;
  const form = toVerifiableSignature(signatureForm, signature);
  return form === undefined ? undefined : { digest, key: verifying.key, signature: form };
}
