import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import {
  FailedJob,
  FailedJobsQuery,
  GroupPath,
  GroupProgress,
  GroupsQuery,
  QueueStatus,
  RetryAnswer,
  RetryRequest,
} from '#dnssec/api-jobs.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneCallers } from '#dnssec/http/zone-caller.ts';
import type { DeadJob, JobGroupProgress, JobQueue } from '#dnssec/ports-jobs.ts';
import type { ManagedZone, ZoneStore } from '#dnssec/ports-zones.ts';
import { formatInstant } from '#lib/clock.ts';

export interface JobRoutesOptions {
  readonly queue: JobQueue;
  readonly store: Pick<ZoneStore, 'getZone'>;
  readonly callers: ZoneCallers;
}

const described = <Answer>(summary: string, answer: Answer) => ({
  summary,
  tags: ['Queue'],
  response: { 200: answer },
});

/** The queue of re-signing, for those who run the service. */
export const jobRoutes: FastifyPluginAsyncTypebox<JobRoutesOptions> = async (app, { queue, store, callers }) => {
  app.addHook('preHandler', async (request) => callers.admitOperator(request));

  app.get('/jobs', { schema: described('How the queue stands', QueueStatus) }, () => statusOf(queue));

  app.post('/jobs/pause', { schema: described('Start no job from now on', QueueStatus) }, async () => {
    await queue.pause();
    return statusOf(queue);
  });

  app.post('/jobs/resume', { schema: described('Start jobs again', QueueStatus) }, async () => {
    await queue.resume();
    return statusOf(queue);
  });

  app.get(
    '/jobs/failed',
    {
      schema: {
        ...described(
          'Jobs that failed as often as they may; zones of theirs are looked at again at times',
          Type.Array(FailedJob),
        ),
        querystring: FailedJobsQuery,
      },
    },
    async ({ query: { limit = 100, after } }) => {
      const failed = await queue.listDead(limit, after);
      return Promise.all(failed.map(async (job) => renderFailed(job, await findZone(store, job.zoneId))));
    },
  );

  app.post(
    '/jobs/failed/retry',
    { schema: { ...described('Try failed jobs again now', RetryAnswer), body: RetryRequest } },
    async ({ body: { jobs } }) => ({ retried: await queue.retryDead(jobs) }),
  );

  app.get(
    '/jobs/groups',
    {
      schema: {
        ...described('Jobs that one cause asked for, such as the rotation of a key', Type.Array(GroupProgress)),
        querystring: GroupsQuery,
      },
    },
    async ({ query: { limit = 20 } }) => (await queue.listGroups(limit)).map(renderGroup),
  );

  app.get(
    '/jobs/groups/:group',
    { schema: { ...described('How far a group of jobs has come', GroupProgress), params: GroupPath } },
    async ({ params: { group } }) => {
      const found = await queue.findGroup(group);
      if (found === undefined) throw new DnssecError('not-found', `there is no group ${JSON.stringify(group)}`);
      return renderGroup(found);
    },
  );
};

async function statusOf(queue: JobQueue): Promise<QueueStatus> {
  const { waiting, delayed, active, dead, pausedAt } = await queue.state();
  const paused = pausedAt === undefined ? {} : { pausedAt: formatInstant(pausedAt) };
  return { waiting, delayed, active, failed: dead, ...paused };
}

async function findZone(store: JobRoutesOptions['store'], zoneId: number): Promise<ManagedZone | undefined> {
  try {
    return await store.getZone(zoneId);
  } catch (error) {
    if (error instanceof DnssecError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function renderFailed({ zoneId, priority, attempts, error, at }: DeadJob, zone: ManagedZone | undefined): FailedJob {
  return {
    number: zoneId,
    ...(zone === undefined ? {} : { zone: zone.identity, zoneName: zone.name }),
    priority,
    attempts,
    error,
    at: formatInstant(at),
  };
}

function renderGroup({ id, title, startedAt, endedAt, ...counts }: JobGroupProgress): GroupProgress {
  return {
    identity: id,
    title,
    startedAt: formatInstant(startedAt),
    ...(endedAt === undefined ? {} : { endedAt: formatInstant(endedAt) }),
    ...counts,
  };
}
