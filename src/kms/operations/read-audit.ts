import { isAllowed, isMember } from '#kms/core/access.ts';
import type { AuditHead, AuditRecord } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import { callCost } from '#kms/operations/rate-limiter.ts';
import { type Caller, type KmsPorts, notFound } from '#kms/operations/context.ts';
import type { AuditFilter, AuditVerification } from '#kms/ports/audit-log.ts';

/** Page through the audit events of the caller's organisation, or of all with `*` for those who belong to none. */
export async function readAudit(
  ports: KmsPorts,
  caller: Caller,
  filter: Omit<AuditFilter, 'organisation'>,
  after: number,
  limit: number,
): Promise<readonly AuditRecord[]> {
  const organisation = await readableOrganisation(ports, caller);
  return ports.audit.list({ ...filter, ...(organisation === undefined ? {} : { organisation }) }, after, limit);
}

/** Check a part of the log, which is one chain for all organisations. @throws KmsError forbidden */
export async function verifyAudit(
  ports: KmsPorts,
  caller: Caller,
  from: AuditHead,
  limit: number,
): Promise<AuditVerification> {
  const { principal } = caller;
  if (principal.organisation !== undefined || !isAllowed(principal, 'ReadAudit', '', undefined))
    throw new KmsError('forbidden', 'the audit log as a whole is for those who may read it in all organisations');
  ports.limiter.take(principal, callCost + limit);
  return ports.audit.verify(from, limit);
}

async function readableOrganisation(ports: KmsPorts, { principal, organisation }: Caller): Promise<string | undefined> {
  ports.limiter.take(principal, callCost);
  const isAll = organisation === '*' && principal.organisation === undefined;
  const found = isAll ? undefined : await ports.store.findOrganisation(organisation);
  const identity = found?.identity;
  const mayRead = isAll || (identity !== undefined && isMember(principal, identity));
  if (!mayRead || !isAllowed(principal, 'ReadAudit', identity ?? '', undefined)) throw notFound();
  return identity;
}
