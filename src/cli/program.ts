import { Command, CommanderError } from 'commander';
import { version } from '#app/version.ts';
import { ConfigError } from '#app/config.ts';
import { type CliContext, processContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { UsageError } from '#cli/usage-error.ts';
import { OutputError, outliveReader, writeOut } from '#cli/write-out.ts';
import { ServiceError } from '#lib/errors.ts';

/** How a command that ran tells that what it looked at is bad. */
type SetExitCode = (code: number) => void;

type AddCommand = (program: Command, context: CliContext, setExitCode: SetExitCode) => void;

/**
 * Every command, in the order of the help. A command is loaded when it is called, with all that it needs: the packages of
 * the whole service take longer to load than many a command runs.
 */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  serve: async () => (await import('#cli/serve.ts')).addServe,
  demo: async () => (await import('#cli/demo.ts')).addDemo,
  sign: async () => (await import('#cli/sign.ts')).addSign,
  verify: async () => (await import('#cli/verify.ts')).addVerify,
  export: async () => (await import('#cli/export.ts')).addExport,
  key: async () => (await import('#cli/key.ts')).addKey,
  queue: async () => (await import('#cli/queue.ts')).addQueue,
  policy: async () => (await import('#cli/policy.ts')).addPolicy,
  'foreign-keys': async () => (await import('#cli/foreign-keys.ts')).addForeignKeys,
  'zone-webhook': async () => (await import('#cli/zone-webhook.ts')).addZoneWebhook,
  token: async () => (await import('#cli/token.ts')).addToken,
  org: async () => (await import('#cli/tenancy.ts')).addOrg,
  region: async () => (await import('#cli/tenancy.ts')).addRegion,
  webhook: async () => (await import('#cli/webhook.ts')).addWebhook,
  audit: async () => (await import('#cli/audit.ts')).addAudit,
  'root-key': async () => (await import('#cli/root-key.ts')).addRootKey,
  backup: async () => (await import('#cli/backup.ts')).addBackup,
};

/** Load the command that is called, or all for the help and for a name that is none. */
function loadCommands([name = '']: readonly string[]): Promise<readonly AddCommand[]> {
  const called = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return Promise.all(called === undefined ? Object.values(commands).map((load) => load()) : [called()]);
}

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
  for (const add of await loadCommands(args)) add(program, context, (code) => (exitCode = code));
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
