import { type RegistrarKey, type RegistrarReport } from '#dnssec/core/export/registrar-report.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { withAllVersions } from '#dnssec/operations/describe-keys.ts';
import { parseZoneName } from '#dnssec/operations/sign-rrsets.ts';
import { describeZoneKeys, type KeyChoice } from '#dnssec/operations/zone-keys.ts';
import type { Signer } from '#dnssec/ports.ts';

export type { RegistrarReport } from '#dnssec/core/export/registrar-report.ts';

/**
 * Report to the registrar on keys of which nothing is known but their versions, the newest first: whoever publishes the zone
 * knows with which of them it is signed.
 *
 * @throws DnssecError request-invalid, key-invalid, not-found, kms-refused, kms-unavailable
 */
export async function reportKeys(
  zone: string,
  choices: readonly KeyChoice[],
  signer: Signer,
): Promise<RegistrarReport> {
  const apex = parseZoneName(zone, '/zone');
  const keys = await describeZoneKeys(signer, await withAllVersions(choices, signer));
  const newest = new Map(keys.toReversed().map((key) => [key.kmsKey.keyId, key]));
  return { apex, keys: keys.map((key) => reportedKey(key, newest.get(key.kmsKey.keyId) === key)), removesAll: false };
}

function reportedKey(key: ZoneKey, isNewest: boolean): RegistrarKey {
  if (key.role === 'zsk') return { key, action: 'none', reason: 'it signs data only: no parent points to it' };
  return isNewest
    ? {
        key,
        action: 'add',
        reason:
          'it is the newest version: add it once the zone has been published with it for as long as its largest TTL',
      }
    : {
        key,
        action: 'keep',
        reason:
          'the zone may be signed with it: remove it once the DS of the newest is everywhere and the zone is signed without it',
      };
}
