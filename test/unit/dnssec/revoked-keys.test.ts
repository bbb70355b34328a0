import { expect, test } from 'vitest';
import type { Octets } from '#lib/octets.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { composeDnskey, dnskeyFlags, keyTagOf, parseDnskey, revokedDnskey } from '#dnssec/core/keys/dnskey.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { verifyZone, type VerifyZoneOptions } from '#dnssec/operations/verify-zone.ts';
import { gatherZone } from '#dnssec/core/zone/gather-zone.ts';
import { planZone, prepareZone } from '#dnssec/core/signing/plan-zone.ts';
import { signPlanned } from '#dnssec/operations/sign-planned.ts';
import { getZoneKeys } from '#dnssec/operations/zone-keys.ts';
import { inOnePiece, recordsOf } from '#test/support/dns.ts';
import { LocalSigner, localVerifier } from '#test/support/local-signer.ts';
import { apex, nsecPolicy, signingTime, zoneHead } from '#test/support/zones.ts';

const signer = new LocalSigner();
signer.add('current', 'ed25519');
signer.add('old', 'ed25519');
const [current, old] = (await getZoneKeys(signer, localVerifier, [
  { keyId: 'current', role: 'csk' },
  { keyId: 'old', role: 'csk' },
])) as [ZoneKey, ZoneKey];
const dnskey = revokedDnskey(old.dnskey);
const revoked: ZoneKey = { ...old, dnskey, keyTag: keyTagOf(dnskey) };

async function signedBy(keys: readonly ZoneKey[], others: readonly ZoneKey[] = []): Promise<ResourceRecord[]> {
  const records = inOnePiece(recordsOf(`${zoneHead}www 300 A 192.0.2.2\n`));
  const { zone } = prepareZone(await gatherZone({ apex, records }), [...keys, ...others], nsecPolicy, signingTime);
  const context = { apex, keys, validity: nsecPolicy.validity, now: signingTime };
  const ports = { signer, verifier: localVerifier };
  const signed: ResourceRecord[] = [];
  for (const { rrset, rrsigs } of await signPlanned([...planZone(zone, nsecPolicy, context)], ports)) {
    const add = (type: RRType, rdata: Rdata) => signed.push({ owner: rrset.owner, type, ttl: rrset.ttl, rdata });
    for (const rdata of rrset.rdatas) add(rrset.type, rdata);
    for (const rdata of rrsigs) add(rrTypes.RRSIG, rdata);
  }
  return signed;
}

/** Take away the RRSIGs by the current key, over DNSKEY or over all else. */
const withoutCurrent = (records: readonly ResourceRecord[], over: 'DNSKEY' | 'data'): ResourceRecord[] =>
  records.filter(({ type, rdata }) => {
    if (type !== rrTypes.RRSIG) return true;
    const { keyTag, typeCovered } = parseRrsig(rdata);
    return keyTag !== current.keyTag || (typeCovered === rrTypes.DNSKEY) !== (over === 'DNSKEY');
  });

const errorCodes = async (records: readonly ResourceRecord[], options: Partial<VerifyZoneOptions> = {}) => {
  const { faults } = await verifyZone(apex, inOnePiece(records), { at: signingTime, ...options }, localVerifier);
  return [...new Set(faults.filter((fault) => fault.severity === 'error').map((fault) => fault.code))];
};

test('a revoked key may stand and sign beside the one that is trusted', async () => {
  expect(await errorCodes(await signedBy([current, revoked]))).toEqual([]);
});

test('data that only a revoked key signs is unsigned (RFC 5011 §2.1)', async () => {
  expect(await errorCodes(withoutCurrent(await signedBy([current, revoked]), 'data'))).toEqual(['rrsig-missing']);
});

test('a DNSKEY RRset that only a revoked key signs leads to no trust', async () => {
  expect(await errorCodes(withoutCurrent(await signedBy([current, revoked]), 'DNSKEY'))).toEqual([
    'dnskey-not-signed',
    'rrsig-missing',
  ]);
});

test('a zone with nothing but a revoked key is not signed', async () => {
  expect(await errorCodes(await signedBy([revoked]))).toEqual(['no-dnskey']);
});

test('a revoked key is no trust anchor', async () => {
  const anchors = [{ type: rrTypes.DNSKEY, rdata: revoked.dnskey }];
  expect(await errorCodes(await signedBy([current, revoked]), { anchors })).toEqual(['anchor-mismatch']);
});

test('a revoked key does not sign for one that shares its tag', async () => {
  const twin: ZoneKey = { ...revoked, dnskey: unrevokedTwin(revoked.dnskey) };
  expect([keyTagOf(twin.dnskey), parseDnskey(twin.dnskey).flags]).toEqual([revoked.keyTag, 257]);
  const records = withoutCurrent(await signedBy([current, revoked], [twin]), 'data');
  expect(await errorCodes(records)).toEqual(['rrsig-invalid']);
});

/** Another DNSKEY of the same tag that is not revoked: what its flags lack is added to a word of its key. */
function unrevokedTwin(rdata: Rdata): Rdata {
  const { publicKey, ...rest } = parseDnskey(rdata);
  const at =
    Array.from({ length: 16 }, (_, index) => index * 2).find(
      (offset) => publicKey.charCodeAt(offset + 1) < dnskeyFlags.revoked,
    ) ?? NaN;
  const octet = String.fromCharCode(publicKey.charCodeAt(at + 1) + dnskeyFlags.revoked);
  const changed = (publicKey.slice(0, at + 1) + octet + publicKey.slice(at + 2)) as Octets;
  return composeDnskey({ ...rest, flags: rest.flags & ~dnskeyFlags.revoked, publicKey: changed });
}
