import { type Command, Option } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { kmsCommand } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';

/** Organisations and regions are alike: each has a name, and has KMS or not. */
interface Switched {
  readonly name: 'org' | 'region';
  readonly path: string;
  readonly what: string;
  readonly flag: 'kmsEnabled' | 'kmsAvailable';
  readonly example: string;
}

const organisations: Switched = {
  name: 'org',
  path: '/v1/admin/organisations',
  what: 'organisation',
  flag: 'kmsEnabled',
  example: 'org put o-acme --name "Acme" --off',
};

const regions: Switched = {
  name: 'region',
  path: '/v1/admin/regions',
  what: 'region',
  flag: 'kmsAvailable',
  example: 'region put de-01 --name "Frankfurt"',
};

/** Add `org list` and `org put`. */
export function addOrg(program: Command, context: CliContext): void {
  addSwitched(program, context, organisations);
}

/** Add `region list` and `region put`. */
export function addRegion(program: Command, context: CliContext): void {
  addSwitched(program, context, regions);
}

type Shown = { readonly identity: string; readonly name: string } & { readonly [Flag in Switched['flag']]?: boolean };

interface PutOptions {
  readonly name?: string;
  readonly on?: boolean;
  readonly off?: boolean;
}

function addSwitched(program: Command, context: CliContext, { name, path, what, flag, example }: Switched): void {
  const group = program.command(name).description(`list ${what}s, add one, or change whether it has KMS`);
  const describe = (shown: readonly Shown[]) =>
    formatTable([
      ['IDENTITY', 'NAME', 'KMS'],
      ...shown.map((one) => [one.identity, one.name, one[flag] === true ? 'on' : 'off']),
    ]);

  const list = group.command('list').description(`list ${what}s`);
  kmsCommand(list, context, `${name} list`, async ({ connect, print }) => {
    const client = await connect();
    print((await client.call('GET', path)) as Shown[], describe);
  });

  const put = group.command('put').description(`add the ${what}, or change it; one that is added has KMS`);
  put.argument('<IDENTITY>', 'letters, digits, dots, dashes');
  put.option('--name <NAME>', 'name for people');
  put.option('--on', 'it has KMS');
  put.addOption(new Option('--off', 'it has no KMS').conflicts('on'));
  kmsCommand<PutOptions>(put, context, example, async ({ connect, options, print }, identity = '') => {
    const body = {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.on === true ? { [flag]: true } : {}),
      ...(options.off === true ? { [flag]: false } : {}),
    };
    const client = await connect();
    const changed = await client.call('PUT', `${path}/${encodeURIComponent(identity)}`, body);
    print(changed as Shown, (one) => describe([one]));
  });
}
