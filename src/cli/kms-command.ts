import type { Command } from 'commander';
import { checkedUse } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { addKmsOptions } from '#cli/kms-options.ts';
import { openKmsSession } from '#cli/kms-session.ts';
import { printable } from '#cli/list-output.ts';
import { configOf, quietly } from '#cli/settings-options.ts';
import { UsageError } from '#cli/usage-error.ts';
import { type KmsClient, KmsClientError } from '#kms/client.ts';
import { parseKeyVersion } from '#kms/core/formats.ts';
import { ServiceError } from '#lib/errors.ts';

/** What every command of the KMS can be told besides its own options. */
export interface KmsCommandOptions {
  readonly region?: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** What the action of such a command works with. */
export interface KmsAction<Options> {
  readonly options: Options & KmsCommandOptions;
  /** The organisation on whose behalf the command runs. */
  readonly organisation: string;
  /**
   * Open the KMS, once and as late as can be: wrong use is told before anything is opened, made or asked.
   *
   * @throws what opening it throws
   */
  readonly connect: () => Promise<KmsClient>;
  /** Print a result: as JSON where that was asked for, or as `text` shows it to people. */
  readonly print: <Result>(result: Result, text: (result: Result) => string) => void;
}

/**
 * Give a command the options of the KMS, an example in its help, and an action.
 *
 * @param example the command line without `zoneseal`
 */
export function kmsCommand<Options extends object>(
  command: Command,
  context: CliContext,
  example: string,
  work: (action: KmsAction<Options>, ...args: string[]) => Promise<void>,
): void {
  addKmsOptions(command);
  command.option('--project <IDENTITY>', 'project of the keys, instead of the organisation itself');
  command.option('--json', 'print JSON');
  command.addHelpText('after', `\nExample:\n  zoneseal ${example}`);
  command.action(async (...given: unknown[]) => {
    const options = command.opts<Options & KmsCommandOptions>();
    const args = given.filter((argument): argument is string => typeof argument === 'string');
    const config = configOf(command, quietly(context.environment));
    await using opened = new AsyncDisposableStack();
    const connect = async () => opened.use(await openKmsSession(config, options.region, options.project)).client;
    const print: KmsAction<Options>['print'] = (result, text) => {
      context.stdout.write(options.json === true ? formatJson(result) : text(result));
    };
    try {
      await work({ options, organisation: config.organisation, connect, print }, ...args);
    } catch (error) {
      throw nameCommand(error, command, args[0]);
    }
  });
}

/** Say what a call was for whose answer says only why it failed. */
function nameCommand(error: unknown, command: Command, subject: string | undefined): unknown {
  if (!(error instanceof KmsClientError)) return error;
  const name = `${command.parent?.name() ?? ''} ${command.name()}`;
  const what = subject === undefined ? name : `${name} "${printable(subject)}"`;
  return new ServiceError(error.code, `${what}: ${error.message}`, { cause: error });
}

/** Format a result for programs. */
export function formatJson(result: unknown): string {
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/** Collect an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Read the number of a key version for a body or a query; none stays none. @throws UsageError */
export function versionOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : String(checkedUse(() => parseKeyVersion(text, '--key-version')));
}

/** Read a whole number of an option. @throws UsageError */
export function numberOf(option: string, text: string, least: number, most: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${option}: "${text}" is not a number from ${least} to ${most}`);
}
