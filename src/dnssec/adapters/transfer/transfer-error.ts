import { ServiceError } from '#lib/errors.ts';

/** Why a zone could not be had from another server. */
export type TransferErrorCode =
  | 'primary-unreachable'
  | 'primary-refused'
  | 'tsig-invalid'
  | 'transfer-malformed'
  | 'transfer-too-large'
  | 'transfer-too-slow'
  | 'transfer-ended';

/** A transfer that failed: nothing of what it gave may be used. `details.rcode` is set where the primary refused. */
export class TransferError extends ServiceError<TransferErrorCode> {}
