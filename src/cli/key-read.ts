import type { Command } from 'commander';
import { choice } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import {
  addNewKeyOptions,
  describeKey,
  describeKeys,
  newKeyOf,
  type NewKeyOptions,
  pairsOf,
  type ShownKey,
} from '#cli/key-forms.ts';
import { collect, kmsCommand, versionOf } from '#cli/kms-command.ts';
import { defaultKeyType, keyTypes } from '#kms/core/key-types.ts';

interface ListOptions {
  readonly name?: string;
  readonly status?: string;
  readonly label?: readonly string[];
}

/** Add `key list`. */
export function addList(group: Command, context: CliContext): void {
  const command = group.command('list').description('list keys');
  command.option('--name <NAME>', 'only keys of this name');
  command.option('--label <KEY=VALUE>', 'only keys with this label; may be given several times', collect);
  command.addOption(choice('status <STATUS>', 'only keys of this status', ['active', 'disabled', 'pending_deletion']));
  kmsCommand<ListOptions>(command, context, 'key list --status active', async ({ connect, options, print }) => {
    const query = new URLSearchParams();
    if (options.name !== undefined) query.set('name', options.name);
    if (options.status !== undefined) query.set('status', options.status);
    for (const [label, value] of Object.entries(pairsOf('--label', options.label ?? [])))
      query.set(`matchLabels[${label}]`, value);
    const client = await connect();
    print((await client.call('GET', `${client.keysPath()}?${query.toString()}`)) as ShownKey[], describeKeys);
  });
}

/** Add `key get`. */
export function addGet(group: Command, context: CliContext): void {
  const command = group.command('get').description('show a key').argument('<KEY>', 'identity or slug');
  kmsCommand(command, context, 'key get my-key', async ({ connect, print }, key = '') => {
    const client = await connect();
    print((await client.call('GET', client.keysPath(key))) as ShownKey, describeKey);
  });
}

/** Add `key create`. */
export function addCreate(group: Command, context: CliContext): void {
  const command = group.command('create').description('create a key').argument('<NAME>', '1 to 255 characters');
  command.addOption(choice('key-type <TYPE>', 'kind of key', keyTypes, defaultKeyType));
  addNewKeyOptions(command);
  const example = 'key create "My key" --key-type ecdsa-p256 --label team=dns --rotate-every 90';
  kmsCommand<NewKeyOptions>(command, context, example, async ({ connect, options, print }, name) => {
    const body = { name, ...newKeyOf(options) };
    const client = await connect();
    print((await client.call('POST', client.keysPath(), body)) as ShownKey, describeKey);
  });
}

interface PublicKeyOptions {
  readonly keyVersion?: string;
  readonly format?: string;
}

/** Add `key public-key`. */
export function addPublicKey(group: Command, context: CliContext): void {
  const command = group.command('public-key').description('print the public keys of all versions, or of one');
  command.argument('<KEY>', 'identity or slug');
  command.option('--key-version <N>', 'only this version');
  command.addOption(choice('format <FORMAT>', 'how to print them', ['pem', 'der', 'raw', 'jwk']));
  const example = 'key public-key my-key --key-version 1 --format pem';
  kmsCommand<PublicKeyOptions>(command, context, example, async ({ connect, options, print }, key = '') => {
    const query = new URLSearchParams();
    const version = versionOf(options.keyVersion);
    if (version !== undefined) query.set('version', version);
    if (options.format !== undefined) query.set('format', options.format);
    const client = await connect();
    const answer = await client.call('GET', `${client.keysPath(key)}/public-key?${query.toString()}`);
    print((answer as { readonly keys: Readonly<Record<string, string>> }).keys, (keys) =>
      Object.values(keys)
        .map((text) => `${text.trimEnd()}\n`)
        .join(''),
    );
  });
}
