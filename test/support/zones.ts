import { canonicalName } from '#dns/name.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { defaultNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { type Role, roles } from '#dnssec/core/keys/zone-key.ts';
import type { Zone } from '#dnssec/core/zone/zone.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import type { ZoneSigningPolicy } from '#dnssec/core/signing/plan-zone.ts';
import { signZoneText, zoneToSign } from '#dnssec/operations/sign-zone-text.ts';
import { defaultValidity } from '#dnssec/core/signing/validity.ts';
import { canonical, inOnePiece, recordsOf } from '#test/support/dns.ts';
import { type LocalKeyType, LocalSigner, localVerifier } from '#test/support/local-signer.ts';

export const apex = canonical('example.');

/** What every zone needs, so that a test writes only what it is about. */
export const zoneHead = '@ 3600 SOA ns1 host 7 7200 3600 1209600 600\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n';

/** Build a zone `example.` of a master file. */
export function zoneOf(text: string): Zone {
  const builder = new ZoneBuilder(apex);
  builder.add(recordsOf(zoneHead + text));
  return builder.build();
}

export const nsecPolicy: ZoneSigningPolicy = {
  denial: { kind: 'nsec' },
  validity: defaultValidity,
  serial: 'keep',
  zonemd: false,
  dnskeyTtl: 3600,
};
export const nsec3Policy: ZoneSigningPolicy = { ...nsecPolicy, denial: { kind: 'nsec3', parameters: defaultNsec3 } };
export const optOutPolicy: ZoneSigningPolicy = {
  ...nsecPolicy,
  denial: { kind: 'nsec3', parameters: { ...defaultNsec3, optOut: true } },
};

export const signingTime = 1_764_547_200;

/** A kind of key, and the DNSSEC algorithm that it signs with. */
export interface KeyKind {
  readonly keyType: LocalKeyType;
  readonly algorithm: number;
}

/** Signers by kind: RSA keys take long to make, and tests ask for the same over and over. */
const signers = new Map<LocalKeyType, LocalSigner>();

function signerFor(keyType: LocalKeyType): LocalSigner {
  let signer = signers.get(keyType);
  if (signer === undefined) {
    signer = new LocalSigner();
    for (const role of roles) signer.add(role, keyType);
    signers.set(keyType, signer);
  }
  return signer;
}

/** Sign records with keys in memory, one for each role, and return all records of the signed zone. */
export async function signedRecords(
  records: readonly ResourceRecord[],
  policy: ZoneSigningPolicy = nsecPolicy,
  keyRoles: readonly Role[] = ['csk'],
  { keyType, algorithm }: KeyKind = { keyType: 'ed25519', algorithm: 15 },
  now = signingTime,
): Promise<ResourceRecord[]> {
  const signer = signerFor(keyType);
  const soa = records.find((record) => record.type === rrTypes.SOA);
  let text = '';
  await signZoneText(
    {
      source: zoneToSign({ apex: soa?.owner ?? apex, records: inOnePiece(records) }),
      chooseKeys: async () => keyRoles.map((role) => ({ keyId: role, role, algorithm })),
      policy,
      form: 'master',
      write: async (octets) => void (text += Buffer.from(octets).toString('latin1')),
    },
    now,
    { signer, verifier: localVerifier },
  );
  return recordsOf(text);
}

/** Sign a zone `example.` of a master file. */
export const signText = (
  text: string,
  policy?: ZoneSigningPolicy,
  keyRoles?: readonly Role[],
): Promise<ResourceRecord[]> => signedRecords(recordsOf(zoneHead + text), policy, keyRoles);

/** `owner type` of the RRsets that have an RRSIG, in order. */
export function coveredBy(records: readonly ResourceRecord[]): Set<string> {
  const covered = new Set<string>();
  for (const { owner, type, rdata } of records) {
    if (type === rrTypes.RRSIG)
      covered.add(`${canonicalName(owner)} ${(rdata.charCodeAt(0) << 8) | rdata.charCodeAt(1)}`);
  }
  return covered;
}
