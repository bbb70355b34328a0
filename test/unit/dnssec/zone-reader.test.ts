import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { canonicalName, formatName, parseName } from '#dns/name.ts';
import { startReadingZone } from '#dnssec/zone-reading.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { gatherZone } from '#dnssec/core/zone/gather-zone.ts';
import type { ZoneNode } from '#dnssec/core/zone/zone.ts';
import { inOnePiece, recordsOf } from '#test/support/dns.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { apex, zoneHead } from '#test/support/zones.ts';

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
