import { type Action, operationOf } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import { type Key, latestVersion } from '#kms/core/key.ts';
import * as lifeCycle from '#kms/core/life-cycle.ts';
import {
  audited,
  type AuthorisedKey,
  type Caller,
  type EventFacts,
  factsOf,
  getAuthorisedKey,
  type KmsPorts,
} from '#kms/operations/context.ts';
import { getEarlierKey } from '#kms/operations/create-key.ts';
import { claimOf, findEarlier, orEarlier } from '#kms/operations/idempotency.ts';
import type { IdempotencyClaim } from '#lib/idempotency.ts';
import type { KeyChange } from '#kms/ports/key-store.ts';

/** How often a change is tried anew when another process was first. */
const attempts = 20;

/** A change of a key's state: the check that lets it pass, and the rule that makes it. */
interface Change {
  readonly action: Action;
  /** Facts for the audit log. Throws what the caller is told when the change cannot be made. */
  readonly check: (key: Key, now: number) => EventFacts;
  readonly rule: (key: Key, now: number) => lifeCycle.Transition | Promise<lifeCycle.Transition>;
  readonly claim?: IdempotencyClaim | undefined;
}

/**
 * Change a key's state. When another call changes the key at the same time, the rule is applied anew to what that call
 * left, so that no change is lost and none is made on stale grounds. A repeated request is answered with the key as it is,
 * whatever became of it since.
 */
async function change(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  { action, check, rule, claim }: Change,
): Promise<AuthorisedKey> {
  return audited(
    ports,
    caller,
    operationOf(action),
    { region, key: id },
    {
      decide: async () => {
        const authorised = await getAuthorisedKey(ports, caller, region, id, action);
        const identity = await findEarlier(ports, claim);
        const earlier = identity === undefined ? undefined : await getEarlierKey(ports, authorised, identity);
        const { key } = authorised;
        const changed =
          earlier === undefined ? check(key, ports.clock.now()) : { version: latestVersion(earlier).version };
        return { decision: { authorised, earlier }, facts: { ...factsOf(authorised), key: key.identity, ...changed } };
      },
      carryOut: async ({ authorised, earlier }) => {
        if (earlier !== undefined) return { ...authorised, key: earlier };
        const make = () => apply(ports, authorised, rule, claim);
        return { ...authorised, key: await ports.turns.run(authorised.key.identity, make) };
      },
    },
  );
}

async function apply(
  ports: KmsPorts,
  authorised: AuthorisedKey,
  rule: Change['rule'],
  claim: IdempotencyClaim | undefined,
): Promise<Key> {
  let current = authorised.key;
  for (let attempt = 1; ; attempt++) {
    const now = ports.clock.now();
    const { key, event } = await rule(current, now);
    if (event === undefined) return current;
    try {
      const update = () => store(ports, { key, event, at: now, claim });
      return await orEarlier(ports, claim, update, (identity) => getEarlierKey(ports, authorised, identity));
    } catch (error) {
      if (attempt === attempts || !(error instanceof KmsError) || error.code !== 'conflict') throw error;
      const again = await ports.store.findKey(current.scope, current.identity);
      if (again === undefined || again.objectVersion === current.objectVersion) throw error;
      current = again;
    }
  }
}

async function store(ports: KmsPorts, changed: KeyChange): Promise<Key> {
  const { key } = changed;
  await ports.store.updateKey(changed);
  if (key.status !== 'active') {
    ports.invocations.forget(key.identity);
    await ports.provider.forget({ key: key.identity });
  }
  ports.onKeyEvent();
  return key;
}

/** A change whose rule is pure, so that trying it out is the check. */
function pure(action: Action, rule: (key: Key, now: number) => lifeCycle.Transition): Change {
  const check = (key: Key, now: number): EventFacts => {
    rule(key, now);
    return {};
  };
  return { action, check, rule };
}

/** Give a key a new version, which is the latest from then on. @throws KmsError wrong-state, rotation-not-allowed, … */
export async function rotateKey(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  idempotencyKey?: string,
): Promise<AuthorisedKey> {
  return change(ports, caller, region, id, {
    action: 'Rotate',
    check: (key) => {
      lifeCycle.assertRotatable(key);
      return { version: latestVersion(key).version + 1 };
    },
    rule: (key, now) => addVersion(ports, key, now),
    claim: claimOf(caller, idempotencyKey, ['rotate', region, id]),
  });
}

/** Plan a key's next version. @throws KmsError wrong-state, rotation-not-allowed */
export async function addVersion({ provider }: KmsPorts, key: Key, now: number): Promise<lifeCycle.Transition> {
  lifeCycle.assertRotatable(key);
  const version = latestVersion(key).version + 1;
  const material = await provider.generate({ ...key.scope, key: key.identity, version, keyType: key.keyType });
  return lifeCycle.rotate(key, { version, createdAt: now, ...material }, now);
}

/** @throws KmsError wrong-state */
export async function disableKey(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<AuthorisedKey> {
  return change(ports, caller, region, id, pure('Disable', lifeCycle.disable));
}

/** @throws KmsError wrong-state */
export async function enableKey(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<AuthorisedKey> {
  return change(ports, caller, region, id, pure('Enable', lifeCycle.enable));
}

/** Start the 30 days after which the key is purged. */
export async function deleteKey(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<AuthorisedKey> {
  return change(ports, caller, region, id, pure('Delete', lifeCycle.scheduleDeletion));
}

/** @throws KmsError wrong-state, slug-conflict */
export async function cancelKeyDeletion(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
): Promise<AuthorisedKey> {
  return change(ports, caller, region, id, pure('CancelDeletion', lifeCycle.cancelDeletion));
}

/** @throws KmsError wrong-state, payload-invalid, rotation-not-allowed */
export async function changeKeyRotation(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  wanted: Parameters<typeof lifeCycle.changeRotation>[1],
): Promise<AuthorisedKey> {
  return change(
    ports,
    caller,
    region,
    id,
    pure('UpdateRotation', (key, now) => lifeCycle.changeRotation(key, wanted, now)),
  );
}
