import { canonicalName } from '#dns/name.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { composeDs, digestTypeName, digestTypes } from '#dnssec/core/keys/ds.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import {
  defaultPolicy,
  type SigningKey,
  type SigningPolicy,
  type ZoneSigning,
} from '#dnssec/core/managed/signing-state.ts';
import { validityPolicy } from '#dnssec/operations/signing-options.ts';
import { getZoneKeys } from '#dnssec/operations/zone-keys.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { apexOf, type ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import { readAll, signWholeZone } from '#dnssec/operations/zones/sign-whole-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

export interface SigningRequest {
  readonly region: string;
  readonly kmsKeyIdentity?: string | undefined;
  readonly policy?: { readonly [Field in keyof SigningPolicy]?: SigningPolicy[Field] | undefined } | undefined;
}

/** KMS key types that sign zones. */
const signingTypes = /^(?:ecdsa-p(?:256|384)|ed25519|rsa-\d+)$/;

/**
 * Sign a zone from now on, with the key that is named or one that is made for it. Asked for what is so already, it
 * changes nothing.
 *
 * @throws DnssecError request-invalid, key-invalid, key-tag-collision, not-found, kms-refused, kms-unavailable, zone-invalid
 */
export async function enableSigning(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  request: SigningRequest,
  cause: ChangeCause,
): Promise<ManagedZone> {
  const zone = await getOwnZone(ports, caller, id);
  const policy = completePolicy(request.policy ?? {}, zone.signing?.policy);
  const keys = await keysOf(ports, caller, zone, request);
  const before = zone.signing;
  const now = ports.clock.now();
  const signing: ZoneSigning = {
    region: request.region,
    ...(request.kmsKeyIdentity === undefined ? {} : { kmsKeyIdentity: request.kmsKeyIdentity }),
    keys,
    policy,
    enabledAt: before?.enabledAt ?? now,
    publishDsAfter: before?.publishDsAfter ?? now + 1000 * (await unsignedTtl(ports, zone, policy)),
    lastSignedAt: before?.lastSignedAt ?? 0,
  };
  if (before !== undefined && isSameSigning(before, signing)) return zone;
  return signWholeZone(ports, zone.id, signing, cause);
}

/** Publish a zone unsigned from now on. Its KMS keys stay. */
export async function disableSigning(ports: ZonePorts, caller: Caller, id: string, cause: ChangeCause): Promise<void> {
  const zone = await getOwnZone(ports, caller, id);
  if (zone.signing !== undefined) await signWholeZone(ports, zone.id, undefined, cause);
}

function isSameSigning(before: ZoneSigning, after: ZoneSigning): boolean {
  return factsOf(before) === factsOf(after);
}

/** What a zone is signed with, as a text. */
function factsOf({ region, kmsKeyIdentity, keys, policy }: ZoneSigning): string {
  const fields = Object.entries(policy).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([region, kmsKeyIdentity, keys, fields]);
}

/** Complete a policy with what the zone has, or with the defaults. @throws DnssecError request-invalid */
function completePolicy(
  wanted: NonNullable<SigningRequest['policy']>,
  before: SigningPolicy = defaultPolicy,
): SigningPolicy {
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  const policy: SigningPolicy = { ...before, ...given };
  const { validity, jitter, inceptionOffset, refresh, denial, optOut, maxTtl, propagationDelay } = policy;
  validityPolicy({ lifetime: validity, jitter, inceptionOffset });
  if (validity <= refresh + jitter)
    throw new DnssecError('request-invalid', 'policy: validity must be longer than refresh and jitter together');
  if (refresh < maxTtl + propagationDelay)
    throw new DnssecError(
      'request-invalid',
      'policy: refresh must be at least maxTtl and propagationDelay together, or caches would hold expired signatures',
    );
  if (optOut && denial === 'nsec')
    throw new DnssecError('request-invalid', 'policy: optOut is a feature of NSEC3: choose the denial nsec3 with it');
  return policy;
}

/** Seconds until every cache has let go of what was published unsigned. */
async function unsignedTtl(ports: ZonePorts, zone: ManagedZone, { propagationDelay }: SigningPolicy): Promise<number> {
  let largest = 0;
  for (const { rrset } of await readAll(ports, zone)) largest = Math.max(largest, rrset.ttl);
  return largest + propagationDelay;
}

async function keysOf(
  ports: ZonePorts,
  caller: Caller,
  zone: ManagedZone,
  { region, kmsKeyIdentity }: SigningRequest,
): Promise<SigningKey[]> {
  const before = zone.signing;
  if (before !== undefined && before.region === region && before.kmsKeyIdentity === kmsKeyIdentity)
    return [...before.keys];
  const role: Role = 'csk';
  const keyId = kmsKeyIdentity ?? (await makeKey(ports, caller, zone, region, role));
  const signer = ports.callerSigner(caller, region);
  const kmsKey = await signer.getKey(keyId);
  if (!signingTypes.test(kmsKey.keyType))
    throw new DnssecError('request-invalid', `kmsKeyIdentity: a key of type ${kmsKey.keyType} cannot sign a zone`);
  if (kmsKey.status !== 'active')
    throw new DnssecError('request-invalid', `kmsKeyIdentity: key ${keyId} is ${kmsKey.status}, and must be active`);
  const service = ports.serviceSigner(zone, region);
  const choices = [{ keyId: kmsKey.keyId, versions: [kmsKey.latestVersion], role }];
  const keys = await getZoneKeys(service, ports.verifier, choices);
  return keys.map(({ kmsKey: { version }, algorithm, keyTag }) => ({
    keyId: kmsKey.keyId,
    version,
    role,
    algorithm: algorithm.number,
    keyTag,
  }));
}

function makeKey(ports: ZonePorts, caller: Caller, { name }: ManagedZone, region: string, role: Role): Promise<string> {
  return ports.keyMaker(caller, region).findOrCreateKey({
    name: `DNSSEC ${name}`,
    keyType: 'ecdsa-p256',
    labels: { 'zoneseal/zone': `${name}.`, 'zoneseal/role': role },
  });
}

/** A DS record for the registrar. */
export interface DsDescription {
  /** `tag algorithm digesttype hex`. */
  readonly record: string;
  readonly digestTypeName: string;
  readonly keyTag: number;
  readonly algorithm: number;
  readonly keyRole: Role;
  /** Base64 of the DNSKEY's public key. */
  readonly publicKey: string;
}

/** List the DS records of the keys that a chain of trust can begin at. Source: RFC 4034 §5. */
export async function describeDs(ports: ZonePorts, zone: ManagedZone): Promise<DsDescription[]> {
  const { signing } = zone;
  if (signing === undefined) return [];
  const apex = canonicalName(apexOf(zone));
  const keys = await ports.keys.get(signing.keys, ports.serviceSigner(zone, signing.region));
  return keys
    .filter(({ role }) => role !== 'zsk')
    .flatMap(({ dnskey, keyTag, algorithm, role }) =>
      digestTypes.map((digestType) => ({
        record: formatRdata(rrTypes.DS, composeDs(apex, dnskey, digestType)),
        digestTypeName: digestTypeName(digestType),
        keyTag,
        algorithm: algorithm.number,
        keyRole: role,
        publicKey: formatRdata(rrTypes.DNSKEY, dnskey).split(' ').slice(3).join(''),
      })),
    );
}
