import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { addKmsOptions, type KmsSession, openKmsSession } from '#cli/kms-session.ts';
import { configOf, quietly } from '#cli/settings-options.ts';

/** What every command of the KMS can be told besides its own options. */
export interface KmsCommandOptions {
  readonly region?: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** What the action of such a command works with. */
export interface KmsAction<Options> {
  readonly session: KmsSession;
  readonly options: Options & KmsCommandOptions;
  /** Print a result: as JSON where that was asked for, or as `text` shows it to people. */
  readonly print: <Result>(result: Result, text: (result: Result) => string) => void;
}

/** Give a command the options of the KMS, and an action that has a session open while it runs. */
export function kmsCommand<Options extends object>(
  command: Command,
  context: CliContext,
  work: (action: KmsAction<Options>, ...args: string[]) => Promise<void>,
): void {
  addKmsOptions(command);
  command.option('--project <IDENTITY>', 'project of the keys, instead of the organisation itself');
  command.option('--json', 'print JSON');
  command.action(async (...given: unknown[]) => {
    const options = command.opts<Options & KmsCommandOptions>();
    const args = given.filter((argument): argument is string => typeof argument === 'string');
    const config = configOf(command, quietly(context.environment));
    await using session = await openKmsSession(config, options.region, options.project);
    const print: KmsAction<Options>['print'] = (result, text) => {
      context.stdout.write(options.json === true ? `${JSON.stringify(result, undefined, 2)}\n` : text(result));
    };
    await work({ session, options, print }, ...args);
  });
}

/** Lay rows out in columns. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Collect an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
