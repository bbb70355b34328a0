import { type Static, Type } from 'typebox';
import { policyFields } from '#dnssec/api-signing.ts';

/** The wire contract of `/v1/dns/policies`. */

const closed = { additionalProperties: false } as const;
const PolicyName = Type.String({ minLength: 1, maxLength: 63 });

export const PolicyPath = Type.Object({ policy: PolicyName });
export const PolicyVersionQuery = Type.Object({ version: Type.Optional(Type.Integer({ minimum: 0 })) }, closed);
export const PolicyRequest = Type.Partial(Type.Object(policyFields), closed);
export const PolicyItem = Type.Object({
  name: Type.String(),
  version: Type.Integer({ description: '0 is the one that comes with the service.' }),
  createdAt: Type.Optional(Type.String({ description: 'RFC 3339.' })),
  principal: Type.Optional(Type.String()),
  policy: Type.Object(policyFields),
});
export type PolicyItem = Static<typeof PolicyItem>;

const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
const effect = {
  changes: Type.Array(Type.Object({ field: Type.String(), from: Value, to: Value })),
  effects: Type.Array(Type.Enum(['key-rollover', 'signed-anew', 'noted'])),
  faults: Type.Array(Type.String({ description: 'Why it is refused.' })),
};

/** What signing a zone as asked for would do. */
export const SigningPreviewItem = Type.Object({ policy: Type.Object(policyFields), ...effect });

export const ApplyQuery = Type.Object(
  {
    dryRun: Type.Optional(Type.Boolean()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  closed,
);
const ZoneOfRun = Type.Object({ zone: Type.String(), name: Type.String(), from: Type.Integer(), ...effect });
export type AppliedZone = Static<typeof ZoneOfRun>;
export const ApplyResponse = Type.Object({
  version: Type.Integer(),
  dryRun: Type.Boolean(),
  zones: Type.Array(ZoneOfRun),
  left: Type.Integer({ description: 'Zones that have an older version still.' }),
});
export type PolicyRunItem = Static<typeof ApplyResponse>;
