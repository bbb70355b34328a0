import { describe, expect, test } from 'vitest';
import { RateLimit } from '#dnssec/adapters/jobs/rate-limit.ts';
import { defaultRetries, waitAfter } from '#dnssec/adapters/jobs/retries.ts';
import { FakeClock } from '#test/support/fake-clock.ts';

describe('waits between attempts', () => {
  const waits = (random: number) =>
    [1, 2, 3, 4, 5, 6].map((attempt) => waitAfter(defaultRetries, attempt, () => random));

  test('each is four times the one before, and after the last attempt there is none', () => {
    expect(waits(0)).toEqual([2000, 8000, 32_000, 128_000, 512_000, undefined]);
  });

  test('chance makes each up to half longer, never shorter', () => {
    expect(waits(0.999_999)).toEqual([3000, 12_000, 48_000, 192_000, 768_000, undefined]);
  });
});

describe('a rate limit', () => {
  test('lets a second of work begin at once, and then so many a second', () => {
    const clock = new FakeClock();
    const limit = new RateLimit(10, clock);
    const begin = () => {
      const { tokens } = limit.available(100);
      for (let token = 0; token < tokens; token++) limit.take();
      return tokens;
    };
    expect(begin()).toBe(10);
    expect(begin()).toBe(0);
    expect(limit.available(1).wait).toBe(100);
    clock.advance(0.3);
    expect(begin()).toBe(3);
    clock.advance(3600);
    expect(begin()).toBe(10);
  });

  test('0 is no limit', () => {
    expect(new RateLimit(0, new FakeClock()).available(1000)).toEqual({ tokens: 1000, wait: 0 });
  });
});
