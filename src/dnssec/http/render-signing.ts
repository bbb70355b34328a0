import { formatInstant } from '#lib/clock.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { SigningStatus, ZoneKeyItem } from '#dnssec/api-signing.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import { digestTypeName } from '#dnssec/core/keys/ds.ts';
import type { DsDescription, KeyDescription, SigningDescription } from '#dnssec/operations/zones/describe-signing.ts';

/** Show how the signing of a zone stands. */
export function renderSigning(described: SigningDescription | undefined): SigningStatus {
  if (described === undefined) return { enabled: false, dsDelegated: false };
  const { signing, isDelegated, ds, refreshAt, runway } = described;
  const { probeAt, policyRef, foreignKeys = [] } = signing;
  return {
    enabled: signing.isLeaving !== true,
    dsDelegated: isDelegated,
    dsRecords: ds.map(renderDs),
    ...(signing.foreignDs === undefined ? {} : { foreignDsRecords: [...signing.foreignDs] }),
    ...(signing.isParentValidated === undefined ? {} : { parentValidated: signing.isParentValidated }),
    ...(signing.parentProblems === undefined ? {} : { parentProblems: [...signing.parentProblems] }),
    ...(foreignKeys.length === 0 ? {} : { foreignKeyTags: foreignKeys.map(keyTagOf) }),
    lastSignedAt: formatInstant(signing.lastSignedAt),
    ...(signing.lastSignError === undefined ? {} : { lastSignError: signing.lastSignError }),
    ...(probeAt === undefined ? {} : { nextDsProbeAt: formatSeconds(probeAt) }),
    ...(signing.kmsKeyIdentity === undefined ? {} : { kmsKeyIdentity: signing.kmsKeyIdentity }),
    ...(signing.zskKmsKeyIdentity === undefined ? {} : { zskKmsKeyIdentity: signing.zskKmsKeyIdentity }),
    region: signing.region,
    ...(signing.isLeaving === true ? { leaving: true } : {}),
    signingKeys: renderKeys(described),
    policy: { ...signing.policy },
    ...(policyRef === undefined ? {} : { policyName: policyRef.name, policyVersion: policyRef.version }),
    ...(refreshAt === undefined ? {} : { nextRefreshAt: formatSeconds(refreshAt) }),
    ...(runway === undefined ? {} : { runwaySeconds: runway.seconds }),
  };
}

export function formatSeconds(seconds: number): string {
  return formatInstant(seconds * 1000);
}

function renderDs({ key, digestType, rdata, publishAfter }: DsDescription) {
  return {
    record: formatRdata(rrTypes.DS, rdata),
    digestTypeName: digestTypeName(digestType),
    keyTag: key.keyTag,
    algorithm: key.algorithm,
    keyRole: key.role,
    publicKey: formatRdata(rrTypes.DNSKEY, key.dnskey).split(' ').slice(3).join(''),
    ...(publishAfter === undefined ? {} : { publishAfter: formatSeconds(publishAfter) }),
  };
}

/** Show the keys of a zone with what they wait for. */
export function renderKeys({ keys, signing }: SigningDescription): ZoneKeyItem[] {
  return keys.map((described) => renderKey(described, signing.parent[described.key.id]?.kind));
}

function renderKey({ key, waiting }: KeyDescription, parent: string | undefined): ZoneKeyItem {
  const records = Object.entries(key.records).map(
    ([name, { state, since }]) => [name, { state, since: formatSeconds(since) }] as const,
  );
  return {
    key: key.id,
    kmsKeyIdentity: key.keyId,
    region: key.region,
    version: key.version,
    role: key.role,
    algorithm: key.algorithm,
    keyTag: key.keyTag,
    goal: key.goal,
    standby: key.standby === true,
    ...(key.predecessor === undefined ? {} : { predecessor: key.predecessor }),
    dnskey: formatRdata(rrTypes.DNSKEY, key.dnskey),
    records: Object.fromEntries(records),
    ...(parent === undefined ? {} : { parent }),
    waiting: waiting.map(({ record, to, reason: { kind, until, text } }) => ({
      record,
      to,
      kind,
      ...(until === undefined ? {} : { until: formatSeconds(until) }),
      text,
    })),
  };
}
