import { formatTable } from '#cli/kms-command.ts';
import { UsageError } from '#cli/usage-error.ts';

/** A key as the KMS shows it, as far as it is printed for people. */
export interface ShownKey {
  readonly identity: string;
  readonly name: string;
  readonly slug: string;
  readonly keyType: string;
  readonly status: string;
  readonly latestVersion: number;
  readonly keyRotationEnabled: boolean;
  readonly rotationPeriodInDays?: number;
  readonly deletionScheduledAt?: string;
}

/** Options of a command that makes a key. */
export interface NewKeyOptions {
  readonly type: string;
  readonly description?: string;
  readonly label?: readonly string[];
  readonly exportable?: boolean;
  readonly rotateEvery?: string;
}

/** Say to the KMS what the options say. @throws UsageError */
export function newKeyOf({ type, description, label = [], exportable, rotateEvery }: NewKeyOptions): object {
  const labels = label.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--label: "${pair}" must be KEY=VALUE`);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return {
    keyType: type,
    ...(description === undefined ? {} : { description }),
    ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
    ...(exportable === true ? { exportAllowed: true } : {}),
    ...(rotateEvery === undefined ? {} : { keyRotationEnabled: true, rotationPeriodInDays: daysOf(rotateEvery) }),
  };
}

/** Read a number of days. @throws UsageError */
export function daysOf(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1 || Number(text) > 3650)
    throw new UsageError(`"${text}" is not a number of days from 1 to 3650`);
  return Number(text);
}

/** Show a key to people. */
export function describeKey(key: ShownKey): string {
  return formatTable([
    ['identity', key.identity],
    ['name', key.name],
    ['slug', key.slug],
    ['type', key.keyType],
    ['status', key.status],
    ['latest version', String(key.latestVersion)],
    ['rotation', key.keyRotationEnabled ? `every ${key.rotationPeriodInDays} days` : 'by hand'],
    ...(key.deletionScheduledAt === undefined ? [] : [['purged at', key.deletionScheduledAt]]),
  ]);
}
