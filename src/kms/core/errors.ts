import { ServiceError } from '#lib/errors.ts';

/**
 * Every way in which the KMS refuses or fails. The HTTP layer has the one map from these to status codes; the groups
 * below are the groups of that map.
 */
export type KmsErrorCode =
  // 400: the request can never succeed as it is
  | 'payload-invalid'
  | 'wrong-state'
  | 'wrong-operation'
  | 'hash-invalid'
  | 'algorithm-invalid'
  | 'version-unknown'
  | 'decryption-failed'
  | 'import-invalid'
  | 'export-not-allowed'
  | 'rotation-not-allowed'
  | 'invocations-exhausted'
  // 401, 403, 404, 409
  | 'unauthenticated'
  | 'feature-disabled'
  | 'forbidden'
  | 'not-found'
  | 'slug-conflict'
  | 'conflict'
  // 413, 415, 429
  | 'too-large'
  | 'unsupported-media'
  | 'rate-limited'
  // 500: opaque to the caller
  | 'internal'
  | 'material-damaged'
  | 'row-damaged'
  // 503: worth another try, or another region
  | 'region-unavailable'
  | 'overloaded'
  | 'closed'
  | 'worker-lost'
  | 'audit-unavailable'
  | 'issuer-unavailable'
  // these stop the start and never reach a caller
  | 'root-key-missing'
  | 'root-key-invalid'
  | 'root-key-wrong';

/** A failure of the KMS that its caller, or its operator at the start, may be told about. */
export class KmsError extends ServiceError<KmsErrorCode> {}
