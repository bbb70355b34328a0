import { type Packed, startOf } from '#lib/packed.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { SignatureForm } from '#dnssec/core/keys/algorithms.ts';
import { parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { derOctets, readDer, writeDer } from '#dnssec/core/signing/ecdsa-der.ts';

/**
 * Turn a KMS's signatures into the form that an RRSIG holds: for ECDSA from DER to r‖s of fixed width, for the others as
 * they are. The form is checked here, since not every signature need be verified by cryptography.
 *
 * Source: RFC 6605 §4, RFC 8080 §4, RFC 5702 §3.
 *
 * @param key the key that signed
 * @throws DnssecError signature-invalid when DER is not what a strict reader takes, or the length not the key's
 */
export function fromKmsSignatures(key: ZoneKey, signatures: Packed): Packed {
  const { algorithm, keyTag } = key;
  const form = algorithm.signatureForm;
  if (form.kind === 'ecdsa') return allToFixed(signatures, form.octetsPerInteger);
  const octets = signatureOctets(key);
  for (const [index, end] of signatures.ends.entries()) {
    const length = end - startOf(signatures, index);
    if (length === octets) continue;
    throw new DnssecError(
      'signature-invalid',
      `the ${algorithm.mnemonic} signature from the KMS has ${length} octets: one by DNSKEY ${keyTag} has ${octets}`,
    );
  }
  return signatures;
}

/** Return how many octets the signatures by a key have in an RRSIG. */
export function signatureOctets({ algorithm: { signatureForm: form }, dnskey }: ZoneKey): number {
  return form.kind === 'ecdsa' ? 2 * form.octetsPerInteger : form.octetsBy(parseDnskey(dnskey).publicKey);
}

function allToFixed(signatures: Packed, width: number): Packed {
  const { bytes, ends } = signatures;
  const fixed = { bytes: new Uint8Array(2 * width * ends.length), ends: new Uint32Array(ends.length) };
  for (let index = 0; index < ends.length; index++) {
    const start = 2 * width * index;
    const end = start + 2 * width;
    const der = { bytes, start: startOf(signatures, index), end: ends[index] as number };
    readDer(der, { bytes: fixed.bytes, start, end });
    fixed.ends[index] = end;
  }
  return fixed;
}

/** Signatures on their way to be verified, by length: each is needed for one call only. */
const verifiable: Uint8Array[] = [];

/**
 * Turn an RRSIG's signature into the form that `node:crypto` verifies fastest: DER for ECDSA.
 *
 * @returns octets that the next call may overwrite; undefined when there is no such signature
 */
export function toVerifiableSignature(form: SignatureForm, signature: Uint8Array): Uint8Array | undefined {
  if (form.kind === 'raw') return signature;
  const width = form.octetsPerInteger;
  if (signature.length !== 2 * width) return undefined;
  const octets = derOctets(signature, width);
  return writeDer(signature, width, (verifiable[octets] ??= new Uint8Array(octets)));
}
