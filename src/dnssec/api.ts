import { type Static, Type } from 'typebox';

/** The wire contract of `/v1/dnssec`: what requests may hold and what answers do hold. */

const closed = { additionalProperties: false } as const;

const DomainName = Type.String({
  minLength: 1,
  maxLength: 1100,
  description: 'A domain name in presentation form; absolute with or without the final dot.',
  examples: ['example.com.'],
});

const Seconds = (description: string) => Type.Integer({ minimum: 0, maximum: 0x7fffffff, description });

export const Role = Type.Union([Type.Literal('csk'), Type.Literal('ksk'), Type.Literal('zsk')], {
  description: 'What the key signs: a KSK the DNSKEY, CDS and CDNSKEY RRsets, a ZSK all others, a CSK everything.',
});

export const KeyReference = Type.Object(
  {
    kmsKeyIdentity: Type.String({ minLength: 1, maxLength: 255, description: 'Identity or slug of a KMS key.' }),
    role: Type.Optional(Role),
    versions: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1 }), {
        minItems: 1,
        maxItems: 8,
        uniqueItems: true,
        description:
          'The versions that sign. Without it the newest and its predecessor, so that a rotation breaks nothing.',
      }),
    ),
    algorithm: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 255,
        description: 'DNSSEC algorithm where the key type allows several (RSA: 8 or 10).',
      }),
    ),
  },
  closed,
);
export type KeyReference = Static<typeof KeyReference>;

export const Validity = Type.Object(
  {
    lifetime: Type.Optional(Seconds('Seconds from now to the expiration. Default 14 days.')),
    inceptionOffset: Type.Optional(Seconds('Seconds by which the inception lies in the past. Default 1 hour.')),
    jitter: Type.Optional(
      Seconds('Largest number of seconds taken off the lifetime, the same for an RRset each time.'),
    ),
  },
  closed,
);

export const RRset = Type.Object(
  {
    name: DomainName,
    type: Type.String({ description: 'A mnemonic or TYPEnnn.', examples: ['AAAA'], minLength: 1, maxLength: 20 }),
    ttl: Type.Integer({ minimum: 0, maximum: 0x7fffffff, description: 'Seconds.' }),
    rdata: Type.Array(Type.String({ maxLength: 300_000 }), {
      minItems: 1,
      maxItems: 65_535,
      description: 'RDATA in presentation form, names absolute or relative to the zone.',
      examples: [['2001:db8::1']],
    }),
  },
  closed,
);
export type RRset = Static<typeof RRset>;

export const SignRRsetsRequest = Type.Object(
  {
    zone: DomainName,
    region: Type.String({ minLength: 1, maxLength: 255, description: 'The KMS region of the keys.' }),
    keys: Type.Array(KeyReference, { minItems: 1, maxItems: 8 }),
    validity: Type.Optional(Validity),
    rrsets: Type.Array(RRset, { minItems: 1, maxItems: 10_000 }),
  },
  closed,
);
export type SignRRsetsRequest = Static<typeof SignRRsetsRequest>;

export const ZoneKeyView = Type.Object({
  kmsKeyIdentity: Type.String(),
  version: Type.Integer(),
  role: Role,
  algorithm: Type.Integer(),
  algorithmName: Type.String(),
  keyTag: Type.Integer(),
  dnskey: Type.String({ description: 'The DNSKEY record as a master-file line.' }),
});

export const SignRRsetsResponse = Type.Object({
  zone: Type.String(),
  keys: Type.Array(ZoneKeyView),
  rrsets: Type.Array(
    Type.Object({
      name: Type.String(),
      type: Type.String(),
      ttl: Type.Integer(),
      rdata: Type.Array(Type.String()),
      rrsigs: Type.Array(Type.String({ description: 'RDATA of an RRSIG in presentation form.' })),
    }),
  ),
});
export type SignRRsetsResponse = Static<typeof SignRRsetsResponse>;

export const DescribeKeysQuery = Type.Object(
  {
    zone: DomainName,
    region: Type.String({ minLength: 1 }),
    role: Type.Optional(Role),
    algorithm: Type.Optional(Type.String({ pattern: '^\\d{1,3}$' })),
  },
  closed,
);

export const KeyRecords = Type.Object({
  zone: Type.String(),
  keys: Type.Array(
    Type.Object({
      ...ZoneKeyView.properties,
      ds: Type.Array(Type.String(), { description: 'DS records (SHA-256, SHA-384); none for a ZSK.' }),
      cds: Type.Array(Type.String()),
      cdnskey: Type.Array(Type.String()),
    }),
  ),
});
export type KeyRecords = Static<typeof KeyRecords>;

const Flag = Type.Union([Type.Literal('true'), Type.Literal('false')]);
const KeyText = Type.String({
  minLength: 1,
  maxLength: 300,
  description: 'A KMS key, with versions if wanted: identity@1,2',
});
const DurationText = Type.String({
  maxLength: 40,
  examples: ['14d', '1209600'],
  description: 'Seconds, or numbers with s, m, h, d, w.',
});

export const SignZoneQuery = Type.Object(
  {
    region: Type.String({ minLength: 1, maxLength: 255 }),
    origin: Type.Optional(DomainName),
    csk: Type.Optional(KeyText),
    ksk: Type.Optional(KeyText),
    zsk: Type.Optional(KeyText),
    algorithm: Type.Optional(
      Type.String({ pattern: '^\\d{1,3}$', description: 'DNSSEC algorithm number, for RSA keys: 8 or 10.' }),
    ),
    denial: Type.Optional(Type.Union([Type.Literal('nsec'), Type.Literal('nsec3')])),
    optOut: Type.Optional(Flag),
    validity: Type.Optional(DurationText),
    inceptionOffset: Type.Optional(DurationText),
    jitter: Type.Optional(DurationText),
    serial: Type.Optional(
      Type.Union([
        Type.Literal('keep'),
        Type.Literal('increment'),
        Type.Literal('unixtime'),
        Type.Literal('datecounter'),
      ]),
    ),
    zonemd: Type.Optional(Flag),
  },
  closed,
);
export type SignZoneQuery = Static<typeof SignZoneQuery>;

export const VerifyZoneQuery = Type.Object(
  {
    origin: Type.Optional(DomainName),
    at: Type.Optional(
      Type.String({ format: 'date-time', description: 'The time at which signatures must be valid. Default now.' }),
    ),
    anchor: Type.Optional(
      Type.String({ maxLength: 5000, description: 'DS or DNSKEY records of the apex as master-file lines.' }),
    ),
  },
  closed,
);

export const VerifyZoneResponse = Type.Object({
  valid: Type.Boolean(),
  zone: Type.String(),
  records: Type.Integer(),
  signaturesChecked: Type.Integer(),
  faults: Type.Array(
    Type.Object({
      severity: Type.Union([Type.Literal('error'), Type.Literal('warning')]),
      code: Type.String(),
      owner: Type.String(),
      type: Type.Optional(Type.String()),
      message: Type.String(),
    }),
    { description: 'At most 1000.' },
  ),
});
export type VerifyZoneResponse = Static<typeof VerifyZoneResponse>;
