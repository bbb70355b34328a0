import type { Action } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import { getVersion, type Key } from '#kms/core/key.ts';
import { assertOperation, type CryptoOperation, type KeyTypeRow, keyTypeRow } from '#kms/core/key-types.ts';
import { assertUsable } from '#kms/core/life-cycle.ts';
import { auditedOnKey, type Caller, type KmsPorts } from '#kms/operations/context.ts';
import type { Outcome, StoredKeyVersion } from '#kms/ports/crypto-provider.ts';

/** Where a cryptographic call goes. */
export interface KeyAddress {
  readonly region: string;
  /** Identity or slug. */
  readonly id: string;
}

/** A cryptographic call on a key before it is let through. */
export interface KeyUse {
  readonly action: Action;
  /** What the key's type has to be able to do. */
  readonly operation: CryptoOperation;
  /** The version to use: a number, the latest when absent; `each` where every item names its own. */
  readonly version?: number | 'each' | undefined;
  readonly count: number;
  /** Microseconds of a core for one item. */
  readonly cost: (type: KeyTypeRow) => number;
  /** Further conditions on the key; throws what the caller is told. */
  readonly check?: (key: Key) => void;
}

/**
 * Let a cryptographic call through and carry it out: the key must be active, of a type that can do it, and have the
 * version; the caller must not ask for too much; and the audit log must have the event.
 *
 * @param drop for what changes nothing, which need not wait for the event: wipes a result that may not leave
 * @throws KmsError wrong-state, wrong-operation, version-unknown, rate-limited, audit-unavailable, not-found, …
 */
export async function useKey<Result>(
  ports: KmsPorts,
  caller: Caller,
  { region, id }: KeyAddress,
  use: KeyUse,
  carryOut: (key: Key, version: number) => Promise<Result>,
  drop?: (result: Result) => void,
): Promise<Result> {
  const { action, operation, version, count, cost, check } = use;
  return auditedOnKey(ports, caller, { region, key: id }, action, {
    check: (key) => {
      assertUsable(key);
      assertOperation(key.keyType, operation);
      check?.(key);
      ports.limiter.take(caller.principal, count * cost(keyTypeRow(key.keyType)));
      const used = version === 'each' ? {} : { version: getVersion(key, version).version };
      return count === 1 ? used : { ...used, count };
    },
    carryOut: ({ key }) => carryOut(key, getVersion(key, version === 'each' ? undefined : version).version),
    drop,
  });
}

/** Results of one key version, in the order of the inputs. */
export interface VersionOutcomes {
  readonly version: number;
  readonly outcomes: readonly Outcome<Uint8Array>[];
}

/** Inputs for one version of a key, the latest unless another is named. */
export interface VersionInputs {
  readonly inputs: readonly Uint8Array[];
  readonly version?: number | undefined;
}

/** Compute something of each input with one version of a key, which changes nothing. @throws KmsError what `useKey` throws */
export async function useVersion(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  use: Omit<KeyUse, 'version' | 'count'> & VersionInputs,
  compute: (version: StoredKeyVersion, inputs: readonly Uint8Array[]) => Promise<readonly Outcome<Uint8Array>[]>,
): Promise<VersionOutcomes> {
  const { inputs } = use;
  const carryOut = async (key: Key, version: number): Promise<VersionOutcomes> => ({
    version,
    outcomes: await compute(storedVersion(key, version), inputs),
  });
  return useKey(ports, caller, address, { ...use, count: inputs.length }, carryOut, ({ outcomes }) => wipe(outcomes));
}

/** An item that names the version that it is for, as every ciphertext, signature and HMAC does. */
export interface Versioned {
  readonly version: number;
}

/** Do something that changes nothing with items that each name the version that they are for. @throws KmsError what `useKey` throws */
export async function useEachVersion<Item extends Versioned, Result>(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  use: Omit<KeyUse, 'version' | 'count'> & { readonly items: readonly Item[] },
  carryOut: (version: StoredKeyVersion, items: readonly Item[], key: Key) => Promise<readonly Outcome<Result>[]>,
): Promise<readonly Outcome<Result>[]> {
  const { items } = use;
  const perItem = (key: Key) => perVersion(key, items, (version, group) => carryOut(version, group, key));
  return useKey(ports, caller, address, { ...use, version: 'each', count: items.length }, perItem, wipe);
}

function wipe(outcomes: readonly Outcome<unknown>[]): void {
  for (const outcome of outcomes) if (outcome instanceof Uint8Array) outcome.fill(0);
}

/**
 * Carry out items of several versions, those of each together, and give the outcomes in the order of the items. An item
 * of a version that the key does not have fails alone.
 */
export async function perVersion<Item extends Versioned, Result>(
  key: Key,
  items: readonly Item[],
  carryOut: (version: StoredKeyVersion, items: readonly Item[]) => Promise<readonly Outcome<Result>[]>,
): Promise<readonly Outcome<Result>[]> {
  const outcomes = new Map<Item, Outcome<Result>>();
  const groups = [...Map.groupBy(items, (item) => item.version)];
  await Promise.all(
    groups.map(async ([version, group]) => {
      const answers = key.versions.some((candidate) => candidate.version === version)
        ? await carryOut(storedVersion(key, version), group)
        : group.map(() => new KmsError('version-unknown', `key ${key.identity} has no version ${version}`));
      for (const [index, item] of group.entries()) outcomes.set(item, answers[index] ?? missing());
    }),
  );
  return items.map((item) => outcomes.get(item) ?? missing());
}

export function storedVersion(key: Key, version: number): StoredKeyVersion {
  const { organisation, region, project } = key.scope;
  return {
    ref: { organisation, region, project, key: key.identity, version, keyType: key.keyType },
    wrapped: getVersion(key, version).wrapped,
  };
}

function missing(): KmsError {
  return new KmsError('internal', 'the cryptography gave no answer');
}
