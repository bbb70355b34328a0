import type { KeyRecords, VerifyZoneResponse } from '#dnssec/api.ts';
import { type ApiCaller, json } from '#cli/api-caller.ts';
import { ServiceError } from '#lib/errors.ts';

/** What the demo shows of one step. */
export interface DemoStep {
  readonly title: string;
  readonly milliseconds: number;
  readonly result: string;
}

export interface DemoResult {
  readonly zone: string;
  readonly keyId: string;
  readonly signedZone: string;
  readonly keys: KeyRecords['keys'];
}

export interface DemoInput {
  readonly region: string;
  readonly zone: string;
  /** The unsigned zone as a master file. */
  readonly zoneText: string;
}

/** Do the main job over the HTTP API: key, signed zone, verification, rotation, signed zone, verification, DS. */
export async function runDemoSteps(
  api: ApiCaller,
  { region, zone, zoneText }: DemoInput,
  show: (step: DemoStep) => void,
): Promise<DemoResult> {
  const timed = async <Value>(title: string, work: () => Promise<readonly [Value, string]>): Promise<Value> => {
    const start = performance.now();
    const [value, result] = await work();
    show({ title, result, milliseconds: performance.now() - start });
    return value;
  };
  const keys = `/v1/kms/${region}/keys`;
  const keyId = await timed('create a P-256 key pair in the KMS', async () => {
    const request = json({ name: `DNSSEC ${zone}`, keyType: 'ecdsa-p256' });
    const { identity } = JSON.parse(await api.call('POST', keys, request)) as { identity: string };
    return [identity, identity];
  });
  const sign = async () => {
    const query = new URLSearchParams({ region, csk: keyId });
    const signed = await api.call('POST', `/v1/dnssec/zones/sign?${query.toString()}`, {
      type: 'text/dns',
      content: zoneText,
    });
    return [
      signed,
      `${count(signed, 'RRSIG')} RRSIG, ${count(signed, 'NSEC')} NSEC, ${count(signed, 'DNSKEY')} DNSKEY`,
    ] as const;
  };
  const describe = async () => {
    const query = new URLSearchParams({ region, zone });
    const records = JSON.parse(await api.call('GET', `/v1/dnssec/keys/${keyId}?${query.toString()}`)) as KeyRecords;
    return [records.keys, `${records.keys.length} of 1 key`] as const;
  };
  const verify = (signed: string, anchors: readonly string[]) => async () =>
    [undefined, await verifySigned(api, signed, anchors)] as const;

  const first = await timed('sign the example zone', sign);
  const [before] = await timed('make the DS for the registrar', async () => {
    const [described] = await describe();
    return [described, `key tag ${described.map(({ keyTag }) => keyTag).join(', ')}`] as const;
  });
  await timed('verify it from the DS down', verify(first, before?.ds ?? []));
  await timed('rotate the key', async () => {
    const { latestVersion } = JSON.parse(await api.call('POST', `${keys}/${keyId}/rotate`)) as {
      latestVersion: number;
    };
    return [undefined, `version ${latestVersion}; version ${latestVersion - 1} signs on beside it`];
  });
  const signedZone = await timed('sign the zone again', sign);
  await timed('verify it from the old DS down', verify(signedZone, before?.ds ?? []));
  const [after] = await describe();
  await timed('verify it from the new DS down', verify(signedZone, after[0]?.ds ?? []));
  return { zone, keyId, signedZone, keys: after };
}

async function verifySigned(api: ApiCaller, signed: string, anchors: readonly string[]): Promise<string> {
  const query = new URLSearchParams({ anchor: `${anchors.join('\n')}\n` });
  const body = { type: 'text/dns', content: signed };
  const { valid, faults, signaturesChecked } = JSON.parse(
    await api.call('POST', `/v1/dnssec/zones/verify?${query.toString()}`, body),
  ) as VerifyZoneResponse;
  if (!valid) throw new ServiceError('demo-failed', `the signed zone is not valid: ${faults[0]?.message}`);
  return `valid, ${signaturesChecked} signatures checked`;
}

function count(zone: string, type: string): number {
  return zone.split('\n').filter((line) => line.split(/\s+/, 4)[3] === type).length;
}
