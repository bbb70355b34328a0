import { type Static, Type } from 'typebox';

/** The wire contract of what registrars are told. */

const word = <Word extends string>(...words: readonly Word[]) => Type.Union(words.map((one) => Type.Literal(one)));

export const RegistrarQuery = Type.Object(
  {
    format: Type.Optional(word('json', 'text', 'ds', 'dnskey', 'cds', 'epp')),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 300,
        description: 'Only this key: its key tag, its identity in the KMS, or IDENTITY@VERSION.',
      }),
    ),
    eppForm: Type.Optional(word('ds', 'key')),
    eppCommand: Type.Optional(word('update', 'create')),
    digest: Type.Optional(word('sha256', 'sha384', 'both')),
    maxSigLife: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'Seconds.' })),
  },
  { additionalProperties: false },
);
export type RegistrarQuery = Static<typeof RegistrarQuery>;

export const RegistrarView = Type.Object({
  zone: Type.String(),
  removesAll: Type.Boolean({ description: 'The zone goes insecure: the parent is to have no DS.' }),
  keys: Type.Array(
    Type.Object({
      kmsKeyIdentity: Type.String(),
      version: Type.Integer(),
      role: Type.String(),
      algorithm: Type.Integer(),
      algorithmName: Type.String(),
      keyTag: Type.Integer(),
      action: word('add', 'keep', 'remove', 'wait', 'none'),
      from: Type.Optional(Type.String({ description: 'RFC 3339; the DS must not be added before.' })),
      reason: Type.String(),
      dnskey: Type.String(),
      ds: Type.Array(Type.String()),
      parentDs: Type.Optional(
        Type.Array(Type.String(), {
          description: 'DS of the key that the parent was last seen with, of any digest type.',
        }),
      ),
      cds: Type.Array(Type.String()),
      cdnskey: Type.Array(Type.String()),
    }),
  ),
});
export type RegistrarView = Static<typeof RegistrarView>;
