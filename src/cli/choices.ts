import { Option } from 'commander';
import { UsageError } from '#cli/usage-error.ts';
import { ServiceError } from '#lib/errors.ts';

/** KMS key types that sign zones. */
export const signingKeyTypes = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const;

/** Make an option that takes one of some words. */
export function choice(flag: string, description: string, choices: readonly string[], standard?: string): Option {
  const option = new Option(`--${flag}`, description).choices([...choices]);
  return standard === undefined ? option : option.default(standard);
}

/** Run what only depends on the command line: what it refuses is wrong use. */
export function checkedUse<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw error instanceof ServiceError && !(error instanceof UsageError)
      ? new UsageError(error.message, error)
      : error;
  }
}
