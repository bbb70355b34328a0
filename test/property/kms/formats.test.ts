import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derFromP1363, p1363FromDer, placeP1363 } from '#kms/core/der.ts';
import { composeContext, openMaterial, sealMaterial } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import { composeTagged, parseTagged } from '#kms/core/formats.ts';
import { multiplyScalar } from '#kms/adapters/provider-node-scalar.ts';
import { keyTypeRow, keyTypes } from '#kms/core/key-types.ts';
import { testKek } from '#test/support/kms-crypto.ts';

const octets = (constraints: fc.IntArrayConstraints = {}) => fc.uint8Array(constraints);
const parts = fc.array(fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }), { maxLength: 6 });

function attempt<Result>(call: () => Result): Result | KmsError {
  try {
    return call();
  } catch (error) {
    if (error instanceof KmsError) return error;
    throw error;
  }
}

describe('formats', () => {
  it('a tagged string gives back its version and octets', () => {
    const encodings = fc.constantFrom('base64' as const, 'base64url' as const);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999_999_999 }),
        octets({ minLength: 1 }),
        encodings,
        (version, bytes, encoding) => {
          const parsed = parseTagged(composeTagged(version, bytes, encoding), 'x', encoding);
          expect(parsed.version).toBe(version);
          expect(Uint8Array.from(parsed.bytes)).toEqual(bytes);
        },
      ),
    );
  });

  it('any text either parses and composes back to itself, or is refused as a bad payload', () => {
    const nearly = fc.tuple(
      fc.constantFrom('thalassa:v', 'vault:v', ''),
      fc.nat(99),
      fc.constantFrom(':', ''),
      fc.base64String(),
    );
    const texts = fc.oneof(
      fc.string(),
      nearly.map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = attempt(() => parseTagged(text, 'x'));
        const refused = parsed instanceof KmsError;
        const shown = refused ? parsed.code : composeTagged(parsed.version, parsed.bytes);
        expect(shown).toBe(refused ? 'payload-invalid' : text.replace(/^vault/, 'thalassa'));
      }),
    );
  });

  it('contexts are the same only for the same parts', () => {
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        const same =
          JSON.stringify(left.map((part) => part ?? null)) === JSON.stringify(right.map((part) => part ?? null));
        expect(Buffer.from(composeContext(...left)).equals(composeContext(...right))).toBe(same);
      }),
    );
  });

  it('sealed material opens in its context and in no other', () => {
    const kek = testKek();
    fc.assert(
      fc.property(octets({ minLength: 1, maxLength: 200 }), octets(), octets(), (material, context, other) => {
        const blob = sealMaterial(kek, material, context);
        expect(Uint8Array.from(openMaterial(kek, blob, context))).toEqual(material);
        fc.pre(!Buffer.from(context).equals(other));
        expect(() => openMaterial(kek, blob, other)).toThrow(KmsError);
      }),
    );
  });
});

describe('ECDSA signatures', () => {
  it('come back from DER as they went', () => {
    const scalars = fc.constantFrom(32, 48, 66).chain((size) => octets({ minLength: 2 * size, maxLength: 2 * size }));
    fc.assert(
      fc.property(scalars, (fixed) => {
        const der = derFromP1363(fixed, fixed.length / 2) ?? new Uint8Array(0);
        expect(p1363FromDer(der, fixed.length / 2)).toEqual(fixed);
        const row = new Uint8Array(3 * fixed.length);
        expect(placeP1363(der, fixed.length / 2, row, fixed.length)).toBe(true);
        expect(row).toEqual(Uint8Array.from([...fixed.map(() => 0), ...fixed, ...fixed.map(() => 0)]));
      }),
    );
  });

  it('have one encoding: octets that are read are the octets that would be written', () => {
    const soup = octets({ maxLength: 20 }).map((tail) => Uint8Array.of(0x30, tail.length, 0x02, ...tail));
    fc.assert(
      fc.property(soup, (der) => {
        const fixed = p1363FromDer(der, 8);
        expect(fixed === undefined || Buffer.from(derFromP1363(fixed, 8) ?? []).equals(der)).toBe(true);
      }),
    );
  });
});

const toOctets = (value: bigint, length: number): Uint8Array =>
  Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');

describe('the product of scalars', () => {
  it.each(keyTypes.map(keyTypeRow).filter((row) => row.family === 'ecdsa'))(
    'is the one of ordinary arithmetic on $curve',
    ({ order, scalarBytes }) => {
      const near = fc.constantFrom(
        0n,
        1n,
        2n,
        order - 1n,
        order - 2n,
        order / 2n,
        2n ** 255n % order,
        32_767n,
        32_768n,
      );
      const scalars = fc.oneof(near, fc.bigInt({ min: 0n, max: order - 1n }));
      fc.assert(
        fc.property(scalars, scalars, (left, right) => {
          const product = multiplyScalar(toOctets(left, scalarBytes), right, order);
          expect(Buffer.from(product).equals(toOctets((left * right) % order, scalarBytes))).toBe(true);
        }),
        { numRuns: 500 },
      );
    },
  );
});
