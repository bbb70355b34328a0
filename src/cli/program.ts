import { Command, CommanderError } from 'commander';
import { version } from '#app/version.ts';
import { ConfigError } from '#app/config.ts';
import { addBackup } from '#cli/backup.ts';
import { addDemo } from '#cli/demo.ts';
import { addExport } from '#cli/export.ts';
import { type CliContext, processContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { addKey } from '#cli/key.ts';
import { addAudit } from '#cli/audit.ts';
import { addQueue } from '#cli/queue.ts';
import { addRootKey } from '#cli/root-key.ts';
import { addServe } from '#cli/serve.ts';
import { addSign } from '#cli/sign.ts';
import { addOrg, addRegion } from '#cli/tenancy.ts';
import { addToken } from '#cli/token.ts';
import { UsageError } from '#cli/usage-error.ts';
import { addVerify } from '#cli/verify.ts';
import { addWebhook } from '#cli/webhook.ts';
import { OutputError, outliveReader, writeOut } from '#cli/write-out.ts';
import { ServiceError } from '#lib/errors.ts';

/** How a command that ran tells that what it looked at is bad. */
type SetExitCode = (code: number) => void;

/** Every command, in the order of the help. */
const commands: readonly ((program: Command, context: CliContext, setExitCode: SetExitCode) => void)[] = [
  addServe,
  addDemo,
  addSign,
  addVerify,
  addExport,
  addKey,
  addQueue,
  addToken,
  addOrg,
  addRegion,
  addWebhook,
  addAudit,
  addRootKey,
  addBackup,
];

/**
 * Run the command line.
 *
 * @param args without the program and the script
 * @returns the exit code
 */
export async function runCommand(args: readonly string[], context: CliContext = processContext): Promise<number> {
  let exitCode: number = exitCodes.good;
  const program = new Command('zoneseal')
    .description('Sign DNS zones with keys that never leave a KMS.')
    .version(version)
    .helpCommand(false)
    .showHelpAfterError('(zoneseal --help shows how it is used)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    });
  outliveReader(context.stdout);
  for (const add of commands) add(program, context, (code) => (exitCode = code));
  try {
    await program.parseAsync([...args], { from: 'user' });
    await assertWritten(context);
    return exitCode;
  } catch (error) {
    return report(error, context);
  }
}

/** A reader that went away has read what it wanted; anything else that kept output back is a failure. */
async function assertWritten({ stdout }: CliContext): Promise<void> {
  try {
    await writeOut(stdout, '');
  } catch (error) {
    if (!(error instanceof OutputError && error.isReaderGone)) throw error;
  }
}

function report(error: unknown, { stderr }: CliContext): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.good : exitCodes.wrongUse;
  if (error instanceof ConfigError || error instanceof UsageError) {
    stderr.write(`zoneseal: ${error.message}\n`);
    return exitCodes.wrongUse;
  }
  if (error instanceof ServiceError || error instanceof OutputError) stderr.write(`zoneseal: ${error.message}\n`);
  else stderr.write(`zoneseal: internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCodes.bad;
}
