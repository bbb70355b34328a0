import { type Command, Option } from 'commander';
import { type Config, readConfig } from '#app/config.ts';
import type { CliContext } from '#cli/context.ts';
import { type Setting, type SettingName, settings } from '#app/settings.ts';

/** Add the flags of these settings to a command, with their variables and defaults in its help. */
export function addSettings(command: Command, names: readonly SettingName[]): void {
  for (const name of names) {
    const setting: Setting = settings[name];
    if (setting.flag === undefined) continue;
    const origin = [`$${setting.variable}`, ...(setting.default === undefined ? [] : [`default ${setting.default}`])];
    command.addOption(new Option(`--${setting.flag} <value>`, `${setting.summary} (${origin.join(', ')})`));
  }
}

/**
 * Read the configuration of a command that has flags for settings.
 *
 * @throws ConfigError setting-invalid
 */
export function configOf(command: Command, environment: CliContext['environment']): Config {
  const flags: Partial<Record<SettingName, string>> = {};
  for (const [name, setting] of Object.entries(settings) as [SettingName, Setting][]) {
    const option = command.options.find(({ long }) => long === `--${setting.flag}`);
    const value: unknown = option && command.getOptionValue(option.attributeName());
    if (typeof value === 'string') flags[name] = value;
  }
  return readConfig(environment, flags);
}

/** The environment of a command that runs to its end: it logs only what is broken, unless it is told otherwise. */
export function quietly(environment: CliContext['environment']): CliContext['environment'] {
  return { [settings.logLevel.variable]: 'error', ...environment };
}
