import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { element } from '#kms/core/der.ts';
import { hashRow } from '#kms/core/hash-algorithms.ts';
import { keyTypeRow, keyTypes, type EcdsaKeyType } from '#kms/core/key-types.ts';
import { importKey, makeKey, only, testProvider, utf8, type TestKey } from '#test/support/kms-crypto.ts';

/** The classes of cases of Project Wycheproof for ECDSA verification, made for keys of our own. */
const provider = testProvider();
afterAll(() => provider.close());

const rows = keyTypes.map(keyTypeRow).filter((row) => row.family === 'ecdsa');
const message = utf8('123400');

const toInteger = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

/** Spell an integer as DER does, negative ones included. */
function integer(value: bigint): Buffer {
  let length = 1;
  while (value < -(2n ** BigInt(8 * length - 1)) || value >= 2n ** BigInt(8 * length - 1)) length++;
  const unsigned = BigInt.asUintN(8 * length, value);
  return Buffer.from(unsigned.toString(16).padStart(2 * length, '0'), 'hex');
}

const tagged = (tag: number, ...content: Uint8Array[]): Buffer => Buffer.from(element(tag, ...content));
const der = (r: bigint, s: bigint): Buffer => tagged(0x30, tagged(0x02, integer(r)), tagged(0x02, integer(s)));
const digestOf = (row: EcdsaKeyType): Buffer =>
  createHash(hashRow(row.defaultHash ?? 'sha2-256').digest)
    .update(message)
    .digest();

/** Length octets in front of content, in the given spelling. */
const withLength = (tag: number, length: readonly number[], content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(tag, ...length), content]);

function badEncodings(r: bigint, s: bigint): Record<string, Buffer> {
  const [left, right] = [tagged(0x02, integer(r)), tagged(0x02, integer(s))];
  const body = Buffer.concat([left, right]);
  const size = body.length;
  const padded = (value: bigint): Buffer => tagged(0x02, Buffer.concat([Buffer.of(0), integer(value)]));
  return {
    'indefinite length': withLength(0x30, [0x80], Buffer.concat([body, Buffer.of(0, 0)])),
    'length in two octets': withLength(0x30, [0x82, size >> 8, size & 255], body),
    'length in five octets': withLength(0x30, [0x85, 0, 0, 0, 0, size], body),
    'length too big': withLength(0x30, [0x84, 0x7f, 0xff, 0xff, 0xff], body),
    'length too small': withLength(0x30, size < 128 ? [size - 1] : [0x81, size - 1], body),
    'octets appended': Buffer.concat([der(r, s), Buffer.of(0)]),
    'NULL appended': Buffer.concat([der(r, s), Buffer.of(5, 0)]),
    'octets appended inside': tagged(0x30, left, right, Buffer.of(0)),
    'NULL inside': tagged(0x30, left, right, Buffer.of(5, 0)),
    'NULL in front inside': tagged(0x30, Buffer.of(5, 0), left, right),
    'r is padded': tagged(0x30, padded(r), right),
    's is padded': tagged(0x30, left, padded(s)),
    'r is missing': tagged(0x30, right),
    's is missing': tagged(0x30, left),
    'r is twice there': tagged(0x30, left, left, right),
    'r is NULL': tagged(0x30, Buffer.of(5, 0), right),
    's is empty': tagged(0x30, left, Buffer.of(2, 0)),
    'r is a bit string': tagged(0x30, tagged(0x03, integer(r)), right),
    's is a boolean': tagged(0x30, left, Buffer.of(1, 1, 255)),
    's is a real of 0.25': tagged(0x30, left, Buffer.of(9, 3, 0x80, 0xfe, 1)),
    'r in long form': tagged(0x30, withLength(0x02, [0x81, integer(r).length], integer(r)), right),
    'the sequence is a set': tagged(0x31, left, right),
    'the sequence is in a sequence': tagged(0x30, der(r, s)),
    'nothing but a sequence': tagged(0x30),
    nothing: Buffer.alloc(0),
  };
}

function badNumbers(r: bigint, s: bigint, order: bigint): Record<string, Buffer> {
  return {
    'r is 0': der(0n, s),
    's is 0': der(r, 0n),
    'both are 0': der(0n, 0n),
    'both are 1': der(1n, 1n),
    'r is 1': der(1n, s),
    's is 1': der(r, 1n),
    'r is −1': der(-1n, s),
    's is −1': der(r, -1n),
    'r is the order': der(order, s),
    's is the order': der(r, order),
    'r is the order less 1': der(order - 1n, s),
    's is the order less 1': der(r, order - 1n),
    'r plus the order': der(r + order, s),
    's plus the order': der(r, s + order),
    'r less the order': der(r - order, s),
    's less the order': der(r, s - order),
    'r plus 2²⁵⁶ times the order': der(r + 2n ** 256n * order, s),
    's plus 2³²⁰': der(r, s + 2n ** 320n),
    '−r': der(-r, s),
    '−s': der(r, -s),
    'r and s exchanged': der(s, r),
    's of double size': der(r, s * order),
  };
}

describe.each(rows)('ECDSA verification with $type', (row) => {
  let key: TestKey;
  let [r, s] = [0n, 0n];
  const check = async (signature: Uint8Array): Promise<readonly boolean[]> => [
    only(await provider.verify(key, [{ input: message, signature }])),
    only(await provider.verify(key, [{ input: digestOf(row), signature }], { prehashed: true })),
  ];

  beforeAll(async () => {
    key = await makeKey(provider, row.type);
    const fixed = only(await provider.sign(key, [message], { marshalingAlgorithm: 'p1363' }));
    [r, s] = [toInteger(fixed.subarray(0, row.scalarBytes)), toInteger(fixed.subarray(row.scalarBytes))];
  });

  it('accepts the one right encoding, and the other s that the standard allows', async () => {
    expect(await check(der(r, s))).toEqual([true, true]);
    expect(await check(der(r, row.order - s))).toEqual([true, true]);
  });

  it('rejects every encoding that is not DER', async () => {
    const accepted: string[] = [];
    for (const [name, signature] of Object.entries(badEncodings(r, s))) {
      if ((await check(signature)).includes(true)) accepted.push(name);
    }
    expect(accepted).toEqual([]);
  });

  it('rejects every r and s out of range or changed', async () => {
    const accepted: string[] = [];
    for (const [name, signature] of Object.entries(badNumbers(r, s, row.order))) {
      if ((await check(signature)).includes(true)) accepted.push(name);
    }
    expect(accepted).toEqual([]);
  });

  it('rejects every truncation', async () => {
    const whole = der(r, s);
    const items = Array.from(whole, (_, length) => ({ input: message, signature: whole.subarray(0, length) }));
    expect(await provider.verify(key, items)).toEqual(items.map(() => false));
  });

  it('rejects r‖s of another length, out of range, or in DER', async () => {
    const fix = (left: bigint, right: bigint, size: number = row.scalarBytes): Buffer =>
      Buffer.from([left, right].map((value) => value.toString(16).padStart(2 * size, '0')).join(''), 'hex');
    const bad = [
      fix(0n, s),
      fix(r, 0n),
      fix(row.order, s),
      fix(r, row.order),
      fix(r, s, row.scalarBytes + 1),
      fix(r, s).subarray(1),
      fix(r, s).subarray(0, -1),
      Buffer.concat([fix(r, s), Buffer.of(0)]),
      der(r, s),
      Buffer.alloc(0),
    ];
    const p1363 = { marshalingAlgorithm: 'p1363' } as const;
    const items = bad.map((signature) => ({ input: message, signature }));
    expect(await provider.verify(key, items, p1363)).toEqual(items.map(() => false));
    expect(only(await provider.verify(key, [{ input: message, signature: fix(r, s) }], p1363))).toBe(true);
  });

  it('signs with scalars at the edges, whose public keys are ± the base point', async () => {
    const exported = await provider.export(key);
    const scalarAt = Buffer.from(exported.bytes).indexOf(Buffer.from([0x04, row.scalarBytes])) + 2;
    const curveOf = Buffer.from(exported.bytes);
    const oidAt = curveOf.indexOf(Buffer.from('06072a8648ce3d0201', 'hex')) + 9;
    const oid = curveOf.subarray(oidAt, oidAt + 2 + (curveOf[oidAt + 1] ?? 0));
    expect(scalarAt).toBeGreaterThan(oidAt);
    for (const scalar of [1n, 2n, row.order - 1n, row.order - 2n]) {
      const octets = Buffer.from(scalar.toString(16).padStart(2 * row.scalarBytes, '0'), 'hex');
      const sec1 = element(0x30, Buffer.from('020101', 'hex'), element(0x04, octets), element(0xa0, oid));
      const edge = await importKey(provider, row.type, sec1, { key: `kms-edge-${scalar}` });
      const plain = only(await provider.sign(edge, [message]));
      const prehashed = only(await provider.sign(edge, [digestOf(row)], { prehashed: true }));
      const items = [plain, prehashed].map((signature) => ({ input: message, signature }));
      expect(await provider.verify(edge, items)).toEqual([true, true]);
    }
  });

  it('signs digests at the edges of the order', async () => {
    const bits = BigInt(8 * digestOf(row).length);
    const digests = [1n, 2n, row.order - 1n, row.order + 1n, 2n ** bits - 1n, 2n ** (bits - 1n)]
      .filter((value) => value < 2n ** bits)
      .map((value) => Buffer.from(value.toString(16).padStart(Number(bits) / 4, '0'), 'hex'));
    const signatures = await provider.sign(key, digests, { prehashed: true });
    const items = digests.map((input, index) => ({ input, signature: signatures[index] as Uint8Array }));
    expect(await provider.verify(key, items, { prehashed: true })).toEqual(items.map(() => true));
  });
});
