import type { AuditedOperation } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';

/** What can be done, each with a policy of its own. */
export const actions = [
  'List',
  'Read',
  'Create',
  'Import',
  'Encrypt',
  'Decrypt',
  'Sign',
  'Verify',
  'Hmac',
  'VerifyHmac',
  'GetPublicKey',
  'GetWrappingKey',
  'Rotate',
  'UpdateRotation',
  'Export',
  'Enable',
  'Disable',
  'Delete',
  'CancelDeletion',
  'ReadEvents',
  'GenerateDataKey',
  'Rewrap',
  'ReadAudit',
] as const;
export type Action = (typeof actions)[number];

const operations: Readonly<Partial<Record<Action, AuditedOperation>>> = {
  Create: 'kms.create',
  Import: 'kms.import',
  Encrypt: 'kms.encrypt',
  Decrypt: 'kms.decrypt',
  Sign: 'kms.sign',
  Verify: 'kms.verify',
  Hmac: 'kms.hmac',
  VerifyHmac: 'kms.verify_hmac',
  GetPublicKey: 'kms.get_public_key',
  GetWrappingKey: 'kms.get_wrapping_key',
  Rotate: 'kms.rotate',
  UpdateRotation: 'kms.rotation.update',
  Export: 'kms.export',
  Enable: 'kms.enable',
  Disable: 'kms.disable',
  Delete: 'kms.delete',
  CancelDeletion: 'kms.cancel_deletion',
  GenerateDataKey: 'kms.generate_data_key',
  Rewrap: 'kms.rewrap',
};

/** Return the name under which an action stands in the audit log. */
export function operationOf(action: Action): AuditedOperation {
  const operation = operations[action];
  if (operation === undefined) throw new KmsError('internal', `the action ${action} is not audited`);
  return operation;
}

const readActions: ReadonlySet<Action> = new Set(['List', 'Read', 'GetPublicKey', 'GetWrappingKey', 'ReadEvents']);

/**
 * A policy allows all that is done with keys, reading them, or one action. `iam:FullAccess` is for those who say who may
 * do what: it allows nothing with keys.
 */
export type Policy = 'kms:FullAccess' | 'kms:ReadAccess' | `kms:${Action}` | 'iam:FullAccess' | DnsPolicy;

/** What the DNS service lets the bearer do with zones; the KMS only keeps and tells it. */
export type DnsPolicy = 'dns:FullAccess' | 'dns:ReadAccess';

export const policies: readonly Policy[] = [
  'kms:FullAccess',
  'kms:ReadAccess',
  ...actions.map((action) => `kms:${action}` as const),
  'iam:FullAccess',
  'dns:FullAccess',
  'dns:ReadAccess',
];

/** What a DNSSEC service needs: to find keys, to read them and to sign. */
export const signerPolicies: readonly Policy[] = [
  'kms:List',
  'kms:Read',
  'kms:GetPublicKey',
  'kms:Sign',
  'kms:ReadEvents',
];

/** Who calls, as the token says. */
export interface Principal {
  readonly identity: string;
  /** The one organisation that the principal belongs to; without it, any. */
  readonly organisation?: string;
  /** The one project that it is held to; without it, the organisation's own keys and any project's. */
  readonly project?: string;
  readonly policies: readonly Policy[];
}

/** Tell whether a principal may do something in an organisation and project. */
export function isAllowed(
  principal: Principal,
  action: Action,
  organisation: string,
  project: string | undefined,
): boolean {
  if (!isMember(principal, organisation)) return false;
  if (!isOfProject(principal, project)) return false;
  return principal.policies.some(
    (policy) =>
      policy === 'kms:FullAccess' ||
      policy === `kms:${action}` ||
      (policy === 'kms:ReadAccess' && readActions.has(action)),
  );
}

/** Tell whether a principal may manage who may call in an organisation; without one, in all and the organisations themselves. */
export function isAdministrator(principal: Principal, organisation: string | undefined): boolean {
  if (principal.project !== undefined || !principal.policies.includes('iam:FullAccess')) return false;
  return principal.organisation === undefined || principal.organisation === organisation;
}

/** Tell whether a principal belongs to an organisation at all. */
export function isMember(principal: Principal, organisation: string): boolean {
  return principal.organisation === undefined || principal.organisation === organisation;
}

/** Tell whether a principal may look into a project, or into what belongs to the organisation itself. */
export function isOfProject(principal: Principal, project: string | undefined): boolean {
  return principal.project === undefined || principal.project === project;
}
