import { describe, expect, test } from 'vitest';
import { addToSerial, isSerialGreater, nextSerial } from '#dns/serial.ts';

describe('serial number arithmetic (RFC 1982 §3)', () => {
  test('greater wraps around', () => {
    expect(isSerialGreater(1, 0)).toBe(true);
    expect(isSerialGreater(0, 0xffffffff)).toBe(true);
    expect(isSerialGreater(0xffffffff, 0)).toBe(false);
    expect(isSerialGreater(5, 5)).toBe(false);
  });

  test('serials 2^31 apart are not comparable', () => {
    expect(isSerialGreater(0x80000000, 0)).toBe(false);
    expect(isSerialGreater(0, 0x80000000)).toBe(false);
  });

  test('addition wraps around', () => {
    expect(addToSerial(0xffffffff, 2)).toBe(1);
  });
});

describe('policies', () => {
  const noon = Date.UTC(2026, 10, 24, 12) / 1000;

  test('keep stands still and increment adds one', () => {
    expect(nextSerial(7, 'keep', noon)).toBe(7);
    expect(nextSerial(0xffffffff, 'increment', noon)).toBe(0);
  });

  test('unixtime takes the clock, datecounter the day', () => {
    expect(nextSerial(1, 'unixtime', noon)).toBe(noon);
    expect(nextSerial(1, 'datecounter', noon)).toBe(2026112400);
  });

  test('neither goes back when the serial is ahead of the clock', () => {
    expect(nextSerial(noon, 'unixtime', noon)).toBe(noon + 1);
    expect(nextSerial(noon + 100, 'unixtime', noon)).toBe(noon + 101);
    expect(nextSerial(2026112400, 'datecounter', noon)).toBe(2026112401);
    expect(nextSerial(2026112499, 'datecounter', noon)).toBe(2026112500);
  });
});
