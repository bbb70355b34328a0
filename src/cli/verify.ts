import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { checkedUse } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { UsageError } from '#cli/usage-error.ts';
import { openZoneInput } from '#cli/zone-input.ts';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { parseAnchors, verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import { parseCompactTime, parseInstant, secondsOf, systemClock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';

interface VerifyOptions {
  readonly origin?: string;
  readonly at?: string;
  readonly anchor?: string;
}

const examples = `
Checks contents, every signature, the denial of existence of every name and type, and the digest (ZONEMD); with
--anchor also that the chain begins at one of these DS or DNSKEY records. Every fault is a line on stdout.

Examples:
  zoneseal verify example.com.signed
  zoneseal verify root.zone --origin . --at 2026-01-31T12:00:00Z --anchor root-anchors.ds`;

/** Add `verify`: a signed master file in, its faults out. */
export function addVerify(program: Command, context: CliContext, setExitCode: (code: number) => void): void {
  program
    .command('verify')
    .description('verify a signed zone file')
    .argument('<SIGNED-ZONEFILE>', 'master file of the signed zone, - for stdin')
    .option('--origin <NAME>', 'what relative names are relative to, unless the file has $ORIGIN')
    .option('--at <TIME>', 'when signatures must be valid: RFC 3339, YYYYMMDDHHmmSS or Unix seconds (default now)')
    .option('--anchor <FILE>', 'master file with DS or DNSKEY records that are trusted')
    .addHelpText('after', examples)
    .action(async (path: string, { origin, at, anchor }: VerifyOptions) => {
      const seconds = at === undefined ? secondsOf(systemClock) : parseTime(at);
      const anchorText = anchor === undefined ? undefined : readAnchor(anchor);
      const source = await openZoneInput(path, origin);
      const anchors =
        anchorText === undefined ? [] : checkedUse(() => parseAnchors(anchorText, source.apex, anchor ?? ''));
      const verifier = createThreadVerifier();
      try {
        const outcome = await verifyZoneText(source, { at: seconds, anchors }, verifier);
        for (const { severity, owner, type, message } of outcome.faults) {
          context.stdout.write(`${severity}: ${[owner, type].filter(Boolean).join(' ')}: ${message}\n`);
        }
        const counts = `${outcome.records} records, ${outcome.signaturesChecked} signatures checked`;
        context.stdout.write(`${outcome.zone} is ${outcome.valid ? 'valid' : 'NOT valid'}: ${counts}\n`);
        setExitCode(outcome.valid ? exitCodes.good : exitCodes.bad);
      } finally {
        await verifier.close();
      }
    });
}

function parseTime(text: string): number {
  const milliseconds = parseInstant(text);
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : parseCompactTime(text);
  if (milliseconds !== undefined) return Math.floor(milliseconds / 1000);
  if (seconds !== undefined) return seconds;
  throw new UsageError(`--at: "${text}" is no time: write 2026-01-31T12:00:00Z, 20260131120000 or Unix seconds`);
}

function readAnchor(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw new UsageError(`--anchor: ${messageOf(error)}`, error);
  }
}
