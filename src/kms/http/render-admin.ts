import { formatInstant } from '#lib/clock.ts';
import { encodeHex } from '#lib/encoding.ts';
import type { AuditItem, CredentialItem } from '#kms/api-admin.ts';
import type { AuditRecord } from '#kms/core/audit-event.ts';
import type { Credential } from '#kms/ports/tenant-store.ts';
import type { Webhook } from '#kms/ports/webhook-store.ts';

export function renderCredential({
  identity,
  kind,
  name,
  principal,
  createdAt,
  expiresAt,
  revokedAt,
}: Credential): CredentialItem {
  const { organisation, project, policies } = principal;
  return {
    identity,
    kind,
    name,
    policies: [...policies],
    ...(organisation === undefined ? {} : { organisation }),
    ...(project === undefined ? {} : { project }),
    createdAt: formatInstant(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: formatInstant(expiresAt) }),
    ...(revokedAt === undefined ? {} : { revokedAt: formatInstant(revokedAt) }),
  };
}

export function renderWebhook({ identity, url, createdAt, delivered, failures, nextAttemptAt, lastError }: Webhook) {
  return {
    identity,
    url,
    createdAt: formatInstant(createdAt),
    delivered,
    failures,
    ...(failures === 0 ? {} : { nextAttemptAt: formatInstant(nextAttemptAt) }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

export function renderAuditRecord({ number, event, hash }: AuditRecord): AuditItem {
  const { at, project, ...rest } = event;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as typeof rest;
  return {
    number,
    at: formatInstant(at),
    ...given,
    ...(project === undefined ? {} : { projectId: project }),
    hash: encodeHex(hash),
  } as AuditItem;
}
