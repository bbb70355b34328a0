import { describe, expect, test } from 'vitest';
import { fromKmsSignatures, signatureOctets } from '#dnssec/core/signing/signature.ts';
import { planRRset } from '#dnssec/core/signing/plan.ts';
import { type PlannedText, TextPlanner } from '#dnssec/core/signing/planned-text.ts';
import { defaultValidity } from '#dnssec/core/signing/validity.ts';
import type { CheckedBatch } from '#dnssec/core/signing/verified.ts';
import { admitVerifiedText } from '#dnssec/core/signing/verified-text.ts';
import type { ZoneForm } from '#dnssec/core/zone/line-printer.ts';
import { getZoneKeys } from '#dnssec/operations/zone-keys.ts';
import { encodeBase64 } from '#lib/encoding.ts';
import { pack, runOf } from '#lib/packed.ts';
import { canonical, rdataOf, typeOf } from '#test/support/dns.ts';
import { type LocalKeyType, LocalSigner, localVerifier } from '#test/support/local-signer.ts';
import { apex, signingTime } from '#test/support/zones.ts';

const signer = new LocalSigner();
const keyTypes: readonly LocalKeyType[] = ['ecdsa-p256', 'ed25519', 'rsa-2048', 'ecdsa-p384'];
for (const keyType of keyTypes) signer.add(keyType, keyType);
const keys = await getZoneKeys(
  signer,
  localVerifier,
  keyTypes.map((keyId) => ({ keyId, role: 'csk' })),
);
const www = canonical('www.example.');

function planOf(form: ZoneForm): PlannedText {
  const planner = new TextPlanner(form, keys);
  const context = { apex, keys, validity: defaultValidity, now: signingTime };
  for (const [type, text] of [
    ['A', '192.0.2.1'],
    ['TXT', '"a b" "\\"c"'],
  ] as const)
    planner.add(planRRset(context, www, { owner: www, type: typeOf(type), ttl: 300, rdatas: [rdataOf(type, text)] }));
  planner.add({
    rrset: { owner: www, type: typeOf('NS'), ttl: 300, rdatas: [rdataOf('NS', 'ns')] },
    owner: www,
    tasks: [],
  });
  return planner.take();
}

/** Signatures of as many octets as each key makes, all of them different. */
const checkedOf = ({ orders }: PlannedText): CheckedBatch[] =>
  orders.map(({ key: index, signedData }) => {
    const key = keys[index]!;
    const runs = Array.from(signedData.ends, (_, at) => new Uint8Array(signatureOctets(key)).fill(1 + at + 16 * index));
    return { key, signatures: pack(runs), valid: new Uint8Array(runs.length).fill(1) };
  });

describe.each(['master', 'ndjson'] as const)('the text of a zone with room for signatures: %s', (form) => {
  test('each signature goes into its own room, whatever its length', () => {
    const planned = planOf(form);
    const checked = checkedOf(planned);
    const before = Buffer.from(planned.text).toString('latin1');
    const { text, rrsets, signatures } = admitVerifiedText(planned, checked);
    const lines = Buffer.from(text).toString('latin1').trimEnd().split('\n');
    expect([rrsets, signatures, lines.length]).toEqual([3, 8, 11]);
    const made = lines.filter((line) => line.includes('RRSIG')).map((line) => /[\w/+=]{80,}/.exec(line)?.[0]);
    const wanted = [0, 1].flatMap((at) => checked.map((batch) => encodeBase64(runOf(batch.signatures, at))));
    expect(made).toEqual(wanted);
    expect(lines.join('\n').replaceAll(/[\w/+=]{80,}/g, (found) => found.replaceAll(/[^=]/g, 'A'))).toBe(
      before.trimEnd(),
    );
  });

  test('it ends with a line, and what is to be signed is what the keys are asked for', async () => {
    const planned = planOf(form);
    expect(planned.text.at(-1)).toBe(0x0a);
    for (const { key: index, signedData } of planned.orders) {
      const key = keys[index]!;
      const answers = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs: signedData });
      const signatures = fromKmsSignatures(key, answers);
      expect([...(await localVerifier.verify({ dnskey: key.dnskey, signedData, signatures }))]).toEqual([1, 1]);
    }
  });

  test('nothing is admitted with a signature that was not found valid, is missing, or has another length', () => {
    const wrong: ((batch: CheckedBatch) => CheckedBatch)[] = [
      (batch) => ({ ...batch, valid: Uint8Array.of(1, 0) }),
      (batch) => ({ ...batch, valid: Uint8Array.of(1) }),
      (batch) => ({ ...batch, signatures: pack([runOf(batch.signatures, 0)]) }),
      (batch) => ({ ...batch, signatures: pack([runOf(batch.signatures, 0), new Uint8Array(10)]) }),
    ];
    for (const spoil of wrong) {
      const planned = planOf(form);
      const checked = checkedOf(planned).map((batch, index) => (index === 1 ? spoil(batch) : batch));
      expect(() => admitVerifiedText(planned, checked)).toThrow(
        /^www\.example\. TXT: the signature by KMS key ed25519 version 1 does not verify with DNSKEY \d+$/,
      );
    }
  });
});
