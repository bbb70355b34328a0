import { DnssecError } from '#dnssec/core/errors.ts';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import type { SigningKey, SigningPolicy } from '#dnssec/core/managed/signing-state.ts';
import { assertSigns, describeZoneKey } from '#dnssec/operations/zone-keys.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** A version of a KMS key that a zone is to be signed with. */
export interface ChosenKey extends Pick<SigningKey, 'region' | 'keyId' | 'version' | 'role'> {
  /** The id of the key of the zone that it is already, be it in another version. */
  readonly known?: string;
}

/** The keys that a user names for a zone: a CSK, or a KSK and a ZSK; none where they are made for it. */
export interface NamedKeys {
  readonly region: string;
  /** Of the CSK, or of the KSK where a ZSK is named. */
  readonly kmsKeyIdentity?: string | undefined;
  readonly zskKmsKeyIdentity?: string | undefined;
}

/** KMS key types that sign zones. */
const signingTypes = /^(?:ecdsa-p(?:256|384)|ed25519|rsa-\d+)$/;
const day = 86_400;

/**
 * Find the KMS keys that a zone is to be signed with: those that are named, or those that are made for it with the rights
 * of the caller. The KMS rotates the latter by itself where the policy has a lifetime for them: the service has no right to
 * rotate keys and needs none.
 *
 * @throws DnssecError request-invalid, not-found, kms-refused, kms-unavailable
 */
export async function chooseSigningKeys(
  ports: ZonePorts,
  caller: Caller,
  zone: ManagedZone,
  request: NamedKeys,
  policy: SigningPolicy,
): Promise<readonly ChosenKey[]> {
  const { region } = request;
  if (request.kmsKeyIdentity !== undefined || request.zskKmsKeyIdentity !== undefined)
    return chooseNamedKeys(ports, caller, zone, request, policy);
  const roles: readonly Role[] = policy.keys === 'split' ? ['ksk', 'zsk'] : ['csk'];
  const chosen: ChosenKey[] = [];
  for (const role of roles) {
    const lifetime = role === 'zsk' ? policy.zskLifetime : policy.keyLifetime;
    const keyId = await ports.keyMaker(caller, region).findOrCreateKey({
      name: nameOf(zone, role, policy.keyType),
      keyType: policy.keyType,
      labels: { 'zoneseal/zone': `${zone.name}.`, 'zoneseal/role': role },
      rotationPeriodInDays: lifetime / day,
    });
    chosen.push(await chosenKey(ports, caller, zone, region, keyId, role));
  }
  return chosen;
}

async function chooseNamedKeys(
  ports: ZonePorts,
  caller: Caller,
  zone: ManagedZone,
  { region, kmsKeyIdentity, zskKmsKeyIdentity }: NamedKeys,
  { keys: layout }: SigningPolicy,
): Promise<readonly ChosenKey[]> {
  if (kmsKeyIdentity === undefined)
    throw new DnssecError('request-invalid', 'zskKmsKeyIdentity: name the KSK too, as kmsKeyIdentity');
  if (zskKmsKeyIdentity === undefined) {
    if (layout === 'csk') return [await chosenKey(ports, caller, zone, region, kmsKeyIdentity, 'csk')];
    throw new DnssecError(
      'request-invalid',
      'kmsKeyIdentity: a key that is named alone signs everything: name the ZSK too, or leave out keys split',
    );
  }
  if (layout !== 'split')
    throw new DnssecError(
      'request-invalid',
      'zskKmsKeyIdentity: a policy with keys csk has no ZSK: it has to have split',
    );
  const ksk = await chosenKey(ports, caller, zone, region, kmsKeyIdentity, 'ksk');
  const zsk = await chosenKey(ports, caller, zone, region, zskKmsKeyIdentity, 'zsk');
  if (ksk.keyId === zsk.keyId)
    throw new DnssecError('request-invalid', 'zskKmsKeyIdentity: the KSK and the ZSK are two keys');
  return [ksk, zsk];
}

/** Names are told apart where a zone has several keys; that of the usual one is known to users. */
function nameOf({ name }: ManagedZone, role: Role, keyType: string): string {
  return role === 'csk' && keyType === 'ecdsa-p256' ? `DNSSEC ${name}` : `DNSSEC ${name} ${role} ${keyType}`;
}

/**
 * Look at a KMS key that is to sign a zone, with the rights of the caller. The service signs with rights of its own, so
 * the caller has to show that it may sign with the key itself: else whoever may have zones and read keys could get what
 * it likes signed with any of them. A key that the zone has already was shown so before.
 *
 * @throws DnssecError as choosing does
 */
export async function chosenKey(
  ports: ZonePorts,
  caller: Caller,
  zone: ManagedZone,
  region: string,
  wanted: string,
  role: Role,
): Promise<ChosenKey> {
  const signer = ports.callerSigner(caller, region);
  const { keyId, keyType, status, latestVersion } = await signer.getKey(wanted);
  if (!signingTypes.test(keyType))
    throw new DnssecError('request-invalid', `kmsKeyIdentity: a key of type ${keyType} cannot sign a zone`);
  if (status !== 'active')
    throw new DnssecError('request-invalid', `kmsKeyIdentity: key ${wanted} is ${status}, and must be active`);
  const own =
    zone.signing?.keys.filter((key) => key.keyId === keyId && key.role === role && key.standby !== true) ?? [];
  const known =
    own.findLast(({ goal }) => goal === 'omnipresent') ?? own.findLast(({ version }) => version === latestVersion);
  if (known === undefined) {
    const key = await describeZoneKey(signer, { keyId, role, versions: [latestVersion] });
    await assertSigns(signer, ports.verifier, key);
  }
  return { region, keyId, version: latestVersion, role, ...(known === undefined ? {} : { known: known.id }) };
}
