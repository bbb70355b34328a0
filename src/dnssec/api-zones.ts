import { type Static, Type } from 'typebox';

/** The wire contract of `/v1/dns`: zones that the service holds and keeps signed. */

const closed = { additionalProperties: false } as const;
const Labels = Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 4096 }), {
  maxProperties: 64,
});
const Time = Type.String({ description: 'RFC 3339.' });
const described = {
  description: Type.Optional(Type.String({ maxLength: 1024 })),
  labels: Type.Optional(Labels),
  annotations: Type.Optional(Labels),
};

export const ZonePath = Type.Object({ zone: Type.String({ maxLength: 255 }) });
export const RecordPath = Type.Object({
  zone: Type.String({ maxLength: 255 }),
  record: Type.String({ maxLength: 1024 }),
});
export const NamedRecordPath = Type.Object({
  zone: Type.String({ maxLength: 255 }),
  record: Type.String({ maxLength: 1024 }),
  type: Type.String({ maxLength: 20 }),
});
export const VersionPath = Type.Object({
  zone: Type.String({ maxLength: 255 }),
  version: Type.Integer({ minimum: 1 }),
});

export const DnsZone = Type.Object({
  identity: Type.String(),
  name: Type.String(),
  slug: Type.String(),
  ...described,
  projectId: Type.Optional(Type.String()),
  createdAt: Time,
  updatedAt: Type.Optional(Time),
  objectVersion: Type.Integer(),
  serial: Type.Integer(),
  version: Type.Integer(),
});
export type DnsZone = Static<typeof DnsZone>;

export const CreateZoneRequest = Type.Object({ zoneName: Type.String({ maxLength: 300 }), ...described }, closed);
export const DescribeZoneRequest = Type.Object(described, closed);
export const ListZonesQuery = Type.Object({
  name: Type.Optional(Type.String()),
  identity: Type.Optional(Type.String()),
  slug: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  after: Type.Optional(Type.String({ maxLength: 300, description: 'X-Next-Cursor of the page before.' })),
});

const values = Type.Array(Type.String({ maxLength: 65_535 }), { minItems: 1, maxItems: 1000 });
const Ttl = Type.Integer({ minimum: 1, maximum: 604_800, description: 'Seconds.' });

export const DnsRecord = Type.Object({
  identity: Type.String(),
  name: Type.String(),
  type: Type.String(),
  ttl: Type.Integer(),
  values: Type.Array(Type.String()),
  createdAt: Time,
  updatedAt: Type.Optional(Time),
});
export type DnsRecord = Static<typeof DnsRecord>;

const record = {
  name: Type.String({ maxLength: 1024 }),
  type: Type.String({ maxLength: 20 }),
  ttl: Type.Optional(Ttl),
  values,
};
export const CreateRecordRequest = Type.Object(record, closed);
export const UpdateRecordRequest = Type.Object({ ttl: Type.Optional(Ttl), values }, closed);
export const ListRecordsQuery = Type.Object(
  {
    recordType: Type.Optional(Type.String({ maxLength: 20 })),
    name: Type.Optional(Type.String({ maxLength: 1024 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    after: Type.Optional(Type.String({ maxLength: 2000, description: 'X-Next-Cursor of the page before.' })),
  },
  closed,
);

export const DryRunQuery = Type.Object({ dryRun: Type.Optional(Type.Boolean()) }, closed);

/** Changes that become one version of the zone, or none. */
export const ChangesRequest = Type.Object(
  {
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    changes: Type.Array(
      Type.Union([
        Type.Object({ action: Type.Literal('create'), ...record }, closed),
        Type.Object({ action: Type.Literal('put'), ...record }, closed),
        Type.Object({ action: Type.Literal('delete'), name: record.name, type: record.type }, closed),
      ]),
      { minItems: 1, maxItems: 10_000 },
    ),
  },
  closed,
);
export const ChangesResponse = Type.Object({
  /** The newest version, which is the one before when nothing changed. */
  version: Type.Integer(),
  serial: Type.Integer(),
  dryRun: Type.Boolean(),
  removed: Type.Integer({ description: 'Records that go, signatures among them.' }),
  added: Type.Integer(),
  warnings: Type.Array(Type.String()),
  records: Type.Array(DnsRecord),
});

export const ExportQuery = Type.Object({ signed: Type.Optional(Type.Boolean()) }, closed);
export const WorkResponse = Type.Object(
  {
    work: Type.Optional(
      Type.Object(
        {
          since: Time,
          done: Type.Integer({ description: 'RRsets that are ready.' }),
          total: Type.Integer({ description: 'RRsets of the zone, without its chain of denial.' }),
        },
        { description: 'Absent while no whole version is made, or one that takes a moment.' },
      ),
    ),
  },
  closed,
);
export const ExportResponse = Type.Object({ zoneName: Type.String(), zoneFile: Type.String() });
export const ImportRequest = Type.Object(
  { zoneFile: Type.String(), replaceExisting: Type.Optional(Type.Boolean()) },
  closed,
);
export type ImportRequest = Static<typeof ImportRequest>;
export const ImportQuery = Type.Object(
  {
    dryRun: Type.Optional(Type.Boolean()),
    replaceExisting: Type.Optional(Type.Boolean({ description: 'For a body of text/dns.' })),
  },
  closed,
);
export const ImportResponse = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  deleted: Type.Integer(),
  skipped: Type.Integer(),
  records: Type.Array(DnsRecord, { description: 'Those that were created or updated, 10 000 of them at most.' }),
  recordsOmitted: Type.Optional(Type.Integer({ description: 'How many more there are.' })),
});
export type ImportResponse = Static<typeof ImportResponse>;

export const ListVersionsQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    before: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
);
export const ZoneVersionItem = Type.Object({
  version: Type.Integer(),
  serial: Type.Integer(),
  at: Time,
  reason: Type.String(),
  principal: Type.Optional(Type.String()),
  removed: Type.Optional(Type.Integer()),
  added: Type.Optional(Type.Integer()),
});
export const DifferencesResponse = Type.Object({
  removed: Type.Array(Type.String()),
  added: Type.Array(Type.String()),
});

const names = Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 20 });
export const FeedRequest = Type.Object({ primaries: Type.Optional(names), updateKeys: Type.Optional(names) }, closed);
export const FeedStatus = Type.Object({
  primaries: Type.Array(Type.String(), { description: 'Address and port of each, as the settings have them.' }),
  updateKeys: Type.Array(Type.String(), { description: 'TSIG keys that sign dynamic updates.' }),
  serial: Type.Optional(Type.Integer({ description: 'Of the newest version that the primaries gave.' })),
  freshAt: Type.Optional(Time),
  nextFetchAt: Type.Optional(Time),
  lastError: Type.Optional(Type.String()),
});
export type FeedStatus = Static<typeof FeedStatus>;

const Runway = Type.Object({
  identity: Type.String(),
  name: Type.String(),
  runwaySeconds: Type.Integer({ description: 'Until the first signature that a resolver could hold expires.' }),
  lastSignError: Type.Optional(Type.String()),
});
export const ZonesSummary = Type.Object({
  total: Type.Integer(),
  signed: Type.Integer(),
  failing: Type.Integer({ description: 'Zones whose last try to sign failed; they are tried again.' }),
  shortestRunway: Type.Optional(Runway),
  lowRunways: Type.Array(Runway, { description: 'Zones with less than half of what they should have, at most 100.' }),
  lowRunwayCount: Type.Integer(),
});
export type ZonesSummary = Static<typeof ZonesSummary>;
