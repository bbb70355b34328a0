import type { StoredKek, StoredWrappingKey } from '#kms/ports/crypto-provider.ts';

/** The wrapping key of a region with its public half. */
export interface RegionWrappingKey extends StoredWrappingKey {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
}

/** Holds what opens and wraps everything else. */
export interface MaterialStore {
  listKeks(): Promise<readonly StoredKek[]>;
  /** Keep the first key-encryption key; a later one is ignored, and the first is returned. */
  insertFirstKek(kek: StoredKek): Promise<StoredKek>;
  /** Replace the wrapped form of all key-encryption keys at once. @throws KmsError conflict when they are not those that are stored */
  replaceKeks(keks: readonly StoredKek[]): Promise<void>;
  /** Keep the first value of a setting; a later one is ignored, and the first is returned. */
  keepFirstSetting(name: string, value: string): Promise<string>;
  findWrappingKey(region: string): Promise<RegionWrappingKey | undefined>;
  /** Keep the first wrapping key of a region; a later one is ignored, and the first is returned. */
  insertFirstWrappingKey(key: RegionWrappingKey): Promise<RegionWrappingKey>;
}
