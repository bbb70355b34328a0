import { formatInstant } from '#lib/clock.ts';
import type { KmsKey, Summary } from '#kms/api.ts';
import { KmsError } from '#kms/core/errors.ts';
import { type Key, latestVersion, nextRotationAt } from '#kms/core/key.ts';
import type { KmsSummary } from '#kms/operations/read-keys.ts';
import type { Organisation } from '#kms/ports/tenant-store.ts';

/** Show a key. What was not set is absent, never a default: declarative clients would take it for a change. */
export function renderKey(key: Key, { identity, name, slug }: Organisation): KmsKey {
  const { status } = key;
  if (status === 'purged') throw new KmsError('internal', `key ${key.identity} is a tombstone and was to be shown`);
  const next = nextRotationAt(key);
  return {
    identity: key.identity,
    name: key.name,
    slug: key.slug,
    ...(key.description === undefined ? {} : { description: key.description }),
    ...(key.labels === undefined ? {} : { labels: { ...key.labels } }),
    ...(key.annotations === undefined ? {} : { annotations: { ...key.annotations } }),
    ...(key.scope.project === undefined ? {} : { projectId: key.scope.project }),
    keyType: key.keyType,
    status,
    exportAllowed: key.exportAllowed,
    ...(key.imported ? { imported: true } : {}),
    keyRotationEnabled: key.keyRotationEnabled,
    ...(key.rotationPeriodInDays === undefined ? {} : { rotationPeriodInDays: key.rotationPeriodInDays }),
    latestVersion: latestVersion(key).version,
    minDecryptionVersion: key.minDecryptionVersion,
    versions: key.versions.map(({ version, createdAt }) => ({
      version,
      status: 'active',
      createdAt: formatInstant(createdAt),
    })),
    ...(key.deletionScheduledAt === undefined ? {} : { deletionScheduledAt: formatInstant(key.deletionScheduledAt) }),
    createdAt: formatInstant(key.createdAt),
    updatedAt: formatInstant(key.updatedAt),
    objectVersion: key.objectVersion,
    organisation: { identity, name, slug },
    ...(key.lastRotatedAt === undefined ? {} : { lastRotatedAt: formatInstant(key.lastRotatedAt) }),
    ...(next === undefined ? {} : { nextRotationAt: formatInstant(next) }),
  };
}

export function renderSummary({ caller, organisation, featureEnabled, regions }: KmsSummary): Summary {
  return {
    featureEnabled,
    organisation,
    caller: {
      identity: caller.identity,
      ...(caller.organisation === undefined ? {} : { organisation: caller.organisation }),
      policies: [...caller.policies],
    },
    regions: regions.map(({ region, counts }) => ({
      ...region,
      totalKeys: counts.active + counts.disabled + counts.pendingDeletion,
      activeKeys: counts.active,
      disabledKeys: counts.disabled,
      pendingDeletionKeys: counts.pendingDeletion,
    })),
  };
}
