import { ServiceError } from '#lib/errors.ts';

/** What can go wrong in the DNSSEC service. */
export type DnssecErrorCode =
  | 'request-invalid'
  | 'too-large'
  | 'overloaded'
  | 'zone-invalid'
  | 'key-invalid'
  | 'algorithm-unsupported'
  | 'key-tag-collision'
  | 'signature-invalid'
  | 'signing-refused'
  | 'unauthenticated'
  | 'not-found'
  | 'conflict'
  | 'kms-refused'
  | 'kms-unavailable';

export class DnssecError extends ServiceError<DnssecErrorCode> {}
