import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { daysOf, describeKey, newKeyOf, type NewKeyOptions, type ShownKey } from '#cli/key-forms.ts';
import { addCryptoCommands } from '#cli/key-crypto.ts';
import { addMaterialCommands } from '#cli/key-material.ts';
import { collect, formatTable, kmsCommand } from '#cli/kms-command.ts';
import { UsageError } from '#cli/usage-error.ts';
import { keyTypes } from '#kms/core/key-types.ts';
import { choice } from '#cli/choices.ts';

/** Add `key` with all that can be done with keys. */
export function addKey(program: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const group = program.command('key').description('work with the keys of the KMS');
  addLifeCommands(group, context);
  addCryptoCommands(group, context, setExitCode);
  addMaterialCommands(group, context);
  addEvents(group, context);
}

function addLifeCommands(group: Command, context: CliContext): void {
  const list = group.command('list').description('list keys');
  list.option('--name <NAME>', 'only keys of this name');
  list.addOption(choice('status <STATUS>', 'only keys of this status', ['active', 'disabled', 'pending_deletion']));
  kmsCommand<{ name?: string; status?: string }>(list, context, async ({ session: { client }, options, print }) => {
    const query = new URLSearchParams();
    if (options.name !== undefined) query.set('name', options.name);
    if (options.status !== undefined) query.set('status', options.status);
    const keys = (await client.call('GET', `${client.keysPath()}?${query.toString()}`)) as ShownKey[];
    print(keys, (shown) =>
      formatTable([
        ['IDENTITY', 'NAME', 'TYPE', 'STATUS', 'VERSION'],
        ...shown.map((key) => [key.identity, key.name, key.keyType, key.status, String(key.latestVersion)]),
      ]),
    );
  });

  const create = group.command('create').description('create a key').argument('<NAME>', '1 to 255 characters');
  create.addOption(choice('type <TYPE>', 'kind of key', keyTypes, 'aes256-gcm96'));
  create.option('--description <TEXT>', 'what it is for');
  create.option('--label <KEY=VALUE>', 'label; may be given several times', collect);
  create.option('--exportable', 'let its material be exported');
  create.option('--rotate-every <DAYS>', 'rotate it by itself');
  kmsCommand<NewKeyOptions>(create, context, async ({ session: { client }, options, print }, name) => {
    const key = await client.call('POST', client.keysPath(), { name, ...newKeyOf(options) });
    print(key as ShownKey, describeKey);
  });

  const onKey = (name: string, description: string) =>
    group.command(name).description(description).argument('<KEY>', 'identity or slug');
  kmsCommand(onKey('get', 'show a key'), context, async ({ session: { client }, print }, key = '') => {
    print((await client.call('GET', client.keysPath(key))) as ShownKey, describeKey);
  });
  for (const [name, method, path, description] of [
    ['rotate', 'POST', '/rotate', 'give a key a new version'],
    ['disable', 'POST', '/disable', 'let nobody use a key'],
    ['enable', 'POST', '/enable', 'let a disabled key be used again'],
    ['delete', 'DELETE', '', 'delete a key after 30 days'],
    ['cancel-deletion', 'DELETE', '/cancel-deletion', 'keep a key that waits for its deletion'],
  ] as const) {
    kmsCommand(onKey(name, description), context, async ({ session: { client }, print }, key = '') => {
      print((await client.call(method, `${client.keysPath(key)}${path}`)) as ShownKey, describeKey);
    });
  }

  const rotation = onKey('rotation', 'change the automatic rotation of a key');
  rotation.option('--every <DAYS>', 'rotate it every so many days');
  rotation.option('--off', 'rotate it no more by itself');
  kmsCommand<{ every?: string; off?: boolean }>(
    rotation,
    context,
    async ({ session: { client }, options, print }, key = '') => {
      if ((options.every === undefined) === (options.off === undefined))
        throw new UsageError('say either --every DAYS or --off');
      const body =
        options.every === undefined
          ? { keyRotationEnabled: false }
          : { keyRotationEnabled: true, rotationPeriodInDays: daysOf(options.every) };
      print((await client.call('PATCH', `${client.keysPath(key)}/rotation`, body)) as ShownKey, describeKey);
    },
  );

  const publicKey = onKey('public-key', 'print the public keys of all versions, or of one');
  publicKey.option('--key-version <N>', 'only this version');
  publicKey.addOption(choice('format <FORMAT>', 'how to print them', ['pem', 'der', 'raw', 'jwk']));
  kmsCommand<{ keyVersion?: string; format?: string }>(
    publicKey,
    context,
    async ({ session: { client }, options, print }, key = '') => {
      const query = new URLSearchParams();
      if (options.keyVersion !== undefined) query.set('version', options.keyVersion);
      if (options.format !== undefined) query.set('format', options.format);
      const path = `${client.keysPath(key)}/public-key?${query.toString()}`;
      const { keys } = (await client.call('GET', path)) as { keys: Record<string, string> };
      print(keys, (shown) =>
        Object.values(shown)
          .map((text) => `${text.trimEnd()}\n`)
          .join(''),
      );
    },
  );
}

interface ShownEvent {
  readonly number: number;
  readonly at: string;
  readonly kind: string;
  readonly key: string;
  readonly version?: number;
}

/** Seconds that a call for events waits. */
const wait = 25;

function addEvents(group: Command, context: CliContext): void {
  const events = group.command('events').description('print what happened to keys, oldest first');
  events.option('--after <NUMBER>', 'number of the last event that is known', '0');
  events.option('--follow', 'go on waiting for new ones');
  kmsCommand<{ after: string; follow?: boolean }>(events, context, async ({ session: { client }, options, print }) => {
    if (!/^\d{1,15}$/.test(options.after)) throw new UsageError(`--after: "${options.after}" is not a number`);
    let after = Number(options.after);
    for (;;) {
      const path = `${client.regionPath()}/events?after=${after}${options.follow === true ? `&wait=${wait}` : ''}`;
      const found = (await client.call('GET', path)) as ShownEvent[];
      const rows = found.map(({ number, at, kind, key, version }) => [
        String(number),
        at,
        kind,
        key,
        version === undefined ? '' : `v${version}`,
      ]);
      if (found.length > 0) print(found, () => formatTable(rows));
      after = found.at(-1)?.number ?? after;
      if (options.follow !== true && found.length === 0) return;
    }
  });
}
