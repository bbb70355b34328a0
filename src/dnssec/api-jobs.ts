import { type Static, Type } from 'typebox';

/** The wire contract of `/v1/dns/jobs`: the queue of the zones that have something due. */

const closed = { additionalProperties: false } as const;
const Time = Type.String({ description: 'RFC 3339.' });
const Count = Type.Integer({ minimum: 0 });

export const QueueStatus = Type.Object({
  waiting: Type.Integer({ description: 'Jobs that could start at once.' }),
  delayed: Type.Integer({ description: 'Jobs that wait for another attempt.' }),
  active: Count,
  failed: Type.Integer({ description: 'Jobs that failed as often as they may.' }),
  pausedAt: Type.Optional(Time),
});
export type QueueStatus = Static<typeof QueueStatus>;

export const FailedJob = Type.Object({
  number: Type.Integer({ description: 'Of the zone, in this list.' }),
  zone: Type.Optional(Type.String({ description: 'Identity of the zone; absent when it was deleted.' })),
  zoneName: Type.Optional(Type.String()),
  priority: Type.String(),
  attempts: Type.Integer(),
  error: Type.String(),
  at: Time,
});
export type FailedJob = Static<typeof FailedJob>;

export const FailedJobsQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  after: Type.Optional(Type.Integer({ description: 'Number of the last job that was seen.' })),
});
export const RetryRequest = Type.Object(
  {
    jobs: Type.Optional(
      Type.Array(Type.Integer(), { maxItems: 10_000, description: 'Numbers of failed jobs; all of them without it.' }),
    ),
  },
  closed,
);
export const RetryAnswer = Type.Object({ retried: Count });

export const GroupPath = Type.Object({ group: Type.String({ maxLength: 400 }) });
export const GroupsQuery = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) });
export const GroupProgress = Type.Object({
  identity: Type.String(),
  title: Type.String(),
  startedAt: Time,
  endedAt: Type.Optional(Time),
  total: Type.Integer({ description: 'Zones: open, done and failed together.' }),
  open: Count,
  done: Count,
  failed: Count,
});
export type GroupProgress = Static<typeof GroupProgress>;
