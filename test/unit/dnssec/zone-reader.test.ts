import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { canonicalName, formatName, parseName } from '#dns/name.ts';
import { startReadingZone } from '#dnssec/zone-reading.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { type PlannedZone, planZoneText, type ZoneOrder } from '#dnssec/core/signing/planned-zone.ts';
import type { ZoneForm } from '#dnssec/core/zone/line-printer.ts';
import { getZoneKeys } from '#dnssec/operations/zone-keys.ts';
import { encodeHex } from '#lib/encoding.ts';
import { gatherZone } from '#dnssec/core/zone/gather-zone.ts';
import type { ZoneNode } from '#dnssec/core/zone/zone.ts';
import { inOnePiece, recordsOf } from '#test/support/dns.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { LocalSigner, localVerifier } from '#test/support/local-signer.ts';
import { apex, nsec3Policy, nsecPolicy, optOutPolicy, signingTime, zoneHead } from '#test/support/zones.ts';

const origin = parseName('example.');

function read(dir: TempDir, text: string, withOrigin = true): ReturnType<typeof startReadingZone> {
  writeFileSync(dir.at('zone'), text);
  return startReadingZone({ path: dir.at('zone'), ...(withOrigin && { origin }) });
}

const contentsOf = ({ owner, canonicalOwner, key, rrsets, rrsigs }: ZoneNode) => ({
  owner,
  canonicalOwner,
  key,
  rrsets,
  rrsigs,
});

test('a zone that a thread read is the zone that is read here', async () => {
  const text = `${zoneHead}b 300 A 192.0.2.1\na.b 300 TXT x\nB 200 A 192.0.2.2\n\\001\\000 300 NS ns.elsewhere.\n`;
  using dir = makeTempDir();
  await using reading = await read(dir, text);
  const here = await gatherZone({ apex, records: inOnePiece(recordsOf(text)) });
  const there = await reading.gather();
  expect(formatName(reading.apex)).toBe('example.');
  expect(there.zone.apex).toBe(canonicalName(apex));
  expect(Array.from(there.zone.nodes, contentsOf)).toEqual(Array.from(here.zone.nodes, contentsOf));
  expect(there.faults.map(formatFault)).toEqual(here.faults.map(formatFault));
  expect(reading.octetsRead()).toBe(text.length);
});

/** Orders of a zone's text, with a key that need not sign. */
const orderOf = async (form: ZoneForm, policy = nsecPolicy): Promise<ZoneOrder> => {
  const signer = new LocalSigner();
  signer.add('csk', 'ecdsa-p256');
  const keys = await getZoneKeys(signer, localVerifier, [{ keyId: 'csk', role: 'csk' }]);
  return { keys, policy, form, now: signingTime };
};

/** All that is planned, as one text and what is to be signed where. */
async function collect({ pieces, ...head }: PlannedZone) {
  const texts: string[] = [];
  const orders: object[] = [];
  let rrsets = 0;
  for await (const piece of pieces) {
    texts.push(Buffer.from(piece.text).toString('latin1'));
    rrsets += piece.rrsets;
    for (const { key, signedData, places } of piece.orders)
      orders.push({ key, places: [...places], ends: [...signedData.ends], bytes: encodeHex(signedData.bytes) });
  }
  const { serial, mostRRsets } = head;
  return { serial, mostRRsets, warnings: head.warnings.map(formatFault), rrsets, texts, orders };
}

test.each([
  ['master', nsecPolicy],
  ['master', optOutPolicy],
  ['ndjson', nsec3Policy],
] as const)('what a thread plans is what is planned here: %s, %o', async (form, policy) => {
  // more pieces than lie ready at a time
  const hosts = Array.from({ length: 6000 }, (_, index) => `h${index} 300 A 192.0.2.1\nh${index} 200 A 192.0.2.2\n`);
  const text = `${zoneHead}sub 300 NS ns.elsewhere.\n${hosts.join('')}`;
  using dir = makeTempDir();
  await using reading = await read(dir, text);
  const order = await orderOf(form, policy);
  const here = await collect(planZoneText(await gatherZone({ apex, records: inOnePiece(recordsOf(text)) }), order));
  const there = await collect(await reading.plan(order));
  expect(there).toEqual(here);
  expect(here.orders.length).toBeGreaterThan(6);
});

test('a zone that is not sound is not planned, and says why', async () => {
  using dir = makeTempDir();
  await using reading = await read(dir, `${zoneHead}a 300 CNAME b\na 300 A 192.0.2.1\n`);
  await expect(reading.plan(await orderOf('master'))).rejects.toMatchObject({
    code: 'zone-invalid',
    message: expect.stringContaining('a.example. CNAME: has A beside it'),
    details: { faults: [{ code: 'cname-and-other-data' }] },
  });
});

test('a plan ends when its thread does', async () => {
  using dir = makeTempDir();
  const hosts = Array.from({ length: 6000 }, (_, index) => `h${index} 300 A 192.0.2.1\n`);
  const reading = await read(dir, zoneHead + hosts.join(''));
  const { pieces } = await reading.plan(await orderOf('master'));
  await reading[Symbol.asyncDispose]();
  await expect(Array.fromAsync(pieces)).rejects.toThrow('ended before its end');
});

test('a file that another one includes is found beside it', async () => {
  using dir = makeTempDir();
  writeFileSync(dir.at('more'), 'www 300 A 192.0.2.1\n');
  await using reading = await read(dir, `${zoneHead}$INCLUDE more\n`);
  const { zone } = await reading.gather();
  expect([...zone.nodes].map(({ owner }) => formatName(owner))).toContain('www.example.');
});

test('a fault before the SOA keeps the reading from starting, and one behind it is told with its place', async () => {
  using dir = makeTempDir();
  await expect(read(dir, 'www 300 A 192.0.2.1\n')).rejects.toMatchObject({ code: 'zone-invalid' });
  await expect(read(dir, 'www 300 A 192.0.2.1\n', false)).rejects.toMatchObject({
    name: 'DnsError',
    code: 'zone-file-invalid',
    details: { file: dir.at('zone'), line: 1, column: 1 },
  });
  await using reading = await read(dir, `${zoneHead}${'x 1 TXT y\n'.repeat(50_000)}x 300 A 1.2.3\n`);
  await expect(reading.gather()).rejects.toMatchObject({
    name: 'DnsError',
    code: 'zone-file-invalid',
    details: { line: 50_004, column: 9 },
  });
});

test('a file that cannot be opened says so', async () => {
  using dir = makeTempDir();
  await expect(startReadingZone({ path: dir.at('none') })).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a reading that nobody waits for can be left at any time', async () => {
  using dir = makeTempDir();
  const reading = await read(dir, `${zoneHead}${'x 1 TXT y\n'.repeat(50_000)}`);
  await reading[Symbol.asyncDispose]();
  await expect(reading.gather()).rejects.toThrow('ended before its end');
});
