import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import type { SigningKey } from '#dnssec/core/managed/signing-state.ts';
import { describeZoneKeys } from '#dnssec/operations/zone-keys.ts';
import type { Signer } from '#dnssec/ports.ts';

/** Zones whose keys are remembered. */
const most = 20_000;

/** Remembers the public halves of the keys that sign zones: a version of a key never changes. */
export class ZoneKeyCache {
  readonly #keys = new Map<string, ZoneKey>();

  /** @throws DnssecError key-invalid, not-found, kms-refused, kms-unavailable */
  async get(keys: readonly SigningKey[], signer: Signer): Promise<ZoneKey[]> {
    return Promise.all(
      keys.map(async (key) => {
        const name = `${key.keyId} ${key.version} ${key.role} ${key.algorithm}`;
        let found = this.#keys.get(name);
        if (found === undefined) {
          found = await this.#load(key, signer);
          if (this.#keys.size >= most) this.#keys.clear();
          this.#keys.set(name, found);
        }
        if (found.keyTag !== key.keyTag)
          throw new DnssecError(
            'key-invalid',
            `KMS key ${key.keyId} version ${key.version} has changed its public key`,
          );
        return found;
      }),
    );
  }

  async #load({ keyId, version, role, algorithm }: SigningKey, signer: Signer): Promise<ZoneKey> {
    const [key] = await describeZoneKeys(signer, [{ keyId, versions: [version], role, algorithm }]);
    if (key === undefined) throw new DnssecError('key-invalid', `KMS key ${keyId} has no version ${version}`);
    return key;
  }
}
