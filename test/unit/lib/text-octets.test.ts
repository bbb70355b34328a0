import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Octets } from '#lib/octets.ts';
import { textOf, TextOctets } from '#lib/text-octets.ts';

const octets = fc.uint8Array({ maxLength: 300 });
const stringOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1') as Octets;

test('base64 and hex are what Node makes of the same octets', () => {
  fc.assert(
    fc.property(octets, octets, (before, bytes) => {
      const value = stringOf(Buffer.concat([before, bytes]));
      expect(textOf((out) => out.base64(value, before.length, value.length))).toBe(
        Buffer.from(bytes).toString('base64'),
      );
      expect(textOf((out) => out.hex(value, before.length, value.length))).toBe(
        Buffer.from(bytes).toString('hex').toUpperCase(),
      );
    }),
  );
});

test('numbers are written in decimal', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => textOf((out) => out.number(value)) === String(value)));
  for (const value of [0, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 0xffff_ffff, 0x1_0000_0000])
    expect(textOf((out) => out.number(value))).toBe(String(value));
});

test('digits are written with zeros in front of them', () => {
  fc.assert(
    fc.property(fc.nat(999_999), (value) => {
      expect(textOf((out) => out.digits(value, 6))).toBe(String(value).padStart(6, '0'));
    }),
  );
});

test('texts of all lengths come out as they went in, whatever room there was', () => {
  const text = fc.string({ unit: 'grapheme-ascii', maxLength: 400 });
  fc.assert(
    fc.property(fc.nat(64), fc.array(text), (room, texts) => {
      const out = new TextOctets(room);
      for (const one of texts) {
        const length = out.length;
        out.text(`${one}#`);
        out.shorten(length);
        out.part(`<${one}>`, 1, one.length + 1);
        out.octet(0x2e);
      }
      expect(out.toString()).toBe(texts.map((one) => `${one}.`).join(''));
    }),
  );
});

test('what was taken stays as it is', () => {
  const out = new TextOctets(4);
  out.text('first');
  const taken = out.take();
  out.text('other');
  expect([stringOf(taken), out.toString()]).toEqual(['first', 'other']);
});
