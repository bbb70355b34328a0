import { type Static, Type } from 'typebox';
import { auditedOperations } from '#kms/core/audit-event.ts';
import { policies } from '#kms/core/access.ts';

/** The wire contract of `/v1/admin` and `/v1/audit`: who may call, and what was done. */

const closed = { additionalProperties: false } as const;
const Identity = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' });
const Name = Type.String({ minLength: 1, maxLength: 255 });
const Time = Type.String({ description: 'RFC 3339.' });

export const IdentityPath = Type.Object({ identity: Identity });

export const OrganisationItem = Type.Object({
  identity: Type.String(),
  name: Type.String(),
  slug: Type.String(),
  kmsEnabled: Type.Boolean(),
});
export type OrganisationItem = Static<typeof OrganisationItem>;
export const OrganisationRequest = Type.Object(
  { name: Type.Optional(Name), kmsEnabled: Type.Optional(Type.Boolean()) },
  closed,
);

export const RegionItem = Type.Object({
  identity: Type.String(),
  name: Type.String(),
  slug: Type.String(),
  kmsAvailable: Type.Boolean(),
});
export type RegionItem = Static<typeof RegionItem>;
export const RegionRequest = Type.Object(
  { name: Type.Optional(Name), kmsAvailable: Type.Optional(Type.Boolean()) },
  closed,
);

const Kind = Type.Union([Type.Literal('token'), Type.Literal('client')]);
export const CredentialRequest = Type.Object(
  {
    name: Name,
    kind: Type.Optional(Kind),
    policies: Type.Array(Type.Union(policies.map((policy) => Type.Literal(policy))), { minItems: 1, maxItems: 64 }),
    organisation: Type.Optional(Identity),
    project: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    lifetime: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 315_360_000, description: 'Seconds until it expires.' }),
    ),
  },
  closed,
);
export const CredentialItem = Type.Object({
  identity: Type.String(),
  kind: Type.String(),
  name: Type.String(),
  policies: Type.Array(Type.String()),
  organisation: Type.Optional(Type.String()),
  project: Type.Optional(Type.String()),
  createdAt: Time,
  expiresAt: Type.Optional(Time),
  revokedAt: Type.Optional(Time),
});
export type CredentialItem = Static<typeof CredentialItem>;
/** The secret is shown this once. */
export const NewCredentialItem = Type.Object({ ...CredentialItem.properties, secret: Type.String() });
export type NewCredentialItem = Static<typeof NewCredentialItem>;

export const WebhookRequest = Type.Object({ url: Type.String({ minLength: 1, maxLength: 2048 }) }, closed);
export const WebhookItem = Type.Object({
  identity: Type.String(),
  url: Type.String(),
  createdAt: Time,
  delivered: Type.Integer({ description: 'Number of the last event that its receiver took.' }),
  failures: Type.Integer(),
  nextAttemptAt: Type.Optional(Time),
  lastError: Type.Optional(Type.String()),
});
export const NewWebhookItem = Type.Object({
  ...WebhookItem.properties,
  secret: Type.String({ description: 'whsec_ and base64; shown this once.' }),
});

export const AuditQuery = Type.Object(
  {
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    operation: Type.Optional(Type.Union(auditedOperations.map((operation) => Type.Literal(operation)))),
    outcome: Type.Optional(Type.Union([Type.Literal('allowed'), Type.Literal('denied'), Type.Literal('failed')])),
    key: Type.Optional(Type.String({ maxLength: 255 })),
    principal: Type.Optional(Type.String({ maxLength: 255 })),
    from: Type.Optional(Type.String({ format: 'date-time' })),
    to: Type.Optional(Type.String({ format: 'date-time' })),
  },
  closed,
);
export const AuditItem = Type.Object({
  number: Type.Integer(),
  at: Time,
  operation: Type.String(),
  outcome: Type.String(),
  code: Type.Optional(Type.String()),
  principal: Type.String(),
  organisation: Type.String(),
  region: Type.Optional(Type.String()),
  projectId: Type.Optional(Type.String()),
  key: Type.Optional(Type.String()),
  version: Type.Optional(Type.Integer()),
  count: Type.Optional(Type.Integer()),
  target: Type.Optional(Type.String()),
  requestId: Type.Optional(Type.String()),
  address: Type.Optional(Type.String()),
  hash: Type.String({ description: 'Hexadecimal.' }),
});
export type AuditItem = Static<typeof AuditItem>;

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Head = Type.Object({ number: Type.Integer({ minimum: 0 }), hash: Hash }, closed);
/** Where the check of the log goes on; from the beginning without it. */
export const AuditVerifyRequest = Type.Object(
  { from: Type.Optional(Head), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })) },
  closed,
);
export const AuditVerifyResponse = Type.Object({
  head: Head,
  isEnd: Type.Boolean(),
  fault: Type.Optional(Type.String()),
});
export type AuditVerifyResponse = Static<typeof AuditVerifyResponse>;
