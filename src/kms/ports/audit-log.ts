import type { AuditEvent, AuditHead, AuditRecord } from '#kms/core/audit-event.ts';

/** What events have to have; without an organisation, those of all of them are meant. */
export interface AuditFilter extends Partial<
  Pick<AuditEvent, 'organisation' | 'operation' | 'outcome' | 'key' | 'principal'>
> {
  /** Milliseconds since the epoch, inclusive. */
  readonly from?: number | undefined;
  /** Milliseconds since the epoch, exclusive. */
  readonly to?: number | undefined;
}

/** What a check of a part of the chain found. */
export interface AuditVerification {
  /** The last event that is sound. */
  readonly head: AuditHead;
  /** Whether `head` is the end of the log. */
  readonly isEnd: boolean;
  /** What is wrong with the next event, or with the end. */
  readonly fault?: string;
}

/**
 * Events in a chain of hashes, so that no event can be removed, changed or moved without a trace.
 *
 * - An `append` that resolves is durable. Events that wait while others are written share the next commit.
 * - `append` rejects with `audit-unavailable` when the event could not be written, and `overloaded` when too many wait;
 *   the caller must not go on.
 */
export interface AuditLog {
  append(event: AuditEvent): Promise<void>;
  /** Events with numbers above `after` that match, in order. */
  list(filter: AuditFilter, after: number, limit: number): Promise<readonly AuditRecord[]>;
  /** Check up to `limit` events that follow a head. */
  verify(from: AuditHead, limit: number): Promise<AuditVerification>;
  close(): Promise<void>;
}
