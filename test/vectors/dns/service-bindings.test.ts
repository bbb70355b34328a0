import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hexOf, rdataOf } from '#test/support/dns.ts';

interface Vectors {
  readonly origin: string;
  readonly valid: readonly { readonly type: string; readonly text: string; readonly wire: string }[];
  readonly invalid: readonly string[];
}

const vectors = JSON.parse(readFileSync('fixtures/vectors/rfc9460-service-bindings.json', 'utf8')) as Vectors;

describe('service bindings of RFC 9460 appendix D', () => {
  test.each(vectors.valid)('$type $text', ({ type, text, wire }) => {
    expect(hexOf(rdataOf(type, text))).toBe(wire);
  });

  test.each(vectors.invalid)('%s is refused', (text) => {
    expect(() => rdataOf('SVCB', text)).toThrow('the service parameters are malformed');
  });
});
