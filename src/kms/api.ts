import { type Static, type TProperties, Type } from 'typebox';
import type { ParsedBinaryBatch } from '#kms/core/binary-batch.ts';
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
    importKeyMaterial: Type.Optional(
      Type.String({ description: 'base64 of RSA-OAEP(ephemeral AES-256 key) ‖ AES-KWP(target).', maxLength: 65_536 }),
    ),
    hashFunction: Type.Optional(Type.String({ description: 'Hash of OAEP; SHA-256 unless named.', maxLength: 40 })),
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

/** Items of one page. */
export const maxPage = 1000;
const paging = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPage })),
  after: Type.Optional(Type.String({ maxLength: 400, description: 'X-Next-Cursor of the page before.' })),
};

export const ListKeysQuery = Type.Object({
  ...paging,
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
const signChoices = { ...signatureChoices, keyVersion: Type.Optional(KeyVersionText) };
const ItemError = Type.Object({ code: Type.String(), message: Type.String() });

export const SignRequest = Type.Object(
  {
    ...signChoices,
    input: Type.Optional(Base64),
    batch: Type.Optional(Type.Array(Type.Object({ input: Base64 }, closed), { minItems: 1, maxItems: maxBatch })),
  },
  closed,
);
export type SignRequest = Static<typeof SignRequest>;

/** A batch of `application/vnd.zoneseal.batch`; the answer has the same form. */
export const BinarySignRequest = Type.Object(
  {
    head: Type.Object(signChoices, closed),
    items: Type.Unsafe<ParsedBinaryBatch['items']>({ description: 'The inputs, octets as they are.' }),
  },
  {
    ...closed,
    description: 'uint32 length of the head, head in JSON, uint32 count, uint32 length of each item, items.',
  },
);
export type BinarySignRequest = Static<typeof BinarySignRequest>;

/** The head of the answer: the version that signed, and why the items that stand empty have no signature. */
export const BinarySignAnswer = Type.Object({
  keyVersion: Type.String(),
  errors: Type.Array(Type.Object({ index: Type.Integer(), code: Type.String(), message: Type.String() })),
});
export type BinarySignAnswer = Static<typeof BinarySignAnswer>;

export const SignResult = Type.Object({ signature: Type.String(), keyVersion: Type.String() });
export const SignBatchResponse = Type.Object({
  results: Type.Array(Type.Union([SignResult, Type.Object({ error: ItemError })])),
});
export type SignBatchResponse = Static<typeof SignBatchResponse>;

const batchOf = <Item extends TProperties>(item: Item) =>
  Type.Optional(Type.Array(Type.Object(item, closed), { minItems: 1, maxItems: maxBatch }));

export const VerifyRequest = Type.Object(
  {
    ...signatureChoices,
    input: Type.Optional(Base64),
    signature: Type.Optional(Type.String()),
    batch: batchOf({ input: Base64, signature: Type.String() }),
  },
  closed,
);
export type VerifyRequest = Static<typeof VerifyRequest>;

const AssociatedData = Type.Optional(Type.String({ description: 'Standard base64 with padding; not encrypted.' }));

export const EncryptRequest = Type.Object(
  {
    keyVersion: Type.Optional(KeyVersionText),
    plaintext: Type.Optional(Base64),
    associatedData: AssociatedData,
    batch: batchOf({ plaintext: Base64, associatedData: AssociatedData }),
  },
  closed,
);
export type EncryptRequest = Static<typeof EncryptRequest>;

/** Of a decryption and of a rewrapping. */
export const CiphertextRequest = Type.Object(
  {
    ciphertext: Type.Optional(Type.String()),
    associatedData: AssociatedData,
    batch: batchOf({ ciphertext: Type.String(), associatedData: AssociatedData }),
  },
  closed,
);
export type CiphertextRequest = Static<typeof CiphertextRequest>;

const hmacChoices = {
  algorithm: Type.Optional(Type.String({ maxLength: 40 })),
  hashAlgorithm: Type.Optional(Type.String({ maxLength: 40 })),
};

export const HmacRequest = Type.Object(
  {
    ...hmacChoices,
    keyVersion: Type.Optional(KeyVersionText),
    input: Type.Optional(Base64),
    batch: batchOf({ input: Base64 }),
  },
  closed,
);
export type HmacRequest = Static<typeof HmacRequest>;

export const VerifyHmacRequest = Type.Object(
  {
    ...hmacChoices,
    input: Type.Optional(Base64),
    hmac: Type.Optional(Type.String()),
    batch: batchOf({ input: Base64, hmac: Type.String() }),
  },
  closed,
);
export type VerifyHmacRequest = Static<typeof VerifyHmacRequest>;

export const ExportRequest = Type.Object({ keyVersion: Type.Optional(KeyVersionText) }, closed);
export const ExportResponse = Type.Object({ keyMaterial: Type.String(), keyVersion: Type.String() });
export const WrappingKeyResponse = Type.Object({ publicKey: Type.String(), algorithm: Type.String() });

export const DataKeyRequest = Type.Object(
  {
    bits: Type.Optional(Type.Union([Type.Literal(128), Type.Literal(256)])),
    associatedData: AssociatedData,
  },
  closed,
);
export const DataKeyResponse = Type.Object({
  plaintext: Type.String(),
  ciphertext: Type.String(),
  keyVersion: Type.String(),
});

/** Seconds that a call for events may wait at most. */
export const maxEventWait = 30;
export const EventsQuery = Type.Object(
  {
    after: Type.Optional(Type.Integer({ minimum: 0, description: 'Number of the last event that is known.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPage })),
    wait: Type.Optional(
      Type.Integer({ minimum: 0, maximum: maxEventWait, description: 'Seconds to wait for an event.' }),
    ),
  },
  closed,
);
export const KeyEventItem = Type.Object({
  number: Type.Integer(),
  kind: Type.String(),
  key: Type.String(),
  region: Type.String(),
  projectId: Type.Optional(Type.String()),
  version: Type.Optional(Type.Integer()),
  at: Time,
});
export type KeyEventItem = Static<typeof KeyEventItem>;

export const Summary = Type.Object({
  featureEnabled: Type.Boolean(),
  /** The organisation that was named, be it by its slug. */
  organisation: Type.Optional(Type.String({ description: 'Its identity.' })),
  /** Who asks, for services that let the KMS check their callers. */
  caller: Type.Optional(
    Type.Object({
      identity: Type.String(),
      organisation: Type.Optional(
        Type.String({ description: 'The one organisation that the caller belongs to; any without it.' }),
      ),
      policies: Type.Array(Type.String()),
    }),
  ),
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
