import { totalmem } from 'node:os';
import { Tinypool } from 'tinypool';
import { DnssecError, type DnssecErrorCode } from '#dnssec/core/errors.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** A call of an operation on another thread. */
export interface ZoneThreadCall<Settings> {
  readonly settings: Settings;
  readonly verb: string;
  readonly args: readonly unknown[];
}

/** How it ended, with the zones that got new versions. */
export type ZoneThreadOutcome = { readonly published: readonly ManagedZone[] } & (
  | { readonly result: unknown }
  | { readonly error: { readonly code: string; readonly message: string; readonly details: object } }
);

export interface ZoneThreads {
  /** @throws DnssecError that the operation threw */
  readonly run: (verb: string, args: readonly unknown[]) => Promise<unknown>;
  close(): Promise<void>;
}

/** Zones that are worked through at a time; each may take much memory. */
const mostThreads = 2;
/** Milliseconds that a thread, and the memory of its last zone, are kept for the next one. */
const idleTimeout = 10_000;
/** The part of the machine's memory that a thread may take. */
const memoryPart = 0.4;

/**
 * Work through whole zones in threads that have their own connections to the database and to the KMS, and that start when
 * they are first needed.
 *
 * @param worker module whose default export takes a `ZoneThreadCall` and gives a `ZoneThreadOutcome`
 * @param settings can be copied to a thread
 * @param onPublished told of the versions that were published there
 */
export function createZoneThreads(
  worker: URL,
  settings: object,
  onPublished: (zone: ManagedZone) => void,
): ZoneThreads {
  const pool = new Tinypool({
    filename: worker.href,
    minThreads: 0,
    maxThreads: mostThreads,
    idleTimeout,
    resourceLimits: { maxOldGenerationSizeMb: Math.floor((totalmem() * memoryPart) / 2 ** 20) },
  });
  return {
    async run(verb, args) {
      const call: ZoneThreadCall<object> = { settings, verb, args };
      const outcome: ZoneThreadOutcome = await pool.run(call);
      outcome.published.forEach(onPublished);
      if ('result' in outcome) return outcome.result;
      const { code, message, details } = outcome.error;
      throw new DnssecError(code as DnssecErrorCode, message, { details: { ...details } });
    },
    close: () => pool.destroy(),
  };
}
