import { describe, expect, it } from 'vitest';
import {
  composeTagged,
  parseBase64,
  parseKeyVersion,
  parseMarshalingAlgorithm,
  parseSignatureAlgorithm,
  parseTagged,
} from '#kms/core/formats.ts';
import { codeOf } from '#test/support/kms-crypto.ts';

describe('tagged strings', () => {
  it('carry the version in front of padded base64', () => {
    expect(composeTagged(3, Uint8Array.of(0xfb, 0xff))).toBe('thalassa:v3:+/8=');
    expect(composeTagged(3, Uint8Array.of(0xfb, 0xff), 'base64url')).toBe('thalassa:v3:-_8');
  });

  it('are taken with either prefix', () => {
    expect(parseTagged('thalassa:v12:AAE=', 'ciphertext')).toEqual({ version: 12, bytes: Buffer.of(0, 1) });
    expect(parseTagged('vault:v1:AAE=', 'ciphertext')).toEqual({ version: 1, bytes: Buffer.of(0, 1) });
    expect(parseTagged('thalassa:v1:-_8', 'signature', 'base64url').bytes).toEqual(Buffer.of(0xfb, 0xff));
  });

  it.each([
    ['no prefix', 'AAE='],
    ['another prefix', 'other:v1:AAE='],
    ['an upper-case prefix', 'Thalassa:v1:AAE='],
    ['no version', 'thalassa:AAE='],
    ['version 0', 'thalassa:v0:AAE='],
    ['a version with a leading zero', 'thalassa:v01:AAE='],
    ['a negative version', 'thalassa:v-1:AAE='],
    ['a version beyond all', 'thalassa:v9999999999:AAE='],
    ['an empty body', 'thalassa:v1:'],
    ['missing padding', 'thalassa:v1:AAE'],
    ['pad bits that are set', 'thalassa:v1:AAF='],
    ['the URL alphabet', 'thalassa:v1:-_8='],
    ['white space', 'thalassa:v1:AAE=\n'],
    ['a second colon', 'thalassa:v1:AAE=:AAE='],
    ['white space in front', ' thalassa:v1:AAE='],
  ])('are refused with %s', async (_, text) => {
    expect(await codeOf(() => parseTagged(text, 'ciphertext'))).toBe('payload-invalid');
  });

  it('are refused with padding or the standard alphabet where base64url is due', async () => {
    for (const body of ['-_8=', '+/8', '-_9', '']) {
      expect(await codeOf(() => parseTagged(`thalassa:v1:${body}`, 'signature', 'base64url'))).toBe('payload-invalid');
    }
  });
});

describe('key versions', () => {
  it('are taken with and without the v', () => {
    expect(parseKeyVersion('1')).toBe(1);
    expect(parseKeyVersion('v27')).toBe(27);
  });

  it.each(['', '0', 'v0', '-1', '1.0', '01', ' 1', '1 ', 'vv1', 'V1', 'latest', '1e3', '1234567890'])(
    'refuse %j',
    async (text) => {
      expect(await codeOf(() => parseKeyVersion(text))).toBe('payload-invalid');
    },
  );
});

describe('names and base64', () => {
  it('are refused when unknown, with the field in the message', async () => {
    expect(() => parseBase64('AAE', 'plaintext')).toThrow(/^plaintext /);
    expect(await codeOf(() => parseSignatureAlgorithm('PSS'))).toBe('algorithm-invalid');
    expect(await codeOf(() => parseMarshalingAlgorithm('der'))).toBe('algorithm-invalid');
    expect(parseSignatureAlgorithm('pkcs1v15')).toBe('pkcs1v15');
    expect(parseMarshalingAlgorithm('jws')).toBe('jws');
  });
});
