/**
 * Errors that cross a boundary. Every module has a closed set of codes; the message is safe for the caller to read,
 * `details` is for programs, `cause` goes to the log only.
 */
export interface ServiceErrorOptions {
  /** Facts for programs: a JSON pointer, a key id, a line and column. Never key material. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** A failure that the caller may be told about. Anything that is not one of these is answered as an opaque 500. */
export class ServiceError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: ServiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Return the message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
