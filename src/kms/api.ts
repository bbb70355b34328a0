import { type Static, Type } from 'typebox';
import { keyTypes } from '#kms/core/key-types.ts';

/** The wire contract of `/v1/kms`. Answers may gain fields; clients pass over those that they do not know. */

const closed = { additionalProperties: false } as const;
const Labels = Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 4096 }), {
  maxProperties: 64,
});
const Time = Type.String({ description: 'RFC 3339.' });
const KeyVersionText = Type.String({ maxLength: 12, description: 'A version number: 1 or v1.' });

export const KmsKey = Type.Object({
  identity: Type.String(),
  name: Type.String(),
  slug: Type.String(),
  description: Type.Optional(Type.String()),
  labels: Type.Optional(Labels),
  annotations: Type.Optional(Labels),
  projectId: Type.Optional(Type.String()),
  keyType: Type.String(),
  status: Type.Union([Type.Literal('active'), Type.Literal('disabled'), Type.Literal('pending_deletion')]),
  exportAllowed: Type.Boolean(),
  imported: Type.Optional(Type.Boolean()),
  keyRotationEnabled: Type.Boolean(),
  rotationPeriodInDays: Type.Optional(Type.Integer()),
  latestVersion: Type.Integer(),
  minDecryptionVersion: Type.Integer(),
  versions: Type.Array(Type.Object({ version: Type.Integer(), status: Type.String(), createdAt: Time })),
  deletionScheduledAt: Type.Optional(Time),
  createdAt: Time,
  updatedAt: Time,
  objectVersion: Type.Integer(),
  organisation: Type.Optional(Type.Object({ identity: Type.String(), name: Type.String(), slug: Type.String() })),
  lastRotatedAt: Type.Optional(Time),
  nextRotationAt: Type.Optional(Time),
});
export type KmsKey = Static<typeof KmsKey>;

export const CreateKeyRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    description: Type.Optional(Type.String({ maxLength: 1024 })),
    labels: Type.Optional(Labels),
    annotations: Type.Optional(Labels),
    keyType: Type.Optional(Type.Union(keyTypes.map((type) => Type.Literal(type)))),
    exportAllowed: Type.Optional(Type.Boolean()),
    keyRotationEnabled: Type.Optional(Type.Boolean()),
    rotationPeriodInDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
    allowRotation: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type CreateKeyRequest = Static<typeof CreateKeyRequest>;

export const RotationRequest = Type.Object(
  {
    keyRotationEnabled: Type.Optional(Type.Boolean()),
    rotationPeriodInDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
  },
  closed,
);

export const ListKeysQuery = Type.Object({
  identity: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  slug: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
});

export const PublicKeyQuery = Type.Object(
  {
    version: Type.Optional(KeyVersionText),
    format: Type.Optional(Type.String({ description: 'pem, der, raw or jwk.' })),
  },
  closed,
);
export const PublicKeys = Type.Object({ keys: Type.Record(Type.String(), Type.String()) });

/** Items of one batch. */
export const maxBatch = 10_000;
const Base64 = Type.String({ description: 'Standard base64 with padding.' });
const signatureChoices = {
  hashAlgorithm: Type.Optional(Type.String({ maxLength: 40 })),
  prehashed: Type.Optional(Type.Boolean()),
  signatureAlgorithm: Type.Optional(Type.String({ description: 'pss or pkcs1v15, for RSA.', maxLength: 40 })),
  marshalingAlgorithm: Type.Optional(Type.String({ description: 'asn1, p1363 or jws, for ECDSA.', maxLength: 40 })),
  context: Type.Optional(Type.String()),
};
const ItemError = Type.Object({ code: Type.String(), message: Type.String() });

export const SignRequest = Type.Object(
  {
    ...signatureChoices,
    keyVersion: Type.Optional(KeyVersionText),
    input: Type.Optional(Base64),
    batch: Type.Optional(Type.Array(Type.Object({ input: Base64 }, closed), { minItems: 1, maxItems: maxBatch })),
  },
  closed,
);
export type SignRequest = Static<typeof SignRequest>;

export const SignResult = Type.Object({ signature: Type.String(), keyVersion: Type.String() });
export const SignBatchResponse = Type.Object({
  results: Type.Array(Type.Union([SignResult, Type.Object({ error: ItemError })])),
});
export type SignBatchResponse = Static<typeof SignBatchResponse>;

export const VerifyRequest = Type.Object(
  {
    ...signatureChoices,
    input: Type.Optional(Base64),
    signature: Type.Optional(Type.String()),
    batch: Type.Optional(
      Type.Array(Type.Object({ input: Base64, signature: Type.String() }, closed), { minItems: 1, maxItems: maxBatch }),
    ),
  },
  closed,
);
export type VerifyRequest = Static<typeof VerifyRequest>;

export const Summary = Type.Object({
  featureEnabled: Type.Boolean(),
  regions: Type.Array(
    Type.Object({
      identity: Type.String(),
      name: Type.String(),
      slug: Type.String(),
      kmsAvailable: Type.Boolean(),
      totalKeys: Type.Integer(),
      activeKeys: Type.Integer(),
      disabledKeys: Type.Integer(),
      pendingDeletionKeys: Type.Integer(),
    }),
  ),
});
export type Summary = Static<typeof Summary>;
