import { parentPort, workerData, type TransferListItem } from 'node:worker_threads';
import { CryptoEngine } from '#kms/adapters/provider-node-engine.ts';
import {
  failureOf,
  type BatchAnswer,
  type BatchJob,
  type Reply,
  type Request,
  type Response,
  type Task,
} from '#kms/adapters/provider-node-protocol.ts';
import type { Kek } from '#kms/core/envelope.ts';
import { buffersOf, releasePacked } from '#lib/packed.ts';

/** What a worker is started with. The keys are handles that share one native object, so no octets are copied. */
export interface WorkerSetup {
  readonly keks: readonly Kek[];
  readonly cacheCapacity: number;
}

const { keks, cacheCapacity } = workerData as WorkerSetup;
const engine = new CryptoEngine(keks, cacheCapacity);

parentPort?.on('message', (request: Request) => {
  if ('jobs' in request) {
    const jobs = request.jobs.map(runBatch);
    const packed = jobs.flatMap((reply) => ('answer' in reply ? [reply.answer.results] : []));
    post({ id: request.id, jobs }, buffersOf(packed));
  } else if ('task' in request) {
    void runTask(request.task).then((task) => post({ id: request.id, task }));
  } else {
    if (request.forget === 'everything') engine.forgetAll();
    else engine.forget(request.forget);
    post({ id: request.id });
  }
});

function runBatch(job: BatchJob): Reply<BatchAnswer> {
  try {
    return { answer: engine.runBatch(job) };
  } catch (error) {
    return { failure: failureOf(error) };
  } finally {
    releasePacked([job.items]);
  }
}

async function runTask(task: Task): Promise<Reply<readonly Uint8Array[]>> {
  try {
    // Copied into buffers of their own: a small Buffer is a view of a pool that everything shares.
    const answer = await engine.runTask(task);
    const copies = answer.map((bytes) => Uint8Array.from(bytes));
    for (const bytes of answer) bytes.fill(0);
    return { answer: copies };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

function post(response: Response, transfer: readonly TransferListItem[] = []): void {
  const own = 'task' in response && 'answer' in response.task ? response.task.answer : [];
  parentPort?.postMessage(response, [...transfer, ...own.map((bytes) => bytes.buffer as ArrayBuffer)]);
}
