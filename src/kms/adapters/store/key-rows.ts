import { hash } from 'node:crypto';
import { utf8Bytes } from '#lib/bytes.ts';
import type { Key, KeyStatus, KeyVersion } from '#kms/core/key.ts';
import { isKeyType } from '#kms/core/key-types.ts';
import { KmsError } from '#kms/core/errors.ts';

/** A row of `keys` as it stands in the database. */
export interface KeyRow {
  readonly identity: string;
  readonly organisation: string;
  readonly region: string;
  readonly project: string;
  readonly name: string;
  readonly slug: string;
  readonly description: string | null;
  readonly labels: string | null;
  readonly annotations: string | null;
  readonly key_type: string;
  readonly export_allowed: number;
  readonly imported: number;
  readonly allow_rotation: number;
  readonly status: string;
  readonly rotation_enabled: number;
  readonly rotation_period_days: number | null;
  readonly min_decryption_version: number;
  readonly deletion_scheduled_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly last_rotated_at: number | null;
  readonly object_version: number;
  /** What `seal` of the provider made of the values and of the versions. */
  readonly seal: Uint8Array;
  /** `object_version` of the newest event of the key. */
  readonly announced: number | null;
}

/** A row of `key_versions`. */
export interface VersionRow {
  readonly version: number;
  readonly created_at: number;
  readonly wrapped: Uint8Array;
  readonly public_key: Uint8Array | null;
}

/** The columns of `keys`, in the order of `keyValues`. */
export const keyColumns = [
  'identity',
  'organisation',
  'region',
  'project',
  'name',
  'slug',
  'description',
  'labels',
  'annotations',
  'key_type',
  'export_allowed',
  'imported',
  'allow_rotation',
  'status',
  'rotation_enabled',
  'rotation_period_days',
  'min_decryption_version',
  'deletion_scheduled_at',
  'created_at',
  'updated_at',
  'last_rotated_at',
  'object_version',
] as const satisfies readonly Exclude<keyof KeyRow, 'seal' | 'announced'>[];

export function keyValues(key: Key): (string | number | null)[] {
  const row: Omit<KeyRow, 'seal' | 'announced'> = {
    identity: key.identity,
    organisation: key.scope.organisation,
    region: key.scope.region,
    project: key.scope.project ?? '',
    name: key.name,
    slug: key.slug,
    description: key.description ?? null,
    labels: key.labels === undefined ? null : JSON.stringify(key.labels),
    annotations: key.annotations === undefined ? null : JSON.stringify(key.annotations),
    key_type: key.keyType,
    export_allowed: Number(key.exportAllowed),
    imported: Number(key.imported),
    allow_rotation: Number(key.allowRotation),
    status: key.status,
    rotation_enabled: Number(key.keyRotationEnabled),
    rotation_period_days: key.rotationPeriodInDays ?? null,
    min_decryption_version: key.minDecryptionVersion,
    deletion_scheduled_at: key.deletionScheduledAt ?? null,
    created_at: key.createdAt,
    updated_at: key.updatedAt,
    last_rotated_at: key.lastRotatedAt ?? null,
    object_version: key.objectVersion,
  };
  return keyColumns.map((column) => row[column]);
}

/** The octets that the seal of a key covers: every column, and of each version its material and public key. */
export function sealedOctets(key: Key): Uint8Array {
  const versions = key.versions.map(({ version, createdAt, wrapped, publicKey }) => [
    version,
    createdAt,
    hash('sha256', wrapped, 'base64'),
    publicKey === undefined ? null : hash('sha256', publicKey, 'base64'),
  ]);
  return utf8Bytes(JSON.stringify([...keyValues(key), versions]));
}

/** Build a key of its rows. @throws KmsError internal when they are not what this program writes */
export function keyFromRows(row: KeyRow, versions: readonly VersionRow[]): Key {
  if (!isKeyType(row.key_type))
    throw new KmsError('internal', `key ${row.identity} is of the unknown type ${row.key_type}`);
  return {
    identity: row.identity,
    scope: {
      organisation: row.organisation,
      region: row.region,
      ...(row.project === '' ? {} : { project: row.project }),
    },
    name: row.name,
    slug: row.slug,
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.labels === null ? {} : { labels: JSON.parse(row.labels) as Record<string, string> }),
    ...(row.annotations === null ? {} : { annotations: JSON.parse(row.annotations) as Record<string, string> }),
    keyType: row.key_type,
    exportAllowed: row.export_allowed === 1,
    imported: row.imported === 1,
    allowRotation: row.allow_rotation === 1,
    status: row.status as KeyStatus,
    keyRotationEnabled: row.rotation_enabled === 1,
    ...(row.rotation_period_days === null ? {} : { rotationPeriodInDays: row.rotation_period_days }),
    minDecryptionVersion: row.min_decryption_version,
    versions: versions.map(versionFromRow),
    ...(row.deletion_scheduled_at === null ? {} : { deletionScheduledAt: row.deletion_scheduled_at }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.last_rotated_at === null ? {} : { lastRotatedAt: row.last_rotated_at }),
    objectVersion: row.object_version,
  };
}

function versionFromRow({ version, created_at: createdAt, wrapped, public_key: publicKey }: VersionRow): KeyVersion {
  return { version, createdAt, wrapped, ...(publicKey === null ? {} : { publicKey }) };
}
