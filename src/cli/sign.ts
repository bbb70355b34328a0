import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { checkedUse, choice, signingKeyTypes } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { addKmsOptions } from '#cli/kms-options.ts';
import { configOf, quietly } from '#cli/settings-options.ts';
import type { SignOptions } from '#cli/sign-file.ts';
import { UsageError } from '#cli/usage-error.ts';
import { startReadingInput } from '#cli/zone-input.ts';
import { serialPolicies } from '#dns/serial.ts';
import { signingPolicy, type ZoneSigningPolicy } from '#dnssec/operations/signing-options.ts';

const examples = `
Keys: without --key, --ksk and --zsk one key for the zone and algorithm is found in the KMS, or made on the first run
(with --split two of them: a KSK and a ZSK). KEY is an identity or slug, or KEY@VERSION[,VERSION] to pin versions;
without a version the newest and the one before it sign, so that a rotation breaks nothing.

The signed zone goes to stdout, or to --out, once all of it is signed and verified. On stderr: the DS records for the
parent, and remarks that begin with a semicolon.

Examples:
  zoneseal sign example.com.zone --out example.com.signed
  zoneseal sign db.example --origin example.com --denial nsec3 --serial unixtime --validity 30d > signed
  zoneseal sign example.com.zone --split --algorithm ed25519 --zonemd --out example.com.signed
  ZONESEAL_TOKEN=… zoneseal sign example.com.zone --kms https://kms.example --key kms-0123@2`;

/** Add `sign`: a master file in, a signed master file out. */
export function addSign(program: Command, context: CliContext): void {
  const command = program
    .command('sign')
    .description('sign a zone file with keys in the KMS')
    .argument('<ZONEFILE>', 'master file of the zone, - for stdin')
    .option('--origin <NAME>', 'what relative names are relative to, unless the file has $ORIGIN')
    .addOption(choice('algorithm <TYPE>', 'type of the key that is found or made', signingKeyTypes, 'ecdsa-p256'))
    .option('--key <KEY>', 'KMS key that signs everything (CSK)')
    .option('--ksk <KEY>', 'KMS key that signs the DNSKEY RRset')
    .option('--zsk <KEY>', 'KMS key that signs all the rest')
    .option('--split', 'find or make a KSK and a ZSK instead of one CSK')
    .addOption(choice('dnssec-algorithm <NUMBER>', 'for RSA keys: 8 is RSASHA256, 10 is RSASHA512', ['8', '10']))
    .addOption(choice('denial <KIND>', 'how the absence of names is proved', ['nsec', 'nsec3'], 'nsec'))
    .option('--opt-out', 'leave insecure delegations out of the NSEC3 chain')
    .option('--validity <DURATION>', 'from now to the expiration of signatures (default 14d)')
    .option('--inception-offset <DURATION>', 'how far before now signatures begin (default 1h)')
    .option('--jitter <DURATION>', 'spread of the expirations')
    .addOption(choice('serial <POLICY>', 'what becomes of the serial of the SOA', serialPolicies, 'keep'))
    .option('--zonemd', 'add a digest of the zone (ZONEMD)')
    .addOption(choice('verify <EXTENT>', 'which signatures are verified before they leave', ['all', 'sample'], 'all'))
    .option('--out <FILE>', 'file that the signed zone replaces, all at once')
    .addHelpText('after', examples);
  addKmsOptions(command);
  command.action(async (path: string, options: SignOptions) => {
    const policy = checkUse(options);
    const config = configOf(command, quietly(context.environment));
    // The zone is read in a thread of its own while this one loads the KMS and all that it needs.
    const reading = startReadingInput(path, options.origin);
    const [{ signFile }] = await Promise.all([import('#cli/sign-file.ts'), reading]);
    await using input = await reading;
    await signFile({ input, options, policy, config }, context);
  });
}

function checkUse(options: SignOptions): ZoneSigningPolicy {
  const { key, ksk, zsk, split, out } = options;
  const ways = [key !== undefined, ksk !== undefined || zsk !== undefined, split === true].filter(Boolean);
  if (ways.length > 1) throw new UsageError('--key, --ksk with --zsk, and --split exclude each other');
  if ((ksk === undefined) !== (zsk === undefined)) throw new UsageError('--ksk and --zsk go together');
  if (out !== undefined && statSync(out, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new UsageError(`--out: ${out} is a folder`);
  return checkedUse(() => signingPolicy(options));
}
