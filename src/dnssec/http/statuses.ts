import type { DnsErrorCode } from '#dns/errors.ts';
import type { DnssecErrorCode } from '#dnssec/core/errors.ts';

/** The one map from the codes of this module to status codes. */
export const dnssecStatuses: Readonly<Record<DnssecErrorCode | DnsErrorCode | 'duration-invalid', number>> = {
  'request-invalid': 400,
  'too-large': 413,
  overloaded: 503,
  'duration-invalid': 400,
  'name-invalid': 400,
  'type-invalid': 400,
  'rdata-invalid': 400,
  'rrset-invalid': 400,
  'zone-file-invalid': 400,
  'zone-file-include': 400,
  'zone-invalid': 422,
  'key-invalid': 422,
  'algorithm-unsupported': 422,
  'key-tag-collision': 409,
  'signature-invalid': 502,
  'signing-refused': 409,
  unauthenticated: 401,
  'not-found': 404,
  conflict: 409,
  'kms-refused': 502,
  'kms-unavailable': 503,
};
