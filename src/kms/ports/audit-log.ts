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

/** What is on its way to the disk. */
export interface WriteUnderWay {
  /** Resolves when it is there. */
  readonly durable: Promise<void>;
}

/**
 * Events in a chain of hashes, so that no event can be removed, changed or moved without a trace.
 *
 * - An `append` that resolves is durable. Events that wait while others are written share the next commit.
 * - `begin` resolves as soon as the event is being written, in the same turn of the event loop for all that share the
 *   commit, so that the caller may work meanwhile.
 * - Both reject with `overloaded` when too many wait. An event that could not be written rejects `append`, or `durable`,
 *   with `audit-unavailable`; the caller must then change nothing and give out nothing.
 */
export interface AuditLog {
  append(event: AuditEvent): Promise<void>;
  begin(event: AuditEvent): Promise<WriteUnderWay>;
  /** Events with numbers above `after` that match, in order. */
  list(filter: AuditFilter, after: number, limit: number): Promise<readonly AuditRecord[]>;
  /** Check up to `limit` events that follow a head. */
  verify(from: AuditHead, limit: number): Promise<AuditVerification>;
  close(): Promise<void>;
}
