import { encodeHex } from '#lib/encoding.ts';
import type { Key, Scope } from '#kms/core/key.ts';
import type { KeyStore } from '#kms/ports/key-store.ts';
import type { Credential, Organisation, Region, TenantStore } from '#kms/ports/tenant-store.ts';

type Remembered = Pick<TenantStore, 'findOrganisation' | 'findRegion' | 'findCredential'> & Pick<KeyStore, 'findKey'>;

/** Things that are remembered of each kind. */
const most = 10_000;

/**
 * Remember what every call looks up, in front of a store that no other process changes: any change through it makes it
 * forget all of that kind. Not for a store that processes share, where a look-up is what keeps them from being stale.
 */
export function remembering<Store extends KeyStore & TenantStore>(store: Store): Store {
  const organisations = new Memory<Organisation>();
  const regions = new Memory<Region>();
  const credentials = new Memory<Credential>();
  const keys = new Memory<Key>();

  const lookUps: Remembered = {
    findOrganisation: (id) => organisations.get(id, () => store.findOrganisation(id)),
    findRegion: (id) => regions.get(id, () => store.findRegion(id)),
    async findCredential(hash, now) {
      const credential = await credentials.get(encodeHex(hash), () => store.findCredential(hash, now));
      return credential?.expiresAt !== undefined && credential.expiresAt <= now ? undefined : credential;
    },
    findKey: (scope, id) => keys.get(nameOf(scope, id), () => store.findKey(scope, id)),
  };
  return {
    ...store,
    ...lookUps,
    putOrganisation: (organisation) => organisations.forgetAfter(store.putOrganisation(organisation)),
    putRegion: (region) => regions.forgetAfter(store.putRegion(region)),
    putCredential: (credential, claim) => credentials.forgetAfter(store.putCredential(credential, claim)),
    revokeCredential: (identity, organisation, now) =>
      credentials.forgetAfter(store.revokeCredential(identity, organisation, now)),
    dropExpiredAccess: (before) => credentials.forgetAfter(store.dropExpiredAccess(before)),
    insertKey: (change) => keys.forgetAfter(store.insertKey(change)),
    updateKey: (change) => keys.forgetAfter(store.updateKey(change)),
  };
}

function nameOf({ organisation, region, project = '' }: Scope, id: string): string {
  return JSON.stringify([organisation, region, project, id]);
}

/** Values by name. What is not there is not remembered. */
class Memory<Value> {
  readonly #values = new Map<string, Value>();
  /** Grows with every change, so that a value that was read before it is not kept after it. */
  #generation = 0;

  async get(name: string, find: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const remembered = this.#values.get(name);
    if (remembered !== undefined) return remembered;
    const generation = this.#generation;
    const found = await find();
    if (found === undefined || generation !== this.#generation) return found;
    if (this.#values.size >= most) this.#values.clear();
    this.#values.set(name, found);
    return found;
  }

  /** Forget everything as soon as a change is under way, and again when it is over, however it ends. */
  async forgetAfter<Result>(change: Promise<Result>): Promise<Result> {
    this.#forget();
    try {
      return await change;
    } finally {
      this.#forget();
    }
  }

  #forget(): void {
    this.#generation += 1;
    this.#values.clear();
  }
}
