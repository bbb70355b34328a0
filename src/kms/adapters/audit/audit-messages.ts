import type { AuditHead } from '#kms/core/audit-event.ts';
import type { AuditFilter } from '#kms/ports/audit-log.ts';

/** What the thread that answers requests and the one that writes the audit log tell each other. */

export type AuditCall =
  | { readonly kind: 'append'; readonly bodies: string }
  | { readonly kind: 'list'; readonly filter: AuditFilter; readonly after: number; readonly limit: number }
  | { readonly kind: 'verify'; readonly from: AuditHead; readonly limit: number }
  | { readonly kind: 'close' };

export type AuditAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: AuditFailure };

export interface AuditFailure {
  readonly code?: string;
  readonly message: string;
  /** For the log only. */
  readonly inner?: string;
}

/** Put bodies into one text, which is handed over in a fraction of the time that a list of them takes. */
export function joinBodies(bodies: readonly string[]): string {
  return bodies.join('\n'); // JSON without white space has no line break
}

export function splitBodies(text: string): readonly string[] {
  return text.split('\n');
}
