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
] as const;
export type Action = (typeof actions)[number];

const readActions: ReadonlySet<Action> = new Set(['List', 'Read', 'GetPublicKey', 'GetWrappingKey', 'ReadEvents']);

/** A policy allows all, reading, or one action. */
export type Policy = 'kms:FullAccess' | 'kms:ReadAccess' | `kms:${Action}`;

export const policies: readonly Policy[] = [
  'kms:FullAccess',
  'kms:ReadAccess',
  ...actions.map((action) => `kms:${action}` as const),
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
  if (principal.project !== undefined && principal.project !== project) return false;
  return principal.policies.some(
    (policy) =>
      policy === 'kms:FullAccess' ||
      policy === `kms:${action}` ||
      (policy === 'kms:ReadAccess' && readActions.has(action)),
  );
}

/** Tell whether a principal belongs to an organisation at all. */
export function isMember(principal: Principal, organisation: string): boolean {
  return principal.organisation === undefined || principal.organisation === organisation;
}
