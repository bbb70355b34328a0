import { type Static, Type } from 'typebox';

/** The wire contract of the signing of zones, below `/v1/dns/zones/{zone}/dnssec`. */

const closed = { additionalProperties: false } as const;
const Time = Type.String({ description: 'RFC 3339.' });
const Seconds = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });

export const policyFields = {
  keyType: Type.Enum(['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-3072', 'rsa-4096']),
  keys: Type.Enum(['csk', 'split']),
  keyLifetime: Type.Integer({
    minimum: 0,
    maximum: 315_360_000,
    description: 'Seconds, in whole days, after which the KMS rotates the CSK or KSK by itself; 0: it is not asked to.',
  }),
  zskLifetime: Type.Integer({ minimum: 0, maximum: 315_360_000, description: 'The same for the ZSK.' }),
  denial: Type.Enum(['nsec', 'nsec3']),
  optOut: Type.Boolean(),
  zonemd: Type.Boolean({
    description: 'Whether each version carries a digest of the whole zone, for which every change reads all of it.',
  }),
  validity: Seconds,
  inceptionOffset: Seconds,
  jitter: Seconds,
  refresh: Seconds,
  dnskeyTtl: Seconds,
  maxTtl: Seconds,
  serial: Type.Enum(['increment', 'unixtime', 'datecounter']),
  propagationDelay: Seconds,
  parentPropagationDelay: Seconds,
  parentDsTtl: Seconds,
  publishSafety: Seconds,
  retireSafety: Seconds,
  kskRollover: Type.Enum(['double-ksk', 'double-ds']),
  algorithmRollover: Type.Enum(['conservative', 'liberal']),
  approval: Type.Boolean({ description: 'Whether a person has to allow each step of a rollover.' }),
};

/** DNSKEY RDATA of another signer, in presentation form. */
const ForeignKeyList = Type.Array(Type.String({ minLength: 1, maxLength: 2000 }), { maxItems: 16 });

export const SigningRequest = Type.Object(
  {
    region: Type.String({ minLength: 1, maxLength: 255 }),
    kmsKeyIdentity: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'A key that signs everything, or the KSK.' }),
    ),
    zskKmsKeyIdentity: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'The ZSK beside the KSK that is named.' }),
    ),
    policy: Type.Optional(Type.Partial(Type.Object(policyFields), closed)),
    policyName: Type.Optional(
      Type.String({ minLength: 1, maxLength: 63, description: 'A policy whose newest version the zone is to have.' }),
    ),
    takeover: Type.Optional(
      Type.Boolean({
        description:
          'The keys that are named are those of the zone already: for at least their TTLs every DNSKEY RRset in use has had ' +
          'them and was signed by the CSK or KSK, and every server of the parent has had the DS of that.',
      }),
    ),
    foreignKeys: Type.Optional(ForeignKeyList),
  },
  closed,
);

export const ForeignKeysRequest = Type.Object({ foreignKeys: ForeignKeyList }, closed);
export const ForeignKeysResponse = Type.Object({
  foreignKeys: Type.Array(
    Type.Object({
      dnskey: Type.String({ description: 'RDATA in presentation form.' }),
      keyTag: Type.Integer(),
      algorithm: Type.Integer(),
      entryPoint: Type.Boolean({ description: 'Whether the parent is to have a DS of it.' }),
      parent: Type.Optional(Type.String({ description: 'Where servers of the parent show its DS, as last seen.' })),
    }),
  ),
  crossPublish: Type.Array(Type.String(), {
    description: 'DNSKEY RDATA of ours, which the other signer is to publish.',
  }),
  knownAt: Type.String({ description: 'RFC 3339; when every resolver that asks our servers knows all of these keys.' }),
  removalWaitsFor: Type.Array(Type.String(), { description: 'Empty: the keys may be taken out.' }),
  handOverWaitsFor: Type.Array(Type.String(), { description: 'Empty: signing may be switched off as handed over.' }),
});
export type ForeignKeysResponse = Static<typeof ForeignKeysResponse>;

export const DisableQuery = Type.Object(
  {
    handedOver: Type.Optional(
      Type.Boolean({
        description:
          'The zone is left to the signer whose keys are published beside ours: for at least the TTLs of the zone, NS have ' +
          'pointed to its name servers only.',
      }),
    ),
  },
  closed,
);

const DsRecord = Type.Object({
  record: Type.String(),
  digestTypeName: Type.String(),
  keyTag: Type.Integer(),
  algorithm: Type.Integer(),
  keyRole: Type.String(),
  publicKey: Type.String(),
  publishAfter: Type.Optional(Time),
});

const Waiting = Type.Object({
  record: Type.String(),
  to: Type.String(),
  kind: Type.String({ description: 'What it waits for: time, safety, policy, parent, publication or human.' }),
  until: Type.Optional(Time),
  text: Type.String({ description: 'For people.' }),
});

export const ZoneKeyItem = Type.Object({
  key: Type.String(),
  kmsKeyIdentity: Type.String(),
  region: Type.String(),
  version: Type.Integer(),
  role: Type.String(),
  algorithm: Type.Integer(),
  keyTag: Type.Integer(),
  goal: Type.String({ description: 'omnipresent: it is to be used; hidden: it is on its way out.' }),
  standby: Type.Boolean(),
  predecessor: Type.Optional(Type.String()),
  dnskey: Type.String({ description: 'RDATA in presentation form.' }),
  records: Type.Record(Type.String(), Type.Object({ state: Type.String(), since: Time })),
  parent: Type.Optional(Type.String({ description: 'Where servers of the parent show its DS, as last seen.' })),
  waiting: Type.Array(Waiting),
});
export type ZoneKeyItem = Static<typeof ZoneKeyItem>;

export const SigningStatus = Type.Object({
  enabled: Type.Boolean(),
  dsDelegated: Type.Boolean(),
  dsRecords: Type.Optional(Type.Array(DsRecord)),
  foreignDsRecords: Type.Optional(
    Type.Array(Type.String(), { description: 'DS that the parent has and that stand for none of the keys.' }),
  ),
  parentValidated: Type.Optional(
    Type.Boolean({
      description:
        'Whether a validating resolver vouched for the names and addresses of the parent’s servers that were last asked for DS; ' +
        'absent where nobody was asked. What these servers answer is believed as it comes.',
    }),
  ),
  parentProblems: Type.Optional(
    Type.Array(Type.String(), { description: 'What kept servers of the parent from being asked the last time.' }),
  ),
  foreignKeyTags: Type.Optional(
    Type.Array(Type.Integer(), { description: 'Keys of another signer that stand beside ours, while the zone moves.' }),
  ),
  lastSignedAt: Type.Optional(Time),
  lastSignError: Type.Optional(Type.String()),
  nextDsProbeAt: Type.Optional(Time),
  kmsKeyIdentity: Type.Optional(Type.String()),
  zskKmsKeyIdentity: Type.Optional(Type.String()),
  region: Type.Optional(Type.String()),
  leaving: Type.Optional(
    Type.Boolean({ description: 'Switched off, and signed until no resolver can hold a DS any more.' }),
  ),
  signingKeys: Type.Optional(Type.Array(ZoneKeyItem)),
  policy: Type.Optional(Type.Object(policyFields)),
  policyName: Type.Optional(Type.String()),
  policyVersion: Type.Optional(Type.Integer()),
  /** When the first signature is renewed; a signature lives `policy.refresh` seconds longer. */
  nextRefreshAt: Type.Optional(Time),
  runwaySeconds: Type.Optional(
    Type.Integer({ description: 'Seconds until the first signature that a resolver could hold expires.' }),
  ),
});
export type SigningStatus = Static<typeof SigningStatus>;

/** Which keys a statement on the parent is about; without a field all whose DS should be so. */
export const DsStatement = Type.Union([
  Type.Object(
    {
      key: Type.Optional(Type.String({ minLength: 1, maxLength: 300 })),
      keyTag: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
    },
    closed,
  ),
  Type.Null(),
]);

export const KeyPath = Type.Object({
  zone: Type.String({ maxLength: 255 }),
  key: Type.String({ maxLength: 300 }),
});
export const RolloverRequest = Type.Union([
  Type.Object({ role: Type.Optional(Type.Enum(['csk', 'ksk', 'zsk'])) }, closed),
  Type.Null(),
]);
export const StandbyRequest = Type.Union([
  Type.Object({ kmsKeyIdentity: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }, closed),
  Type.Null(),
]);

/** What a replacement at once does to resolvers. */
export const ReplacementResponse = Type.Object({
  outage: Type.Optional(
    Type.Object({
      zoneSeconds: Type.Integer({ description: 'How long some resolvers take the zone for bogus.' }),
      afterParentSeconds: Type.Optional(
        Type.Integer({
          description: 'And until so long after all servers of the parent have the new DS and not the old.',
        }),
      ),
    }),
  ),
  status: SigningStatus,
});

export const EventsQuery = Type.Object(
  {
    after: Type.Optional(Type.Integer({ minimum: 0, description: 'Number of the last event that is known.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  closed,
);
export const ZoneEventItem = Type.Object({
  number: Type.Integer(),
  zone: Type.Optional(Type.String({ description: 'Identity of the zone; absent where all are of one zone.' })),
  kind: Type.String(),
  at: Time,
  text: Type.String({ description: 'For people.' }),
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export type ZoneEventItem = Static<typeof ZoneEventItem>;

const MoveItem = {
  key: Type.String(),
  record: Type.String(),
  from: Type.String(),
  to: Type.String(),
  at: Time,
};
export const TimelineQuery = Type.Object({ format: Type.Optional(Type.Enum(['json', 'svg'])) }, closed);
export const TimelineResponse = Type.Object({
  zone: Type.String(),
  now: Time,
  keys: Type.Array(Type.Object({ key: Type.String(), title: Type.String(), detail: Type.String() })),
  past: Type.Array(Type.Object(MoveItem)),
  planned: Type.Array(
    Type.Object({
      ...MoveItem,
      atTheEarliest: Type.Boolean({ description: 'It rests on the parent, or the signing, being as quick as can be.' }),
    }),
  ),
});
export type TimelineResponse = Static<typeof TimelineResponse>;
