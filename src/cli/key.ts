import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { addCryptoCommands } from '#cli/key-crypto.ts';
import { addEvents } from '#cli/key-events.ts';
import { addDataKey, addKeyExport } from '#cli/key-export.ts';
import { addImport, addWrap } from '#cli/key-import.ts';
import { addLifeCommands } from '#cli/key-life.ts';
import { addCreate, addGet, addList, addPublicKey } from '#cli/key-read.ts';

/** Add `key` with all that can be done with keys. */
export function addKey(program: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const group = program.command('key').description('work with the keys of the KMS');
  addList(group, context);
  addGet(group, context);
  addCreate(group, context);
  addLifeCommands(group, context);
  addPublicKey(group, context);
  addCryptoCommands(group, context, setExitCode);
  addDataKey(group, context);
  addWrap(group, context);
  addImport(group, context);
  addKeyExport(group, context);
  addEvents(group, context);
}
