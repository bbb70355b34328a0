import { type Command, Option } from 'commander';
import { checkedUse } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { collect, kmsCommand, numberOf } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';
import { UsageError } from '#cli/usage-error.ts';
import { policies, signerPolicies } from '#kms/core/access.ts';
import { parseDuration } from '#lib/duration.ts';

interface ShownToken {
  readonly identity: string;
  readonly kind: string;
  readonly name: string;
  readonly policies: readonly string[];
  readonly organisation?: string;
  readonly project?: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
}

interface TokenOptions {
  readonly policy?: readonly string[];
  readonly signer?: boolean;
  readonly anyOrganisation?: boolean;
  readonly expires?: string;
  readonly client?: boolean;
}

const createHelp = `
The token is for --organisation alone, and with --project for that project of it alone. Its secret is printed this once,
on the second line.

Policies: ${policies.filter((policy) => policy.endsWith('Access')).join(', ')}, and one for each action, such as kms:Sign.`;

/** Add `token create`, `token list` and `token revoke`. */
export function addToken(program: Command, context: CliContext): void {
  const group = program.command('token').description('make, list and revoke tokens and OAuth2 clients');
  addCreate(group, context);
  addList(group, context);
  addRevoke(group, context);
}

function addCreate(group: Command, context: CliContext): void {
  const command = group.command('create').description('make a token').argument('<NAME>', 'what it is for');
  command.option('--policy <POLICY>', 'what the bearer may do; may be given several times', collect);
  command.option('--signer', 'what a DNSSEC service needs: find keys, read them, sign');
  command.addOption(new Option('--any-organisation', 'it is for every organisation').conflicts('project'));
  command.option('--expires <DURATION>', 'how long it counts, such as 90d');
  command.option('--client', 'make a client for OAuth2 client credentials');
  command.addHelpText('after', createHelp);
  const example = 'token create "DNSSEC service" --signer --organisation o-default --expires 90d';
  kmsCommand<TokenOptions>(command, context, example, async ({ connect, options, organisation, print }, name) => {
    const { expires, project } = options;
    const body = {
      name,
      policies: policiesOf(options),
      ...(options.client === true ? { kind: 'client' } : {}),
      ...(options.anyOrganisation === true ? {} : { organisation }),
      ...(project === undefined ? {} : { project }),
      ...(expires === undefined ? {} : { lifetime: lifetimeOf(expires) }),
    };
    const client = await connect();
    const made = (await client.call('POST', '/v1/admin/tokens', body)) as ShownToken & { readonly secret: string };
    print(made, ({ identity, secret }) => `${identity}\n${secret}\n`);
  });
}

function policiesOf({ policy = [], signer }: TokenOptions): readonly string[] {
  const known: ReadonlySet<string> = new Set(policies);
  const unknown = policy.find((one) => !known.has(one));
  if (unknown !== undefined)
    throw new UsageError(`--policy: there is no "${unknown}"; there are ${policies.join(', ')}`);
  const granted = new Set([...policy, ...(signer === true ? signerPolicies : [])]);
  if (granted.size === 0) throw new UsageError('say what the bearer may do: --policy or --signer');
  return [...granted];
}

/** Ten years, in seconds. */
const longestLifetime = 315_360_000;

function lifetimeOf(text: string): number {
  const seconds = checkedUse(() => parseDuration(text));
  return numberOf('--expires (in seconds)', String(seconds), 1, longestLifetime);
}

function addList(group: Command, context: CliContext): void {
  const command = group.command('list').description('list tokens and clients, without their secrets');
  kmsCommand(command, context, 'token list', async ({ connect, print }) => {
    const client = await connect();
    print((await client.call('GET', '/v1/admin/tokens')) as ShownToken[], (tokens) =>
      formatTable([
        ['IDENTITY', 'KIND', 'NAME', 'ORGANISATION', 'PROJECT', 'EXPIRES', 'POLICIES'],
        ...tokens.map((token) => [
          token.identity,
          token.kind,
          token.name,
          token.organisation ?? 'any',
          token.project ?? '',
          token.revokedAt === undefined ? (token.expiresAt ?? 'never') : 'revoked',
          token.policies.join(','),
        ]),
      ]),
    );
  });
}

function addRevoke(group: Command, context: CliContext): void {
  const command = group.command('revoke').description('let a token or client count no more');
  command.argument('<IDENTITY>', 'tok-… or cli-…');
  kmsCommand(command, context, 'token revoke tok-…', async ({ connect, print }, identity = '') => {
    const client = await connect();
    await client.call('DELETE', `/v1/admin/tokens/${encodeURIComponent(identity)}`);
    print({ identity, revoked: true }, () => `revoked ${identity}\n`);
  });
}
