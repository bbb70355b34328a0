import { hash } from 'node:crypto';
import { joinBytes, utf8Bytes } from '#lib/bytes.ts';

/** What was asked for, under the name that the audit log gives it. */
export const auditedOperations = [
  'kms.create',
  'kms.import',
  'kms.encrypt',
  'kms.decrypt',
  'kms.sign',
  'kms.verify',
  'kms.hmac',
  'kms.verify_hmac',
  'kms.generate_data_key',
  'kms.rewrap',
  'kms.rotate',
  'kms.rotate.scheduled',
  'kms.rotation.update',
  'kms.enable',
  'kms.disable',
  'kms.delete',
  'kms.cancel_deletion',
  'kms.purge',
  'kms.export',
  'kms.get_public_key',
  'kms.get_wrapping_key',
  'admin.organisation.put',
  'admin.region.put',
  'admin.token.create',
  'admin.token.revoke',
  'admin.client.create',
  'admin.webhook.create',
  'admin.webhook.delete',
  'auth.access_token',
] as const;
export type AuditedOperation = (typeof auditedOperations)[number];

/**
 * `allowed` is durable before anything is changed or given out, `denied` before the refusal is. A change or a computation
 * that was allowed and then could not be carried out has a second event, `failed`.
 */
export type AuditOutcome = 'allowed' | 'denied' | 'failed';

/** Who did what to which key, and whether it was let happen. Never an input, a plaintext or material. */
export interface AuditEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly operation: AuditedOperation;
  readonly outcome: AuditOutcome;
  /** Why it was denied or failed. */
  readonly code?: string | undefined;
  /** Identity of the principal; `system` for what the service does by itself. */
  readonly principal: string;
  readonly organisation: string;
  readonly region?: string | undefined;
  readonly project?: string | undefined;
  /** The key's identity, or what the caller called it where there is none. */
  readonly key?: string | undefined;
  /** The key version, where one was used or made. */
  readonly version?: number | undefined;
  /** Items of a batch. */
  readonly count?: number | undefined;
  /** What else was named: the token that was made, the organisation that was changed. */
  readonly target?: string | undefined;
  readonly requestId?: string | undefined;
  /** The caller's network address. */
  readonly address?: string | undefined;
}

/** An event in its place in the chain. */
export interface AuditRecord {
  /** 1, 2, 3, … */
  readonly number: number;
  readonly event: AuditEvent;
  /** 32 octets over this event and the hash of the one before. */
  readonly hash: Uint8Array;
}

/** Where a chain ends. */
export interface AuditHead {
  readonly number: number;
  readonly hash: Uint8Array;
}

/** The head of an empty chain. */
export const emptyHead: AuditHead = { number: 0, hash: new Uint8Array(32) };

/** Write an event as the text that the chain covers: its members in one order, the absent ones left out. */
export function composeAuditBody(event: AuditEvent): string {
  const { at, operation, outcome, code, principal, organisation, region, project, key, version, count } = event;
  const { target, requestId, address } = event;
  return JSON.stringify({
    at,
    operation,
    outcome,
    code,
    principal,
    organisation,
    region,
    project,
    key,
    version,
    count,
    target,
    requestId,
    address,
  } satisfies AuditEvent);
}

/** Read what `composeAuditBody` wrote. */
export function parseAuditBody(body: string): AuditEvent {
  return JSON.parse(body) as AuditEvent;
}

/** Add an event to a chain: SHA-256 over the hash before it, its number as 64 bits, and its body. */
export function linkAuditBody(head: AuditHead, body: string): AuditHead {
  const number = head.number + 1;
  return { number, hash: hash('sha256', joinBytes(head.hash, numberOctets(number), utf8Bytes(body)), 'buffer') };
}

/** The octets that the seal of a head covers. */
export function headOctets({ number, hash: digest }: AuditHead): Uint8Array {
  return joinBytes(numberOctets(number), digest);
}

function numberOctets(number: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, BigInt(number));
  return octets;
}
