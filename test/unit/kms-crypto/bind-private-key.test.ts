import { createECDH, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseMaterial } from '#kms/core/material-file.ts';
import { utf8 } from '#test/support/kms-crypto.ts';

const parse = (...lines: readonly string[]): KeyObject =>
  createPrivateKey({
    key: Buffer.from(parseMaterial(utf8(['Private-key-format: v1.3', ...lines, ''].join('\n')))),
    format: 'der',
    type: 'pkcs8',
  });

const base64 = (fromJwk = ''): string => Buffer.from(fromJwk, 'base64url').toString('base64');

describe('a private key as BIND keeps it', () => {
  it.each([
    ['13 (ECDSAP256SHA256)', 'prime256v1', 32],
    ['14 (ECDSAP384SHA384)', 'secp384r1', 48],
  ])('is read where its scalar begins with octets of zero, which are not written: %s', (algorithm, curve, size) => {
    for (let zeros = 0; zeros < 3; zeros++) {
      const scalar = Buffer.alloc(size, 0x5a);
      scalar.fill(0, 0, zeros);
      const pair = createECDH(curve);
      pair.setPrivateKey(scalar);
      const written = scalar.subarray(zeros).toString('base64');
      const {
        d,
        x = '',
        y = '',
      } = parse(`Algorithm: ${algorithm}`, `PrivateKey: ${written}`).export({ format: 'jwk' });
      expect(base64(d)).toBe(scalar.toString('base64'));
      expect(Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])).toEqual(
        pair.getPublicKey(),
      );
    }
  });

  it('is read with Ed25519, and with lines that end as on other systems', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const { d } = privateKey.export({ format: 'jwk' });
    expect(parse('Algorithm: 15 (ED25519)\r', `PrivateKey: ${base64(d)}\r`).equals(privateKey)).toBe(true);
  });

  it.each(['5 (RSASHA1)', '7', '8 (RSASHA256)', '10 (RSASHA512)'])('is read with RSA: %s', (algorithm) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const { n, e, d, p, q, dp, dq, qi } = privateKey.export({ format: 'jwk' });
    const numbers = { Modulus: n, PublicExponent: e, PrivateExponent: d, Prime1: p, Prime2: q, Exponent1: dp };
    const lines = Object.entries({ ...numbers, Exponent2: dq, Coefficient: qi });
    const key = parse(`Algorithm: ${algorithm}`, ...lines.map(([name, value]) => `${name}: ${base64(value)}`));
    expect(key.equals(privateKey)).toBe(true);
  });

  it.each([
    ['no algorithm', [], 'there is no line "Algorithm:"'],
    ['another algorithm', ['Algorithm: 16 (ED448)'], 'its DNSSEC algorithm, 16, is not one of 5, 7, 8, 10, 13, 14, 15'],
    ['an algorithm that is none', ['Algorithm: new'], 'Algorithm is not a number'],
    ['no key', ['Algorithm: 13'], 'there is no line "PrivateKey:"'],
    ['a part of an RSA key', ['Algorithm: 8', 'Modulus: AQAB'], 'there is no line "PublicExponent:"'],
    ['an empty number', ['Algorithm: 13', 'PrivateKey: '], 'PrivateKey must have 1 to 32 octets'],
    ['a long number', ['Algorithm: 13', `PrivateKey: ${'A'.repeat(48)}`], 'PrivateKey must have 1 to 32 octets'],
    ['what is no base64', ['Algorithm: 13', 'PrivateKey: AA-_'], 'PrivateKey is not base64'],
    ['base64 that is cut', ['Algorithm: 13', 'PrivateKey: AAAAA'], 'PrivateKey is not base64'],
    ['a short seed', ['Algorithm: 15', 'PrivateKey: AAAA'], 'must be a private key'],
  ])('is refused with %s, by name', (_, lines, reason) => {
    expect(() => parse(...lines)).toThrow(reason);
  });
});
