import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { daysOf, describeKey, type ShownKey } from '#cli/key-forms.ts';
import { kmsCommand } from '#cli/kms-command.ts';
import { UsageError } from '#cli/usage-error.ts';

const changes = [
  { name: 'rotate', method: 'POST', path: '/rotate', description: 'give a key a new version' },
  { name: 'disable', method: 'POST', path: '/disable', description: 'let nobody use a key' },
  { name: 'enable', method: 'POST', path: '/enable', description: 'let a disabled key be used again' },
  { name: 'delete', method: 'DELETE', path: '', description: 'delete a key after 30 days' },
  {
    name: 'cancel-deletion',
    method: 'DELETE',
    path: '/cancel-deletion',
    description: 'keep a key that waits for its deletion',
  },
] as const;

/** Add what changes the state of a key: rotate, disable, enable, delete, cancel-deletion, rotation. */
export function addLifeCommands(group: Command, context: CliContext): void {
  for (const { name, method, path, description } of changes) {
    const command = group.command(name).description(description).argument('<KEY>', 'identity or slug');
    kmsCommand(command, context, `key ${name} my-key`, async ({ connect, print }, key = '') => {
      const client = await connect();
      print((await client.call(method, `${client.keysPath(key)}${path}`)) as ShownKey, describeKey);
    });
  }
  addRotation(group, context);
}

interface RotationOptions {
  readonly every?: string;
  readonly off?: boolean;
}

function addRotation(group: Command, context: CliContext): void {
  const command = group.command('rotation').description('change the automatic rotation of a key');
  command.argument('<KEY>', 'identity or slug');
  command.option('--every <DAYS>', 'rotate it every so many days');
  command.option('--off', 'rotate it no more by itself');
  const example = 'key rotation my-key --every 90';
  kmsCommand<RotationOptions>(command, context, example, async ({ connect, options, print }, key = '') => {
    const body = rotationOf(options);
    const client = await connect();
    print((await client.call('PATCH', `${client.keysPath(key)}/rotation`, body)) as ShownKey, describeKey);
  });
}

function rotationOf({ every, off }: RotationOptions): object {
  if ((every === undefined) === (off === undefined)) throw new UsageError('say either --every DAYS or --off');
  if (every === undefined) return { keyRotationEnabled: false };
  return { keyRotationEnabled: true, rotationPeriodInDays: daysOf('--every', every) };
}
