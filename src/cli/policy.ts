import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { numberOf } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';
import { parsePolicyFields } from '#cli/policy-fields.ts';
import { serviceCommand } from '#cli/service-command.ts';
import type { AppliedZone, PolicyItem, PolicyRunItem } from '#dnssec/api-policies.ts';

/** Zones that the service gives a policy in one call. */
const page = 100;
/** Zones that a preview shows. */
const mostShown = 1000;

/** Add `policy`: what zones are signed with, by name. */
export function addPolicy(program: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const group = program.command('policy').description('what zones are signed with, by name');
  addList(group, context);
  addShow(group, context);
  addPut(group, context);
  addPreview(group, context, setExitCode);
  addApply(group, context, setExitCode);
}

const pathOf = (name: string): string => `/policies/${encodeURIComponent(name)}`;

function addList(group: Command, context: CliContext): void {
  const command = group.command('list').description('list the newest version of each policy');
  serviceCommand(command, context, 'policy list', async ({ call, print }) => {
    print(await call<readonly PolicyItem[]>('GET', '/policies'), (policies) =>
      formatTable([
        ['NAME', 'VERSION', 'CREATED', 'KEY TYPE', 'KEYS', 'DENIAL'],
        ...policies.map(({ name, version, createdAt = '', policy }) => [
          name,
          String(version),
          createdAt,
          policy.keyType,
          policy.keys,
          policy.denial,
        ]),
      ]),
    );
  });
}

function addShow(group: Command, context: CliContext): void {
  const command = group.command('show').description('show all that a policy says').argument('<NAME>');
  command.option('--policy-version <NUMBER>', 'an earlier version (0: what comes with the service)');
  const example = 'policy show default';
  serviceCommand<{ policyVersion?: string }>(command, context, example, async (action, name = '') => {
    const { options, call, print } = action;
    const { policyVersion: text } = options;
    const query =
      text === undefined ? '' : `?version=${numberOf('--policy-version', text, 0, Number.MAX_SAFE_INTEGER)}`;
    print(await call<PolicyItem>('GET', `${pathOf(name)}${query}`), describePolicy);
  });
}

function addPut(group: Command, context: CliContext): void {
  const command = group
    .command('put')
    .description('write a new version of a policy, which no zone has until it is applied');
  command
    .argument('<NAME>')
    .argument('[FIELD=VALUE...]', 'durations as 14d or in seconds; "policy show" has all fields');
  command.option('--keep', 'keep the fields of the newest version that are not given, instead of the defaults');
  const example = 'policy put strict keyType=ed25519 denial=nsec3 validity=14d';
  serviceCommand<{ keep?: boolean }>(command, context, example, async (action, name = '', ...pairs) => {
    const { options, call, print } = action;
    const fields = parsePolicyFields(pairs);
    const before = options.keep === true ? (await call<PolicyItem>('GET', pathOf(name))).policy : {};
    print(await call<PolicyItem>('PUT', pathOf(name), { ...before, ...fields }), describePolicy);
  });
}

function addPreview(group: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const command = group.command('preview').description('see what "policy apply" would do, zone by zone');
  command.argument('<NAME>');
  serviceCommand(command, context, 'policy preview strict', async ({ call, print }, name = '') => {
    const run = await call<PolicyRunItem>('POST', `${pathOf(name)}/apply?dryRun=true&limit=${mostShown}`);
    print(run, describeRun);
    if (run.zones.some(isRefused)) setExitCode(exitCodes.bad);
  });
}

function addApply(group: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const command = group.command('apply').description('give zones the newest version of the policy that they name');
  command.argument('<NAME>');
  serviceCommand(command, context, 'policy apply strict', async ({ call, print }, name = '') => {
    const zones = new Map<string, AppliedZone>();
    let run: PolicyRunItem;
    do {
      run = await call<PolicyRunItem>('POST', `${pathOf(name)}/apply?limit=${page}`);
      for (const one of run.zones) zones.set(one.zone, one);
      // Zones that refuse it come again and again: without another one that took it, nothing more will.
    } while (run.left > 0 && run.zones.some((one) => !isRefused(one)));
    const whole = { ...run, zones: [...zones.values()] };
    print(whole, describeRun);
    if (whole.zones.some(isRefused)) setExitCode(exitCodes.bad);
  });
}

function isRefused({ faults }: AppliedZone): boolean {
  return faults.length > 0;
}

function describePolicy({ name, version, createdAt, principal, policy }: PolicyItem): string {
  const head = { name, version, 'created at': createdAt, 'created by': principal };
  const rows = Object.entries({ ...head, ...policy }).filter(([, value]) => value !== undefined);
  return formatTable(rows.map(([field, value]) => [field, String(value)]));
}

function describeRun({ version, zones, left, dryRun }: PolicyRunItem): string {
  const lines = zones.map(({ name, from, changes, effects, faults }) => {
    const changed = changes.map((one) => `${one.field} ${String(one.from)} → ${String(one.to)}`).join(', ');
    return [name, `${from} → ${version}`, effects.join(', '), faults.length === 0 ? changed : faults.join('; ')];
  });
  const table = lines.length === 0 ? '' : formatTable([['ZONE', 'VERSION', 'EFFECT', 'CHANGES, OR WHY NOT'], ...lines]);
  const rest = dryRun
    ? `${left} zones would be given version ${version}\n`
    : `${left} zones have an older version still\n`;
  return table + rest;
}
