import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { utf8Bytes } from '#lib/bytes.ts';
import { decodeBase64Octets, encodeBase64Octets } from '#lib/encoding.ts';

describe('base64 in octets', () => {
  it('comes back as it went, as Node spells it', () => {
    for (let length = 0; length < 70; length++) {
      const secret = Uint8Array.from(randomBytes(length));
      const text = encodeBase64Octets(secret);
      expect(new TextDecoder().decode(text)).toBe(Buffer.from(secret).toString('base64'));
      expect(decodeBase64Octets(text)).toEqual(secret);
    }
  });

  it.each(['A', 'AA', 'AAA', 'AAAAA', 'AB==', 'AAB=', 'A===', '====', 'AA-_', 'AA A', 'AAA\n', 'AA==AAAA', 'AAÿA'])(
    'is refused as %j',
    (text) => {
      expect(decodeBase64Octets(utf8Bytes(text))).toBeUndefined();
    },
  );
});
