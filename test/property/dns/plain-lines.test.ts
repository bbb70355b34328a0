import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseName } from '#dns/name.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { parseZoneText, readZoneFile, type ZoneFileOptions } from '#dns/zone-file/read.ts';
import { utf8Bytes } from '#lib/bytes.ts';

const label = 'l'.repeat(63);
const owner = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'a',
    'A.b',
    'a.example.',
    '*',
    '@',
    '.',
    '_x-1/2',
    'a..b',
    'a\\.b',
    'a\\046',
    '"a"',
    '1',
    'in',
    '$x',
    'ä',
  ),
  fc.constantFrom(label, `${label}l`),
  fc.constantFrom(
    ...[53, 54, 61, 62].flatMap((rest) => [
      `${label}.${label}.${label}.${'l'.repeat(rest)}`,
      `${label}.${label}.${label}.${'l'.repeat(rest)}.`,
    ]),
  ),
);
const blank = fc.constantFrom(' ', '\t', ' \t ');
const ttl = fc.constantFrom('', '0', '5', '007', '2147483647', '2147483648', '4294967296', '12345678901', '1h', '5x');
const rrClass = fc.constantFrom('', 'IN', 'in', 'iN', 'CH', 'CLASS1', 'IN IN');
const type = fc.constantFrom(
  'A',
  'a',
  'AAAA',
  'aaaa',
  'NS',
  'ns',
  'CNAME',
  'Ptr',
  'MX',
  'TXT',
  'TYPE1',
  'ANY',
  'XYZ',
  'N5',
  '',
);
const rdata = fc.oneof(
  { weight: 3, arbitrary: fc.ipV4() },
  { weight: 3, arbitrary: fc.ipV6() },
  { weight: 3, arbitrary: owner },
  { weight: 3, arbitrary: owner.map((name) => `10 ${name}`) },
  fc.constantFrom(
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4.',
    '1..2.3',
    '0.0.0.0',
    'fe80::1%eth0',
    '::x',
  ),
  fc.constantFrom('65535 a', '65536 a', '00010 a', 'x a', '10', '10 a b', '\\# 4 01020304', '(10 a)', '10 (\na)', ''),
);
const end = fc.constantFrom('', '', '', '', ' ', '\t \t', '\r', ' \r', '\r x', ' x', '\x0b', '\0', ')');

/** Type and RDATA that are right but for details. */
const nearlyRight = fc.oneof(
  fc.tuple(
    fc.constantFrom('A', 'a'),
    fc.oneof(fc.ipV4(), fc.constantFrom('01.2.3.4', '1.2.3.00', '1.2.3.256', '0.0.0.0')),
  ),
  fc.tuple(
    fc.constant('AAAA'),
    fc.oneof(fc.ipV6(), fc.constantFrom('fe80::1%eth0', '::x', '1:2:3:4:5:6:7', '1::2::3')),
  ),
  fc.tuple(fc.constantFrom('NS', 'Cname', 'PTR'), owner),
  fc.tuple(
    fc.constant('MX'),
    fc.tuple(fc.constantFrom('10', '65535', '65536', '007'), owner).map((words) => words.join(' ')),
  ),
);

const record = fc
  .tuple(owner, blank, ttl, rrClass, fc.boolean(), fc.oneof(nearlyRight, fc.tuple(type, rdata)), end)
  .map(([name, space, seconds, className, classFirst, [mnemonic, data], rest]) => {
    const words = classFirst ? [className, seconds] : [seconds, className];
    return [name, ...words, mnemonic, data].filter((word, index) => index === 0 || word !== '').join(space) + rest;
  });
/** Hardly anything wrong, so that files have more than one good record. */
const goodRecord = fc
  .tuple(
    fc.constantFrom('', 'a', 'a', 'b.c', 'x.example.', '*'),
    blank,
    fc.constantFrom('', '', '60 ', '7 IN ', 'IN 8 ', 'IN '),
    fc.constantFrom('A 192.0.2.1', 'NS ns', 'NS ns.test.', 'MX 10 m', 'AAAA ::1', 'aaaa 1::2', 'CNAME c', 'TXT "a"'),
    fc.constantFrom('', '', ' ', '\r'),
  )
  .map(([name, space, head, data, rest]) => name + space + head + data + rest);
const other = fc.constantFrom('', ' ', '; a', '$ORIGIN o.test.', '$ORIGIN sub', '$TTL 77', '$TTL x', '$ORIGIN a.test.');

const lines = fc.array(
  fc.oneof({ weight: 6, arbitrary: goodRecord }, { weight: 1, arbitrary: record }, { weight: 2, arbitrary: other }),
  { minLength: 1, maxLength: 12 },
);
const options = fc
  .tuple(fc.option(fc.constant(parseName('example.'))), fc.option(fc.constant(9)))
  .map(([origin, defaultTtl]): ZoneFileOptions => {
    return { fileName: 'f', ...(origin === null ? {} : { origin }), ...(defaultTtl === null ? {} : { defaultTtl }) };
  });

function outcomeOf(read: () => readonly ResourceRecord[]): unknown {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}

test('a line means the same with a comment behind it, which no plain line has, and what is wrong is told alike', () => {
  let records = 0;
  fc.assert(
    fc.property(fc.oneof(lines, fc.tuple(record)), options, (all, given) => {
      const plain = outcomeOf(() => parseZoneText(all.map((line) => `${line}\n`).join(''), given));
      const commented = outcomeOf(() => parseZoneText(all.map((line) => `${line};\n`).join(''), given));
      expect(plain).toEqual(commented);
      records += Array.isArray(plain) ? plain.length : 0;
    }),
    { numRuns: 5000 },
  );
  expect(records).toBeGreaterThan(500);
});

test('lines mean the same wherever the pieces of a file end', async () => {
  await fc.assert(
    fc.asyncProperty(lines, options, fc.integer({ min: 1, max: 40 }), async (all, given, size) => {
      const text = all.map((line) => `${line}\n`).join('');
      const octets = utf8Bytes(text);
      const pieces = Array.from({ length: Math.ceil(octets.length / size) }, (_, index) =>
        octets.subarray(index * size, (index + 1) * size),
      );
      const read: ResourceRecord[] = [];
      let failure: string | undefined;
      try {
        for await (const some of readZoneFile(from(pieces), given)) read.push(...some);
      } catch (error) {
        failure = String(error);
      }
      const whole = outcomeOf(() => parseZoneText(text, given));
      expect(failure ?? read).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});

async function* from(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
