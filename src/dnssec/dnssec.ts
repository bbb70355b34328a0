import type { Clock } from '#lib/clock.ts';
import { connectKms } from '#dnssec/adapters/kms-signer.ts';
import { createThreadVerifier } from '#dnssec/adapters/verifier-threads.ts';
import type { SignatureVerifier } from '#dnssec/ports.ts';

export { createThreadVerifier } from '#dnssec/adapters/verifier-threads.ts';

export interface DnssecOptions {
  /** The KMS that signs: a base URL, or `unix:` and the path of a socket. */
  readonly kmsUrl: string;
  readonly clock: Clock;
  /** Threads that verify; default one for each core. */
  readonly verifierThreads?: number;
}

/** The DNSSEC service with its edges open: what the routes and the commands work with. */
export interface Dnssec {
  readonly kms: ReturnType<typeof connectKms>;
  readonly verifier: SignatureVerifier;
  readonly clock: Clock;
  close(): Promise<void>;
}

/** Open the DNSSEC service. The composition root of the module. */
export function openDnssec({ kmsUrl, clock, verifierThreads }: DnssecOptions): Dnssec {
  const verifier = createThreadVerifier(verifierThreads);
  return { kms: connectKms({ url: kmsUrl }), verifier, clock, close: () => verifier.close() };
}
