import type { Command } from 'commander';
import { addSettings } from '#cli/settings-options.ts';

/** Add the options of a command that works with keys. */
export function addKmsOptions(command: Command): void {
  addSettings(command, ['kmsUrl', 'organisation', 'dataDirectory', 'rootKeyFile']);
  command.option('--region <value>', 'region of the keys (default: the first of $ZONESEAL_REGIONS)');
}
