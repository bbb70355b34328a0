import { Buffer } from 'node:buffer';
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { composeContext, type Kek } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import { equalInConstantTime } from '#kms/core/key-material.ts';
import { decodeHex, encodeHex } from '#lib/encoding.ts';

/** Authenticates rows under keys that are derived from the key-encryption keys. */
export class Sealer {
  readonly #current: string;
  readonly #keys: ReadonlyMap<string, KeyObject>;

  constructor(keks: readonly Kek[]) {
    this.#current = keks[0]?.id ?? '';
    this.#keys = new Map(keks.map(({ id, key }) => [id, deriveSealKey(key)]));
  }

  /** Return the id of the key-encryption key (8 octets) ‖ HMAC-SHA-256. */
  seal(purpose: string, data: Uint8Array): Uint8Array {
    const seal = this.#sealUnder(this.#current, purpose, data);
    if (seal === undefined) throw new KmsError('internal', 'there is no key-encryption key to seal with');
    return seal;
  }

  isSealed(purpose: string, data: Uint8Array, seal: Uint8Array): boolean {
    const expected = this.#sealUnder(encodeHex(seal.subarray(0, 8)), purpose, data);
    return expected !== undefined && equalInConstantTime(expected, seal);
  }

  #sealUnder(id: string, purpose: string, data: Uint8Array): Uint8Array | undefined {
    const key = this.#keys.get(id);
    const prefix = decodeHex(id);
    if (key === undefined || prefix === undefined) return undefined;
    const hmac = createHmac('sha256', key).update(composeContext(purpose)).update(data).digest();
    return Buffer.concat([prefix, hmac]);
  }
}

function deriveSealKey(kek: KeyObject): KeyObject {
  const bytes = new Uint8Array(hkdfSync('sha256', kek, '', 'zoneseal row seal', 32));
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}
