import type { KmsErrorCode } from '#kms/core/errors.ts';

/** The one map from the codes of the KMS to status codes. What is not in it is answered as an opaque 500. */
export const kmsStatuses: Readonly<Partial<Record<KmsErrorCode, number>>> = {
  'payload-invalid': 400,
  'wrong-state': 400,
  'wrong-operation': 400,
  'hash-invalid': 400,
  'algorithm-invalid': 400,
  'version-unknown': 400,
  'decryption-failed': 400,
  'import-invalid': 400,
  'export-not-allowed': 400,
  'rotation-not-allowed': 400,
  unauthenticated: 401,
  'feature-disabled': 403,
  'not-found': 404,
  'slug-conflict': 409,
  conflict: 409,
  'too-large': 413,
  'unsupported-media': 415,
  'rate-limited': 429,
  'region-unavailable': 503,
  overloaded: 503,
  closed: 503,
  'worker-lost': 503,
};
