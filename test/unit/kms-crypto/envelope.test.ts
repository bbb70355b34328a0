import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  composeContext,
  composeMaterialContext,
  composeWrappingKeyContext,
  kekIdOf,
  openMaterial,
  sealMaterial,
} from '#kms/core/envelope.ts';
import { invocationState, refuseAfterInvocations, rotateAfterInvocations } from '#kms/core/invocation-budget.ts';
import { codeOf, refOf, testKek } from '#test/support/kms-crypto.ts';

const kek = testKek();
const secret = randomBytes(32);
const context = composeMaterialContext(refOf('ed25519', { project: 'p-1' }));

describe('the envelope', () => {
  it('opens with the same key-encryption key and context', () => {
    const blob = sealMaterial(kek, secret, context);
    expect(kekIdOf(blob)).toBe(kek.id);
    expect(Buffer.from(openMaterial(kek, blob, context))).toEqual(secret);
  });

  it('never looks the same twice', () => {
    expect(sealMaterial(kek, secret, context)).not.toEqual(sealMaterial(kek, secret, context));
  });

  it.each([
    ['another organisation', { organisation: 'o-other' }],
    ['another region', { region: 'nl-02' }],
    ['another project', { project: 'p-2' }],
    ['no project', { project: undefined }],
    ['an empty project', { project: '' }],
    ['another key', { key: 'kms-other' }],
    ['another version', { version: 2 }],
    ['another type', { keyType: 'ecdsa-p256' as const }],
  ])('does not open for %s', async (_, changes) => {
    const blob = sealMaterial(kek, secret, context);
    const other = composeMaterialContext({ ...refOf('ed25519', { project: 'p-1' }), ...changes });
    expect(await codeOf(() => openMaterial(kek, blob, other))).toBe('material-damaged');
  });

  it('does not open as the wrapping key of a region', async () => {
    const blob = sealMaterial(kek, secret, composeWrappingKeyContext('nl-01'));
    expect(await codeOf(() => openMaterial(kek, blob, context))).toBe('material-damaged');
  });

  it('does not open with any octet changed, cut off or added', async () => {
    const blob = sealMaterial(kek, secret, context);
    for (let index = 0; index < blob.length; index++) {
      const changed = Uint8Array.from(blob);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(await codeOf(() => openMaterial(kek, changed, context))).toBe('material-damaged');
    }
    for (const length of [0, 1, 9, 21, 36, blob.length - 1]) {
      expect(await codeOf(() => openMaterial(kek, blob.slice(0, length), context))).toBe('material-damaged');
    }
    const longer = Buffer.concat([blob, Buffer.of(0)]);
    expect(await codeOf(() => openMaterial(kek, longer, context))).toBe('material-damaged');
  });

  it('does not open under another key-encryption key, whatever its id', async () => {
    const blob = sealMaterial(kek, secret, context);
    expect(await codeOf(() => openMaterial(testKek('0000000000000000', 7), blob, context))).toBe('material-damaged');
    expect(await codeOf(() => openMaterial(testKek(kek.id, 8), blob, context))).toBe('material-damaged');
  });
});

describe('the context', () => {
  it('keeps apart what would run together', () => {
    expect(composeContext('ab', 'c')).not.toEqual(composeContext('a', 'bc'));
    expect(composeContext('a', undefined, 'b')).not.toEqual(composeContext('a', 'b', undefined));
    expect(composeContext('a', '')).not.toEqual(composeContext('a', undefined));
    expect(composeContext('a', '')).not.toEqual(composeContext('a'));
  });

  it('refuses names that UTF-8 would make one', async () => {
    expect(await codeOf(() => composeContext('\ud800'))).toBe('internal');
  });
});

describe('the count of encryptions', () => {
  it('asks for a new version long before nonces repeat, and refuses later', () => {
    expect(invocationState(0)).toBe('free');
    expect(invocationState(rotateAfterInvocations)).toBe('rotate');
    expect(invocationState(refuseAfterInvocations)).toBe('refuse');
    expect(rotateAfterInvocations).toBeLessThan(2 ** 32 / 8);
    expect(refuseAfterInvocations).toBeLessThan(2 ** 32);
  });
});
