import { Worker } from 'node:worker_threads';
import { type AuditAnswer, type AuditCall, type AuditFailure, joinBodies } from '#kms/adapters/audit/audit-messages.ts';
import type { AuditWorkerSetup } from '#kms/adapters/audit/audit-worker.ts';
import type { AuditWriter } from '#kms/adapters/audit/open-audit-log.ts';
import type { AuditRecord } from '#kms/core/audit-event.ts';
import { KmsError, type KmsErrorCode } from '#kms/core/errors.ts';
import type { AuditVerification } from '#kms/ports/audit-log.ts';

interface Owed {
  readonly resolve: (result: never) => void;
  readonly reject: (error: KmsError) => void;
}

/**
 * Start the thread that writes the audit log. When it dies, every call fails from then on, and with it whatever would
 * have needed an event: the service has to be started again.
 */
export function startAuditWorker(setup: AuditWorkerSetup): AuditWriter {
  const worker = new Worker(new URL('audit-worker.ts', import.meta.url), { workerData: setup });
  const owed = new Map<number, Owed>();
  let next = 1;
  let end: KmsError | undefined;

  const fail = (cause: unknown): void => {
    end ??= new KmsError(
      'audit-unavailable',
      'the audit log has stopped, so nothing was changed and nothing is given out',
      { cause },
    );
    for (const { reject } of owed.values()) reject(end);
    owed.clear();
  };
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`the thread of the audit log ended with ${code}`)));
  worker.on('message', (answer: AuditAnswer) => {
    const call = owed.get(answer.id);
    owed.delete(answer.id);
    if ('result' in answer) call?.resolve(answer.result as never);
    else call?.reject(errorOf(answer.failure));
  });

  const call = <Result>(request: AuditCall): Promise<Result> => {
    if (end !== undefined) return Promise.reject(end);
    const id = next++;
    return new Promise<Result>((resolve, reject) => {
      owed.set(id, { resolve, reject });
      worker.postMessage({ id, ...request }, []);
    });
  };
  return {
    append: (bodies) => call<void>({ kind: 'append', bodies: joinBodies(bodies) }),
    list: (filter, after, limit) => call<AuditRecord[]>({ kind: 'list', filter, after, limit }),
    verify: (from, limit) => call<AuditVerification>({ kind: 'verify', from, limit }),
    async close() {
      if (end === undefined) await call<void>({ kind: 'close' });
      await worker.terminate();
    },
  };
}

function errorOf({ code = 'internal', message, inner }: AuditFailure): KmsError {
  return new KmsError(code as KmsErrorCode, message, inner === undefined ? {} : { cause: new Error(inner) });
}
