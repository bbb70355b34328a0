import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { DnssecError } from '#dnssec/core/errors.ts';
import { callerOf } from '#dnssec/http/caller.ts';
import type { Caller, Kms, KnownCaller } from '#dnssec/ports.ts';
import type { Clock } from '#lib/clock.ts';

/** A caller that the KMS knows. */
export interface ZoneCaller {
  readonly caller: Caller;
  readonly identity: string;
}

export type Wish = 'read' | 'write';

/** For so many milliseconds a caller counts as known without asking again: a revoked token is refused after that. */
const remembered = 2000;
const most = 10_000;

/** Knows who may read and write zones: the KMS has the tokens and their policies. */
export class ZoneCallers {
  readonly #kms: Pick<Kms, 'assertKnown'>;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly known: KnownCaller; readonly until: number }>();

  constructor(kms: Pick<Kms, 'assertKnown'>, clock: Clock) {
    this.#kms = kms;
    this.#clock = clock;
  }

  /** @throws DnssecError unauthenticated, not-found, request-invalid, kms-unavailable */
  async admit(request: FastifyRequest, wish: Wish): Promise<ZoneCaller> {
    const caller = callerOf(request);
    const { identity, policies, namedOrganisation = caller.organisation } = await this.#find(caller);
    const isAllowed =
      policies === undefined ||
      policies.includes('dns:FullAccess') ||
      (wish === 'read' && policies.includes('dns:ReadAccess'));
    if (!isAllowed) throw new DnssecError('not-found', 'there is no such zone, or the caller may not know of it');
    // By whatever name it is called, an organisation has its zones under its identity.
    return { caller: { ...caller, organisation: namedOrganisation }, identity };
  }

  /** Admit those who run the service: the queue has the zones of all organisations. @throws DnssecError as `admit` does */
  async admitOperator(request: FastifyRequest): Promise<void> {
    const { organisation, policies = [] } = await this.#find(callerOf(request));
    if (organisation === undefined && policies.includes('iam:FullAccess') && policies.includes('dns:FullAccess'))
      return;
    throw new DnssecError(
      'not-found',
      'this is for tokens with iam:FullAccess and dns:FullAccess that belong to no organisation',
    );
  }

  async #find(caller: Caller): Promise<KnownCaller> {
    const name = hash('sha256', JSON.stringify([caller.authorization, caller.organisation, caller.project]), 'base64');
    const now = this.#clock.now();
    const found = this.#known.get(name);
    if (found !== undefined && now < found.until && now >= found.until - remembered) return found.known;
    const known = await this.#kms.assertKnown(caller);
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(name, { known, until: now + remembered });
    return known;
  }
}
