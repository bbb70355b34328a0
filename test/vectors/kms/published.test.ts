import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { element } from '#kms/core/der.ts';
import { composeMaterialContext, sealMaterial } from '#kms/core/envelope.ts';
import type { KeyType } from '#kms/core/key-types.ts';
import { importKey, only, refOf, testKek, testProvider } from '#test/support/kms-crypto.ts';

interface Vectors {
  readonly ed25519: { readonly cases: readonly Record<'secret' | 'public' | 'message' | 'signature', string>[] };
  readonly ecdsaP256: Readonly<Record<'secret' | 'message' | 'r' | 's', string>>;
  readonly aead: readonly ({ readonly keyType: KeyType } & Readonly<
    Record<'key' | 'nonce' | 'associatedData' | 'plaintext' | 'ciphertext' | 'tag', string>
  >)[];
  readonly hmac: readonly ({ readonly keyType: KeyType } & Readonly<Record<'key' | 'input' | 'hmac', string>>)[];
}

const file = new URL('../../../fixtures/vectors/kms.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const provider = testProvider();
afterAll(() => provider.close());

describe('published vectors', () => {
  it.each(vectors.ed25519.cases)('Ed25519 signs $message as in RFC 8032', async (vector) => {
    const pkcs8 = Buffer.concat([hex('302e020100300506032b657004220420'), hex(vector.secret)]);
    const key = await importKey(provider, 'ed25519', pkcs8);
    expect(key.publicKey?.export({ format: 'der', type: 'spki' }).subarray(-32)).toEqual(hex(vector.public));
    const signature = only(await provider.sign(key, [hex(vector.message)]));
    expect(Buffer.from(signature).toString('hex')).toBe(vector.signature);
  });

  it('ECDSA accepts the signature of RFC 6979, hashed and prehashed', async () => {
    const { secret, message, r, s } = vectors.ecdsaP256;
    const curve = hex('a00a06082a8648ce3d030107');
    const sec1 = element(0x30, hex('020101'), element(0x04, hex(secret)), curve);
    const key = await importKey(provider, 'ecdsa-p256', sec1);
    const signature = hex(r + s);
    const digest = createHash('sha256').update(hex(message)).digest();
    const options = { marshalingAlgorithm: 'p1363' } as const;
    expect(only(await provider.verify(key, [{ input: hex(message), signature }], options))).toBe(true);
    const prehashed = { ...options, prehashed: true };
    expect(only(await provider.verify(key, [{ input: digest, signature }], prehashed))).toBe(true);
    digest[0] = (digest[0] ?? 0) ^ 1;
    expect(only(await provider.verify(key, [{ input: digest, signature }], prehashed))).toBe(false);
  });

  it.each(vectors.aead)('$keyType decrypts the published ciphertext, and nothing near it', async (vector) => {
    const key = await importKey(provider, vector.keyType, hex(vector.key));
    const ciphertext = hex(vector.nonce + vector.ciphertext + vector.tag);
    const associatedData = hex(vector.associatedData);
    const plaintext = only(await provider.decrypt(key, [{ ciphertext, associatedData }]));
    expect(Buffer.from(plaintext).toString('hex')).toBe(vector.plaintext);
    const near = Array.from(ciphertext, (_, index) => {
      const changed = Uint8Array.from(ciphertext);
      changed[index] = (changed[index] ?? 0) ^ 0x80;
      return { ciphertext: changed, associatedData };
    });
    const outcomes = await provider.decrypt(key, near);
    expect(outcomes.every((outcome) => outcome instanceof Error)).toBe(true);
  });

  it.each(vectors.hmac)('$keyType makes the published HMAC', async (vector) => {
    const ref = refOf(vector.keyType);
    const wrapped = sealMaterial(testKek(), hex(vector.key), composeMaterialContext(ref));
    const hmac = only(await provider.hmac({ ref, wrapped }, [hex(vector.input)]));
    expect(Buffer.from(hmac).toString('hex')).toBe(vector.hmac);
  });
});
