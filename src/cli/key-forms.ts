import type { Command } from 'commander';
import { collect, numberOf } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';
import { UsageError } from '#cli/usage-error.ts';

/** A key as the KMS shows it, as far as it is printed for people. */
export interface ShownKey {
  readonly identity: string;
  readonly name: string;
  readonly slug: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly keyType: string;
  readonly status: string;
  readonly exportAllowed: boolean;
  readonly imported?: boolean;
  readonly latestVersion: number;
  readonly keyRotationEnabled: boolean;
  readonly rotationPeriodInDays?: number;
  readonly nextRotationAt?: string;
  readonly deletionScheduledAt?: string;
  readonly createdAt: string;
}

/** Options of a command that makes a key. */
export interface NewKeyOptions {
  readonly keyType: string;
  readonly description?: string;
  readonly label?: readonly string[];
  readonly annotation?: readonly string[];
  readonly exportable?: boolean;
  readonly rotateEvery?: string;
}

/** Add those options, but for the type. */
export function addNewKeyOptions(command: Command): void {
  command.option('--description <TEXT>', 'what it is for');
  command.option('--label <KEY=VALUE>', 'label; may be given several times', collect);
  command.option('--annotation <KEY=VALUE>', 'annotation; may be given several times', collect);
  command.option('--exportable', 'let its material be exported');
  command.option('--rotate-every <DAYS>', 'rotate it by itself');
}

/** Say to the KMS what the options say. @throws UsageError */
export function newKeyOf(options: NewKeyOptions): object {
  const { keyType, description, label, annotation, exportable, rotateEvery } = options;
  return {
    keyType,
    ...(description === undefined ? {} : { description }),
    ...(label === undefined ? {} : { labels: pairsOf('--label', label) }),
    ...(annotation === undefined ? {} : { annotations: pairsOf('--annotation', annotation) }),
    ...(exportable === true ? { exportAllowed: true } : {}),
    ...(rotateEvery === undefined
      ? {}
      : { keyRotationEnabled: true, rotationPeriodInDays: daysOf('--rotate-every', rotateEvery) }),
  };
}

/** Read `KEY=VALUE` pairs; the value may hold further equals signs, or be empty. @throws UsageError */
export function pairsOf(option: string, pairs: readonly string[]): Record<string, string> {
  const read = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`${option}: "${pair}" must be KEY=VALUE`);
    const key = pair.slice(0, at);
    if (read.has(key)) throw new UsageError(`${option}: "${key}" is given twice`);
    read.set(key, pair.slice(at + 1));
  }
  return Object.fromEntries(read);
}

/** Read a number of days. @throws UsageError */
export function daysOf(option: string, text: string): number {
  return numberOf(option, text, 1, 3650);
}

/** Show a key to people. */
export function describeKey(key: ShownKey): string {
  const rotation = key.keyRotationEnabled ? `every ${key.rotationPeriodInDays} days` : 'by hand';
  const labels = Object.entries(key.labels ?? {}).map(([name, value]) => ['label', `${name}=${value}`]);
  return formatTable([
    ['identity', key.identity],
    ['name', key.name],
    ['slug', key.slug],
    ...(key.description === undefined ? [] : [['description', key.description]]),
    ...labels,
    ['type', key.keyType],
    ['status', key.status],
    ['material', `${key.imported === true ? 'imported' : 'made here'}${key.exportAllowed ? ', exportable' : ''}`],
    ['latest version', String(key.latestVersion)],
    ['rotation', rotation],
    ...(key.nextRotationAt === undefined ? [] : [['next rotation', key.nextRotationAt]]),
    ['created at', key.createdAt],
    ...(key.deletionScheduledAt === undefined ? [] : [['purged at', key.deletionScheduledAt]]),
  ]);
}

/** Show many keys to people. */
export function describeKeys(keys: readonly ShownKey[]): string {
  return formatTable([
    ['IDENTITY', 'NAME', 'TYPE', 'STATUS', 'VERSION'],
    ...keys.map((key) => [key.identity, key.name, key.keyType, key.status, String(key.latestVersion)]),
  ]);
}
