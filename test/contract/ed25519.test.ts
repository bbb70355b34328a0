import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { Ed25519Opener } from '#kms/adapters/provider-node-ed25519.ts';
import { makeSigner, type Signer } from '#kms/adapters/provider-node-sign.ts';
import { loadMaterial } from '#kms/core/key-material.ts';
import { keyTypeRow } from '#kms/core/key-types.ts';
import { chooseSignature } from '#kms/core/signature-choice.ts';
import { type Ed25519Check, makeEd25519Check } from '#lib/ed25519.ts';
import { loadLibsodium } from '#lib/libsodium.ts';
import { Packer, runOf } from '#lib/packed.ts';
import {
  add,
  base,
  challenge,
  integerOf,
  multiply,
  octetsOf,
  order,
  type Point,
  spellingsOf,
  torsion,
} from '#test/support/ed25519-points.ts';

/** @throws what the signer says is wrong */
function signatureBy(signer: Signer, input: Uint8Array): Uint8Array {
  const packer = new Packer();
  const fault = signer.sign(input, packer);
  if (fault !== undefined) throw fault;
  return runOf(packer.packed(), 0);
}

interface Implementation {
  readonly name: string;
  readonly checkOf: (publicKey: Uint8Array) => Ed25519Check;
  readonly signerOf: (pkcs8: Uint8Array) => Signer;
}

const loaded = loadLibsodium();
if ('reason' in loaded) throw new Error(`these tests need libsodium: ${loaded.reason}`);
const { libsodium } = loaded;
const opener = new Ed25519Opener(libsodium);
const row = keyTypeRow('ed25519');
const choice = chooseSignature(row, {});

function pairOf(pkcs8: Uint8Array) {
  const material = loadMaterial(row, pkcs8);
  if (material.kind !== 'pair') throw new Error('this is no pair');
  return material;
}

const implementations: readonly Implementation[] = [
  {
    name: 'libsodium',
    checkOf: (publicKey) => makeEd25519Check(publicKey, libsodium) as Ed25519Check,
    signerOf(pkcs8) {
      const material = pairOf(pkcs8);
      const ed25519 = opener.open(material, pkcs8);
      if (ed25519 === undefined) throw new Error('libsodium did not take the key');
      return makeSigner(row, { material, ed25519 }, choice);
    },
  },
  {
    name: 'node:crypto',
    checkOf(publicKey) {
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') };
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      return (message, signature) => verify(null, message, key, signature);
    },
    signerOf: (pkcs8) => makeSigner(row, { material: pairOf(pkcs8) }, choice),
  },
];

const pkcs8Of = (seed: string): Buffer => Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex');
const { ed25519: vectors } = JSON.parse(readFileSync('fixtures/vectors/dnssec-private-keys.json', 'utf8')) as {
  ed25519: readonly { name: string; seed: string; publicKey: string; message: string; signature: string }[];
};
const message = Buffer.from('signed data');

describe.each(implementations)('Ed25519 by $name', ({ checkOf, signerOf }) => {
  test.each(vectors)('signs and verifies RFC 8032 §7.1, $name', ({ seed, publicKey, message: hex, signature }) => {
    const [input, expected] = [Buffer.from(hex, 'hex'), Buffer.from(signature, 'hex')];
    const signer = signerOf(pkcs8Of(seed));
    expect(Buffer.from(signatureBy(signer, input))).toEqual(expected);
    expect(signer.verify(input, expected)).toBe(true);
    expect(checkOf(Buffer.from(publicKey, 'hex'))(input, expected)).toBe(true);
  });

  test('takes messages of any length, also as parts of larger buffers, and leaves them as they were', () => {
    const signer = signerOf(pkcs8Of('42'.repeat(32)));
    const whole = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
    for (const length of [0, 1, 63, 64, 65, 255, 65_535, 69_990]) {
      const [input, copy] = [whole.subarray(7, 7 + length), whole.slice(7, 7 + length)];
      const signature = signatureBy(signer, input);
      expect(signature).toHaveLength(64);
      const framed = Buffer.concat([Buffer.alloc(3, 1), signature, Buffer.alloc(3, 1)]).subarray(3, 67);
      expect([signer.verify(copy, framed), signer.verify(copy, signature)]).toEqual([true, true]);
      expect(input).toEqual(copy);
    }
  });

  test('takes a signature of 64 octets alone', () => {
    const signer = signerOf(pkcs8Of('42'.repeat(32)));
    const signature = signatureBy(signer, message);
    for (const length of [0, 1, 32, 63, 65, 128]) {
      const other = new Uint8Array(length);
      other.set(signature.subarray(0, length));
      expect(signer.verify(message, other)).toBe(false);
    }
  });

  test('refuses S that is not below the order', () => {
    const signer = signerOf(pkcs8Of('42'.repeat(32)));
    const signature = signatureBy(signer, message);
    for (let times = 1n; times < 8n; times++) {
      const raised = octetsOf(integerOf(signature.subarray(32)) + times * order);
      expect(signer.verify(message, Buffer.concat([signature.subarray(0, 32), raised]))).toBe(false);
    }
  });
});

interface Crafted {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly publicKeyIsSmall: boolean;
  readonly pointIsSmall: boolean;
  readonly isRightlySpelt: boolean;
  /** Whether S·B = R + h·A; with the cofactor, the equation holds for all that are crafted here. */
  readonly holdsExactly: boolean;
}

/** Keys a·B + i·T and points r·B + j·T in every spelling, with the S that fits but for T, which is of order 8. */
function craft(): Crafted[] {
  const multiples = Array.from({ length: 8 }, (_, index) => multiply(torsion, BigInt(index)));
  const spell = (scalar: bigint) =>
    multiples.flatMap((small, index) => {
      const point: Point = add(multiply(base, scalar), small);
      return spellingsOf(point).map((octets, spelling) => ({ scalar, index: BigInt(index), octets, spelling }));
    });
  const points = [0n, 1n, 2n, 3n, 4n, 5n, 6n].flatMap(spell);
  return [0n, 5n ** 90n % order].flatMap(spell).flatMap((key) =>
    points.map((point) => {
      const hash = challenge(point.octets, key.octets, message);
      return {
        publicKey: key.octets,
        signature: Buffer.concat([point.octets, octetsOf((point.scalar + hash * key.scalar) % order)]),
        publicKeyIsSmall: key.scalar === 0n,
        pointIsSmall: point.scalar === 0n,
        isRightlySpelt: key.spelling === 0 && point.spelling === 0,
        holdsExactly: (hash * key.index + point.index) % 8n === 0n,
      };
    }),
  );
}

describe('crafted keys and signatures', () => {
  let crafted: Crafted[];
  beforeAll(() => (crafted = craft()));

  test('are of every class', () => {
    const classes = new Set(
      crafted.map((one) =>
        [one.publicKeyIsSmall, one.pointIsSmall, one.isRightlySpelt, one.holdsExactly].map(Number).join(''),
      ),
    );
    // Only points of small order have a second spelling with a known discrete logarithm.
    expect([...classes].toSorted()).toEqual([
      '0010',
      '0011',
      '0100',
      '0101',
      '0110',
      '0111',
      '1000',
      '1001',
      '1010',
      '1011',
      '1100',
      '1101',
      '1110',
      '1111',
    ]);
  });

  test.each(implementations)(
    'verify by $name where the equation holds without the cofactor, and nothing is small',
    ({ checkOf }) => {
      const checks = new Map<Uint8Array, Ed25519Check>();
      for (const one of crafted) {
        const check = checks.get(one.publicKey) ?? checkOf(one.publicKey);
        checks.set(one.publicKey, check);
        const expected = one.holdsExactly && !one.publicKeyIsSmall && !one.pointIsSmall;
        expect([one, check(message, one.signature)]).toEqual([one, expected]);
      }
    },
  );
});

test('a check is made of 32 octets alone', () => {
  for (const length of [0, 31, 33]) expect(makeEd25519Check(new Uint8Array(length), libsodium)).toBeUndefined();
});

test('libsodium takes the private keys that OpenSSL writes', () => {
  const privateKey = createPrivateKey({ key: pkcs8Of('17'.repeat(32)), format: 'der', type: 'pkcs8' });
  const written = privateKey.export({ format: 'der', type: 'pkcs8' });
  expect(opener.open(pairOf(written), written)).toBeDefined();
});
