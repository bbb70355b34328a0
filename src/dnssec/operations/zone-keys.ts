import { randomBytes } from 'node:crypto';
import { pack } from '#lib/packed.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { algorithmForKeyType } from '#dnssec/core/keys/algorithms.ts';
import { assertKeySet, assertUniqueTags } from '#dnssec/core/keys/key-set.ts';
import { composeZoneKey, type Role, type ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { fromKmsSignatures } from '#dnssec/core/signing/signature.ts';
import type { KmsKey, SignatureVerifier, Signer } from '#dnssec/ports.ts';

/** A KMS key chosen to sign a zone. */
export interface KeyChoice {
  readonly keyId: string;
  readonly role: Role;
  /** The versions that sign; without it `newestVersions` decides. */
  readonly versions?: readonly number[];
  /** DNSSEC algorithm number, where the key type allows several. */
  readonly algorithm?: number;
}

/**
 * Turn chosen KMS keys into zone keys: export the public keys, make the DNSKEYs, and let every version prove that it
 * signs with the private key that belongs to its DNSKEY before anything is signed with it.
 *
 * @param foreign DNSKEY RDATA of other signers, whose key tags ours must not share
 * @throws DnssecError key-invalid, algorithm-unsupported, key-tag-collision, not-found, kms-refused, kms-unavailable
 */
export async function getZoneKeys(
  signer: Signer,
  verifier: SignatureVerifier,
  choices: readonly KeyChoice[],
  foreign: readonly Rdata[] = [],
): Promise<ZoneKey[]> {
  const keys = await describeZoneKeys(signer, choices);
  assertKeySet(keys, foreign);
  await Promise.all(keys.map((key) => assertSigns(signer, verifier, key)));
  return keys;
}

/**
 * Make the zone key of one version of a KMS key without letting it sign.
 *
 * @throws DnssecError key-invalid, algorithm-unsupported, not-found, kms-refused, kms-unavailable
 */
export async function describeZoneKey(
  signer: Signer,
  choice: KeyChoice & { readonly versions: readonly [number] },
): Promise<ZoneKey> {
  const [key] = await describeZoneKeys(signer, [choice]);
  if (key === undefined)
    throw new DnssecError('key-invalid', `KMS key ${choice.keyId} has no version ${choice.versions[0]}`);
  return key;
}

/**
 * Check that a key can be used beside others.
 *
 * @param others DNSKEY RDATA of the zone's other keys
 * @throws DnssecError key-invalid, key-tag-collision
 */
export function assertUsableBeside({ dnskey, kmsKey: { keyId, version } }: ZoneKey, others: readonly Rdata[]): void {
  if (others.includes(dnskey))
    throw new DnssecError(
      'key-invalid',
      `KMS key ${keyId} version ${version} has the public key of another key of the zone`,
    );
  assertUniqueTags([...others, dnskey]);
}

/**
 * Make the zone keys of chosen KMS keys without letting them sign.
 *
 * @throws DnssecError key-invalid, algorithm-unsupported, not-found, kms-refused, kms-unavailable
 */
export async function describeZoneKeys(signer: Signer, choices: readonly KeyChoice[]): Promise<ZoneKey[]> {
  const keys: ZoneKey[] = [];
  for (const choice of choices) {
    const kmsKey = await signer.getKey(choice.keyId);
    const algorithm = algorithmForKeyType(kmsKey.keyType, choice.algorithm);
    for (const version of choice.versions ?? newestVersions(kmsKey)) {
      keys.push(composeZoneKey(choice.role, algorithm, publicKeyOf(kmsKey, version), { keyId: kmsKey.keyId, version }));
    }
  }
  return keys;
}

/**
 * Return the newest version and the one before it. Signing with both is right whatever caches hold while a rotation
 * makes its way to the parent: the old DS finds the old key, the new DS the new one.
 *
 * Source: RFC 6781 §4.1.3.
 */
function newestVersions(key: KmsKey): number[] {
  return [...key.publicKeys.keys()].toSorted((left, right) => right - left).slice(0, 2);
}

function publicKeyOf(kmsKey: KmsKey, version: number): string {
  if (kmsKey.status !== 'active') {
    throw new DnssecError('key-invalid', `KMS key ${kmsKey.keyId} is ${kmsKey.status}: only an active key can sign`);
  }
  const publicKey = kmsKey.publicKeys.get(version);
  if (publicKey === undefined) {
    throw new DnssecError(
      'key-invalid',
      `KMS key ${kmsKey.keyId} has no version ${version}; its latest is ${kmsKey.latestVersion}`,
    );
  }
  return publicKey;
}

/** Let a key version sign a nonce and check it against the DNSKEY that is about to be published. */
export async function assertSigns(signer: Signer, verifier: SignatureVerifier, key: ZoneKey): Promise<void> {
  const signedData = pack([new Uint8Array(randomBytes(32))]);
  const answers = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs: signedData });
  const signatures = fromKmsSignatures(key, answers);
  const [valid] = await verifier.verify({ dnskey: key.dnskey, signedData, signatures });
  if (valid !== 1) {
    const { keyId, version } = key.kmsKey;
    throw new DnssecError(
      'key-invalid',
      `KMS key ${keyId} version ${version} failed its self-test: its signature does not verify with its exported public key`,
    );
  }
}
