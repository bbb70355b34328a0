import { expect, test } from 'vitest';
import type { ZoneSigningPolicy } from '#dnssec/core/signing/plan-zone.ts';
import { signZoneText, zoneToSign } from '#dnssec/operations/sign-zone-text.ts';
import type { Signer } from '#dnssec/ports.ts';
import { inOnePiece, recordsOf } from '#test/support/dns.ts';
import { LocalSigner, localVerifier } from '#test/support/local-signer.ts';
import { apex, nsecPolicy, optOutPolicy, signingTime, zoneHead } from '#test/support/zones.ts';

const local = new LocalSigner();
local.add('csk', 'ed25519');

/** Sign a zone. @returns how many signatures each call asked for behind the proof of the key, and RRsets that came of it */
async function callsFor(text: string, policy: ZoneSigningPolicy): Promise<{ calls: number[]; rrsets: number }> {
  const calls: number[] = [];
  const signer: Signer = {
    getKey: (keyId) => local.getKey(keyId),
    sign(request) {
      calls.push(request.inputs.ends.length);
      return local.sign(request);
    },
  };
  const { rrsets } = await signZoneText(
    {
      source: zoneToSign({ apex, records: inOnePiece(recordsOf(zoneHead + text)) }),
      chooseKeys: async () => [{ keyId: 'csk', role: 'csk' }],
      policy,
      form: 'master',
      write: async () => undefined,
    },
    signingTime,
    { signer, verifier: localVerifier },
  );
  return { calls: calls.slice(1), rrsets };
}

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('');

test('few signatures among many RRsets are asked for together', async () => {
  const delegations = lines(3000, (index) => `n${index} 1 NS ns.elsewhere.test.\n`);
  // SOA, NS, DNSKEY and NSEC3PARAM of the apex, the address of its server, and an NSEC3 for each of the two
  expect(await callsFor(delegations, optOutPolicy)).toEqual({ calls: [7], rrsets: 3007 });
});

test('so they are where a digest is made of them', async () => {
  const delegations = lines(3000, (index) => `n${index} 1 NS ns.elsewhere.test.\n`);
  const { calls, rrsets } = await callsFor(delegations, { ...optOutPolicy, zonemd: true });
  // the NSEC3 of the apex lists ZONEMD, which is signed last and alone
  expect({ calls, rrsets }).toEqual({ calls: [7, 1], rrsets: 3008 });
});

test('no call asks for more than a thousand signatures', async () => {
  const hosts = lines(1500, (index) => `n${index} 1 A 192.0.2.2\n`);
  expect((await callsFor(hosts, nsecPolicy)).calls).toEqual([1000, 1000, 1000, 6]);
});
