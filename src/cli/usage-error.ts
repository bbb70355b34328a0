import { ServiceError } from '#lib/errors.ts';

/** The command line asks for something that cannot be: exit code 2. */
export class UsageError extends ServiceError<'wrong-use'> {
  constructor(message: string, cause?: unknown) {
    super('wrong-use', message, { cause });
  }
}
