import { parentPort, workerData } from 'node:worker_threads';
import {
  type AuditAnswer,
  type AuditCall,
  type AuditFailure,
  splitBodies,
} from '#kms/adapters/audit/audit-messages.ts';
import { AuditTable } from '#kms/adapters/audit/audit-table.ts';
import { openSqliteDatabase } from '#database/sqlite.ts';
import { KmsError } from '#kms/core/errors.ts';
import { messageOf } from '#lib/errors.ts';

export interface AuditWorkerSetup {
  readonly path: string;
  readonly migrations: string;
  readonly sealKey: Uint8Array;
}

/** Writes the audit log beside the thread that answers requests, which would otherwise wait for the disk. */
const { path, migrations, sealKey } = workerData as AuditWorkerSetup;
const table = new AuditTable(openSqliteDatabase(path, migrations), sealKey);

parentPort?.on('message', (message: AuditCall & { readonly id: number }) => void answer(message));

async function answer({ id, ...call }: AuditCall & { readonly id: number }): Promise<void> {
  try {
    post({ id, result: await carryOut(call) });
  } catch (error) {
    post({ id, failure: describe(error) });
  }
}

function describe(error: unknown): AuditFailure {
  const inner = error instanceof Error && error.cause !== undefined ? { inner: messageOf(error.cause) } : {};
  return { ...(error instanceof KmsError ? { code: error.code } : {}), message: messageOf(error), ...inner };
}

function carryOut(call: AuditCall): Promise<unknown> {
  switch (call.kind) {
    case 'append':
      return table.append(splitBodies(call.bodies));
    case 'list':
      return table.list(call.filter, call.after, call.limit);
    case 'verify':
      return table.verify(call.from, call.limit);
    default:
      return table.close();
  }
}

function post(message: AuditAnswer): void {
  parentPort?.postMessage(message, []);
}
