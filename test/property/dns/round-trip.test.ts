import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DnsError } from '#dns/errors.ts';
import { octetsFrom } from '#lib/octets.ts';
import {
  canonicalName,
  compareNames,
  formatName,
  labelsOf,
  type Name,
  nameFromWire,
  orderKeyOf,
  parseName,
} from '#dns/name.ts';
import { isMetaType, rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { composeTypeBitmap, parseTypeBitmap } from '#dns/type-bitmap.ts';
import { canonicalRdata, formatRdata, parseRdataText, rdataFromWire } from '#dns/rdata/rdata.ts';
import { printRecords } from '#dns/zone-file/print.ts';
import { parseZoneText, readZoneFile } from '#dns/zone-file/read.ts';

const label = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => octetsFrom(bytes));
const name = fc
  .array(label, { maxLength: 6 })
  .map((labels) => `${labels.map((text) => String.fromCharCode(text.length) + text).join('')}\0` as Name);

/** RDATA of any octets that the type's schema lets through, besides random ones of opaque types. */
const record: fc.Arbitrary<ResourceRecord> = fc
  .tuple(
    name,
    fc.constantFrom(...Object.values(rrTypes), 65_280),
    fc.integer({ min: 0, max: 0x7fffffff }),
    fc.uint8Array({ maxLength: 80 }),
    name,
  )
  .map(([owner, type, ttl, bytes, target]) => ({
    owner,
    type,
    ttl,
    rdata: validRdata(type, [octetsFrom(bytes), target, `\0\x0a${target}`]),
  }));

function validRdata(type: number, candidates: readonly string[]): Rdata {
  for (const candidate of candidates) {
    try {
      return rdataFromWire(type, candidate as Rdata);
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
    }
  }
  return parseRdataText(rrTypes.TXT, '"stand-in"');
}

function isValid({ type, rdata }: ResourceRecord): boolean {
  try {
    rdataFromWire(type, rdata);
    return !isMetaType(type);
  } catch {
    return false;
  }
}

test('a printed name is read back as it was', () => {
  fc.assert(
    fc.property(name, (value) => {
      expect(parseName(formatName(value))).toBe(value);
    }),
  );
});

test('canonical order of names is the order of their reversed labels', () => {
  const reversed = (value: Name) => labelsOf(canonicalName(value)).toReversed();
  const naive = (left: readonly string[], right: readonly string[]): number => {
    for (let index = 0; index < Math.min(left.length, right.length); index++) {
      if (left[index] !== right[index]) return (left[index] as string) < (right[index] as string) ? -1 : 1;
    }
    return Math.sign(left.length - right.length);
  };
  fc.assert(
    fc.property(name, name, (left, right) => {
      expect(compareNames(canonicalName(left), canonicalName(right))).toBe(naive(reversed(left), reversed(right)));
    }),
  );
});

test('names with one order key are one name', () => {
  fc.assert(
    fc.property(name, name, (left, right) => {
      const [a, b] = [canonicalName(left), canonicalName(right)];
      expect(orderKeyOf(a) === orderKeyOf(b)).toBe(a === b);
    }),
  );
});

test('printed records are read back as they were', () => {
  fc.assert(
    fc.property(fc.array(record.filter(isValid), { maxLength: 20 }), (records) => {
      const text = Buffer.concat([...printRecords(records)]).toString('latin1');
      expect(text).toMatch(/^[\t\n -~]*$/);
      expect(parseZoneText(text, { fileName: 'printed' })).toEqual(records);
    }),
    { numRuns: 500 },
  );
});

test('RDATA that is valid has a text, and the canonical form is valid and stable', () => {
  fc.assert(
    fc.property(record.filter(isValid), ({ type, rdata }) => {
      expect(parseRdataText(type, formatRdata(type, rdata))).toBe(rdata);
      const canonical = canonicalRdata(type, rdata);
      expect(rdataFromWire(type, canonical)).toBe(canonical);
      expect(canonicalRdata(type, canonical)).toBe(canonical);
      expect(canonical.toLowerCase()).toBe(rdata.toLowerCase());
    }),
    { numRuns: 1000 },
  );
});

test('a type bitmap holds what was put in', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 65_535 })), (types) => {
      expect(parseTypeBitmap(composeTypeBitmap(types))).toEqual(types.toSorted((left, right) => left - right));
    }),
  );
});

test('whatever octets come as wire form, only a DnsError comes of it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(rrTypes)), fc.uint8Array({ maxLength: 60 }), (type, bytes) => {
      expect(thrownBy(() => formatRdata(type, rdataFromWire(type, octetsFrom(bytes))))).toSatisfy(
        isUndefinedOrDnsError,
      );
      expect(thrownBy(() => nameFromWire(octetsFrom(bytes)))).toSatisfy(isUndefinedOrDnsError);
    }),
    { numRuns: 2000 },
  );
});

const fragment = fc.constantFrom(
  '$TTL',
  '$ORIGIN',
  '$INCLUDE',
  '$GENERATE',
  '1-3',
  '@',
  'a',
  'IN',
  '60',
  'A',
  'MX',
  'TXT',
  'SVCB',
  'LOC',
  '192.0.2.1',
  'alpn="',
  '"',
  '\\',
  '\\#',
  '(',
  ')',
  ';',
  '\n',
  ' ',
  '\t',
  '\\300',
  '..',
  '.',
  '\0',
  '\x80',
);

test('whatever text comes as a zone file, only a DnsError comes of it, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fragment, fc.string({ maxLength: 4 })), { maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      async (words, size) => {
        const bytes = new Uint8Array(Buffer.from(words.join(' ')));
        async function* pieces() {
          for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
        }
        const source = readZoneFile(pieces(), { fileName: 'fuzz', origin: parseName('example.'), generate: true });
        const error: unknown = await Array.fromAsync(source).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(
          error === undefined || (error instanceof DnsError && /^fuzz:\d+:\d+: /.test(error.message)),
          String(error),
        ).toBe(true);
      },
    ),
    { numRuns: 1500 },
  );
});

/** What a call throws, if anything. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

const isUndefinedOrDnsError = (error: unknown): boolean => error === undefined || error instanceof DnsError;
