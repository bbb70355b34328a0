import type { Clock } from '#lib/clock.ts';
import { type Action, isAllowed, isMember, operationOf, type Principal } from '#kms/core/access.ts';
import type { AuditEvent, AuditedOperation, AuditOutcome } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { Key, Scope } from '#kms/core/key.ts';
import type { InvocationCounter } from '#kms/operations/invocation-counter.ts';
import type { KeyTurns } from '#kms/operations/key-turns.ts';
import { callCost, type RateLimiter } from '#kms/operations/rate-limiter.ts';
import type { AuditLog, WriteUnderWay } from '#kms/ports/audit-log.ts';
import type { CryptoProvider } from '#kms/ports/crypto-provider.ts';
import type { ForeignTokens } from '#kms/ports/foreign-tokens.ts';
import type { KeyStore } from '#kms/ports/key-store.ts';
import type { MaterialStore } from '#kms/ports/material-store.ts';
import type { Organisation, TenantStore } from '#kms/ports/tenant-store.ts';
import type { WebhookStore } from '#kms/ports/webhook-store.ts';

export type KmsStore = KeyStore & TenantStore & MaterialStore & WebhookStore;

/** What the operations work with. */
export interface KmsPorts {
  readonly store: KmsStore;
  readonly provider: CryptoProvider;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly limiter: RateLimiter;
  readonly invocations: InvocationCounter;
  readonly turns: KeyTurns;
  /** Tokens of another issuer, where one is trusted. */
  readonly foreignTokens?: ForeignTokens;
  /** Told after each change of a key, so that those who wait for events look again. */
  readonly onKeyEvent: () => void;
}

/** Who asks, and on whose behalf. */
export interface Caller {
  readonly principal: Principal;
  readonly organisation: string;
  readonly project?: string;
  readonly requestId?: string;
  readonly address?: string;
}

/** A call to a region, or to a key in it. */
export interface Target {
  readonly region: string;
  /** Identity or slug of a key. */
  readonly key?: string;
}

/** A call that was let through: its scope, in which the principal may do the action. */
export interface Authorised {
  readonly caller: Caller;
  readonly organisation: Organisation;
  readonly scope: Scope;
}

/** A call on a key that was let through. */
export interface AuthorisedKey extends Authorised {
  readonly key: Key;
}

/**
 * Decide whether a call may go on. What a caller may not know of is answered as if it did not exist.
 *
 * @throws KmsError not-found, feature-disabled, region-unavailable, rate-limited
 */
export async function authorise(ports: KmsPorts, caller: Caller, region: string, action: Action): Promise<Authorised> {
  const located = await locate(ports, caller, region);
  if (!mayDo(located, action)) throw notFound();
  return located;
}

/** Return a key of the caller's scope. @throws KmsError not-found and what `authorise` throws */
export async function getAuthorisedKey(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  action: Action,
): Promise<AuthorisedKey> {
  const located = await locate(ports, caller, region);
  // Looked up in any case, so that the time of the answer does not tell whether the key exists.
  const key = await ports.store.findKey(located.scope, id);
  if (key === undefined || !mayDo(located, action)) throw notFound();
  return { ...located, key };
}

async function locate(ports: KmsPorts, caller: Caller, region: string): Promise<Authorised> {
  ports.limiter.take(caller.principal, callCost);
  const organisation = await getOrganisation(ports, caller);
  if (!organisation.kmsEnabled) throw new KmsError('feature-disabled', 'KMS is not enabled for this organisation');
  const found = await ports.store.findRegion(region);
  if (found === undefined) throw notFound();
  if (!found.kmsAvailable) throw new KmsError('region-unavailable', `KMS is not available in region ${found.slug}`);
  const project = caller.project === undefined ? {} : { project: caller.project };
  return { caller, organisation, scope: { organisation: organisation.identity, region: found.identity, ...project } };
}

function mayDo({ caller, organisation }: Authorised, action: Action): boolean {
  return isAllowed(caller.principal, action, organisation.identity, caller.project);
}

/** Return the organisation that the caller speaks for. @throws KmsError not-found */
export async function getOrganisation({ store }: KmsPorts, { principal, organisation }: Caller): Promise<Organisation> {
  const found = await store.findOrganisation(organisation);
  if (found === undefined || !isMember(principal, found.identity)) throw notFound();
  return found;
}

/** What an event says besides who asked, for what, and when. */
export type EventFacts = Partial<Pick<AuditEvent, 'organisation' | 'key' | 'version' | 'count' | 'target' | 'region'>>;

/** The steps of an audited operation. */
export interface AuditedSteps<Decision, Result> {
  /** Returns what the rest needs, and the facts for the event; what it throws is a refusal. */
  readonly decide: () => Promise<{ readonly decision: Decision; readonly facts: EventFacts }>;
  readonly carryOut: (decision: Decision) => Promise<Result>;
  /**
   * Only for what changes nothing: given, `carryOut` runs while the event is written, and nothing of its result leaves
   * before it is. Where it cannot be written, the result comes here, for what is secret in it to be wiped.
   */
  readonly drop?: ((result: Result) => void) | undefined;
}

/**
 * Let a call through in three steps: `decide` whether it may go on, write the decision to the audit log, and `carryOut`
 * what it asks, which waits for the event unless it changes nothing; its result always does. A refusal is an event as
 * well, and so is a failure after the call was let through.
 *
 * @throws KmsError audit-unavailable: then nothing was changed, and nothing leaves
 */
export async function audited<Decision, Result>(
  ports: KmsPorts,
  caller: Caller,
  operation: AuditedOperation,
  target: EventFacts,
  { decide, carryOut, drop }: AuditedSteps<Decision, Result>,
): Promise<Result> {
  const begin = async (facts: EventFacts, outcome: AuditOutcome, code?: string): Promise<WriteUnderWay> => {
    const known = { ...target, ...facts };
    return ports.audit.begin({
      at: ports.clock.now(),
      operation,
      outcome,
      code,
      principal: caller.principal.identity,
      project: caller.project,
      requestId: caller.requestId,
      address: caller.address,
      ...known,
      organisation: known.organisation ?? (await identityOf(ports, caller.organisation)),
    });
  };
  const refuse = async (outcome: 'denied' | 'failed', facts: EventFacts, error: unknown): Promise<never> => {
    const { durable } = await begin(facts, outcome, error instanceof KmsError ? error.code : 'internal');
    await durable;
    throw error;
  };
  const { decision, facts } = await decide().catch((error: unknown) => refuse('denied', {}, error));
  const work = async () => carryOut(decision);
  const { durable } = await begin(facts, 'allowed');
  const [event, result] = await Promise.allSettled([durable, drop === undefined ? durable.then(work) : work()]);
  if (event.status === 'rejected') {
    if (result.status === 'fulfilled') drop?.(result.value);
    throw event.reason;
  }
  if (result.status === 'rejected') return refuse('failed', facts, result.reason);
  return result.value;
}

/** An organisation's events are found under its identity, also where the caller named it by its slug. */
async function identityOf({ store }: KmsPorts, organisation: string): Promise<string> {
  const found = organisation === '' ? undefined : await store.findOrganisation(organisation);
  return found?.identity ?? organisation;
}

/** The steps of a call on a key. */
export interface KeySteps<Result> extends Pick<AuditedSteps<AuthorisedKey, Result>, 'carryOut' | 'drop'> {
  /** Looks at the key's state and returns the facts for the event; what it throws is a refusal. */
  readonly check: (key: Key) => EventFacts;
}

/** The same for a call on a key, which is looked up and must be the caller's. */
export async function auditedOnKey<Result>(
  ports: KmsPorts,
  caller: Caller,
  target: Required<Target>,
  action: Action,
  { check, carryOut, drop }: KeySteps<Result>,
): Promise<Result> {
  return audited(ports, caller, operationOf(action), target, {
    decide: async () => {
      const decision = await getAuthorisedKey(ports, caller, target.region, target.key, action);
      return { decision, facts: { ...factsOf(decision), key: decision.key.identity, ...check(decision.key) } };
    },
    carryOut,
    drop,
  });
}

/** What the events of a call that was let through say of its place. */
export function factsOf({
  scope: { organisation, region },
}: Authorised): Required<Pick<AuditEvent, 'organisation'>> & EventFacts {
  return { organisation, region };
}

/** One answer for all that a caller does not find: what exists but is not for them looks the same. */
export function notFound(): KmsError {
  return new KmsError(
    'not-found',
    'there is no such key, region or organisation here, or the caller may not know of it',
  );
}
