import type { Config } from '#app/config.ts';
import { checkedUse } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { openKmsSession } from '#cli/kms-session.ts';
import { openProgress, type Progress } from '#cli/progress.ts';
import type { ZoneInputReading } from '#cli/zone-input.ts';
import { openZoneOutput } from '#cli/zone-output.ts';
import type { SerialPolicy } from '#dns/serial.ts';
import { findOrCreateZoneKeys, parseKeyChoices } from '#dnssec/operations/choose-keys.ts';
import { sampledVerifier } from '#dnssec/operations/sampled-verifier.ts';
import type { SigningProgress } from '#dnssec/operations/sign-zone-text.ts';
import { signZoneText, summaryText } from '#dnssec/operations/sign-zone-text.ts';
import type { ZoneSigningPolicy } from '#dnssec/operations/signing-options.ts';
import { secondsOf } from '#lib/clock.ts';

/** The options of `sign`, as the command line gives them. */
export interface SignOptions {
  readonly region?: string;
  readonly origin?: string;
  readonly algorithm: string;
  readonly key?: string;
  readonly ksk?: string;
  readonly zsk?: string;
  readonly split?: boolean;
  readonly dnssecAlgorithm?: string;
  readonly denial?: 'nsec' | 'nsec3';
  readonly optOut?: boolean;
  readonly validity?: string;
  readonly inceptionOffset?: string;
  readonly jitter?: string;
  readonly serial?: SerialPolicy;
  readonly zonemd?: boolean;
  readonly verify: 'all' | 'sample';
  readonly out?: string;
}

/** What is to be signed, and how. */
export interface SignFileRequest {
  readonly input: ZoneInputReading;
  readonly options: SignOptions;
  readonly policy: ZoneSigningPolicy;
  readonly config: Config;
}

/** Sign a zone that is being read, with the KMS that the configuration names. @throws what `signZoneText` throws */
export async function signFile(request: SignFileRequest, context: CliContext): Promise<void> {
  const { input, options, policy, config } = request;
  await using session = await openKmsSession(config, options.region);
  const { dnssec, caller, region } = session;
  const { key: csk, ksk, zsk, dnssecAlgorithm: algorithm } = options;
  const isNamed = csk !== undefined || ksk !== undefined;
  const named = isNamed ? checkedUse(() => parseKeyChoices({ csk, ksk, zsk, algorithm })) : undefined;
  const number = algorithm === undefined ? undefined : Number(algorithm);
  const maker = dnssec.kms.keyMakerFor(caller, region);
  await using output = await openZoneOutput(options.out, context);
  using progress = await openProgress(context);
  const summary = await signZoneText(
    {
      source: input,
      policy,
      form: 'master',
      chooseKeys: async (apex) =>
        named ?? findOrCreateZoneKeys(apex, options.algorithm, options.split === true, maker, number),
      write: (octets) => output.write(octets),
      onProgress: showProgress(progress, input),
    },
    secondsOf(dnssec.clock),
    {
      signer: dnssec.kms.signerFor(caller, region),
      verifier: options.verify === 'all' ? dnssec.verifier : sampledVerifier(dnssec.verifier),
    },
  );
  progress[Symbol.dispose]();
  await output.finish();
  const { zone, serial, rrsets, signatures, keys, warnings } = summaryText(summary);
  for (const warning of warnings) context.stderr.write(`; warning: ${warning}\n`);
  context.stderr.write(`; ${zone} serial ${serial}: ${rrsets} RRsets, ${signatures} signatures\n`);
  for (const { keyTag, role, version, kmsKeyIdentity, ds } of keys) {
    context.stderr.write(`; key tag ${keyTag}: ${role.toUpperCase()}, version ${version} of ${kmsKeyIdentity}\n`);
    for (const line of ds) context.stderr.write(`${line.trimEnd()}\n`);
  }
}

function showProgress(progress: Progress, input: ZoneInputReading): (step: SigningProgress) => void {
  return ({ stage, done, total }) => {
    if (stage === 'reading') progress.show('reading', 'octets', input.octetsRead(), input.size);
    else progress.show('signing', 'RRsets', done, total);
  };
}
