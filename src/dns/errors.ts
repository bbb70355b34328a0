import { ServiceError } from '#lib/errors.ts';

/** What can be wrong with DNS data; every message names the value and the rule it breaks. */
export type DnsErrorCode =
  | 'name-invalid'
  | 'type-invalid'
  | 'rdata-invalid'
  | 'rrset-invalid'
  | 'zone-file-invalid'
  | 'zone-file-include';

/** A fault in DNS data. In zone files `details` has `file`, `line` and `column` (1-based). */
export class DnsError extends ServiceError<DnsErrorCode> {}
