import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#database/database.ts';
import { type AuditEvent, type AuditHead, emptyHead } from '#kms/core/audit-event.ts';
import type { AuditLog } from '#kms/ports/audit-log.ts';

/** An audit log that can be opened again, and whose tables can be reached behind its back. */
export interface AuditUnderTest extends AsyncDisposable {
  open(): Promise<AuditLog>;
  database(): Promise<Database>;
}

const at = 1_800_000_000_000;
const event = (count: number, more: Partial<AuditEvent> = {}): AuditEvent => ({
  at: at + count,
  operation: 'kms.sign',
  outcome: 'allowed',
  principal: 'tok-1',
  organisation: 'o',
  region: 'r',
  key: 'kms-a',
  version: 1,
  count,
  ...more,
});

/** Follow the chain to its end. @returns the last head, and the fault if there is one */
async function verifyAll(log: AuditLog, slice = 3): Promise<{ readonly head: AuditHead; readonly fault?: string }> {
  let from = emptyHead;
  for (;;) {
    const { head, isEnd, fault } = await log.verify(from, slice);
    if (fault !== undefined) return { head, fault };
    if (isEnd) return { head };
    from = head;
  }
}

/** What every audit log does, whatever it keeps its events in. */
export function auditLogContract(name: string, make: () => Promise<AuditUnderTest>): void {
  describe(`the audit log on ${name}`, () => {
    let under: AuditUnderTest;
    let log: AuditLog;
    beforeEach(async () => {
      under = await make();
      log = await under.open();
    });
    afterEach(async () => {
      await log.close();
      await under[Symbol.asyncDispose]();
    });

    const fill = async (count: number) => {
      await Promise.all(Array.from({ length: count }, (_, index) => log.append(event(index + 1))));
    };
    const tamper = async (sql: string) => {
      const database = await under.database();
      await database.write([{ sql, values: [] }]);
      await database.close();
    };

    test('keeps events in the order in which they were appended, also after it was closed', async () => {
      await fill(5);
      await log.close();
      log = await under.open();
      await log.append(event(6));
      const records = await log.list({}, 0, 100);
      expect(records.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(records.map(({ event: { count } }) => count)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(records[0]?.event).toEqual(event(1));
      expect((await verifyAll(log)).head.number).toBe(6);
    });

    test('an empty log is whole', async () => {
      expect(await verifyAll(log)).toEqual({ head: emptyHead });
    });

    test('pages and filters exactly', async () => {
      await fill(3);
      await log.append(event(4, { organisation: 'p', operation: 'kms.rotate', key: 'kms-b', outcome: 'denied' }));
      await log.append(event(5, { principal: 'tok-2', key: undefined }));
      const numbers = async (...args: Parameters<AuditLog['list']>) =>
        (await log.list(...args)).map(({ number }) => number);
      expect(await numbers({}, 1, 2)).toEqual([2, 3]);
      expect(await numbers({ organisation: 'p' }, 0, 10)).toEqual([4]);
      expect(await numbers({ operation: 'kms.rotate', outcome: 'denied', key: 'kms-b' }, 0, 10)).toEqual([4]);
      expect(await numbers({ operation: 'kms.rotate', outcome: 'allowed' }, 0, 10)).toEqual([]);
      expect(await numbers({ principal: 'tok-2' }, 0, 10)).toEqual([5]);
      expect(await numbers({ from: at + 2, to: at + 4 }, 0, 10)).toEqual([2, 3]);
    });

    test.each([
      ['a body that was changed', `UPDATE audit_events SET body = replace(body, 'kms-a', 'kms-b') WHERE number = 4`, 3],
      ['a column that was changed', `UPDATE audit_events SET principal = 'tok-2' WHERE number = 4`, 3],
      ['an event that was removed', `DELETE FROM audit_events WHERE number = 4`, 3],
      ['the first event removed', `DELETE FROM audit_events WHERE number = 1`, 0],
      ['the last event removed', `DELETE FROM audit_events WHERE number = 7`, 6],
      [
        'a hash that was changed',
        `UPDATE audit_events SET hash = (SELECT hash FROM audit_events WHERE number = 1) WHERE number = 2`,
        1,
      ],
      ['no end', `DELETE FROM audit_head`, 0],
      [
        'an end of a shorter log',
        `UPDATE audit_head SET number = 6, hash = (SELECT hash FROM audit_events WHERE number = 6)`,
        6,
      ],
      ['the seal of the end changed', `UPDATE audit_head SET seal = hash`, 7],
    ])('finds %s', async (_what, sql, last) => {
      await fill(7);
      await tamper(sql);
      const { head, fault } = await verifyAll(log);
      expect(fault).toBeDefined();
      expect(head.number).toBe(last);
    });

    test('finds two events that changed places', async () => {
      await fill(7);
      await tamper(`UPDATE audit_events SET number = 100 WHERE number = 3`);
      await tamper(`UPDATE audit_events SET number = 3 WHERE number = 4`);
      await tamper(`UPDATE audit_events SET number = 4 WHERE number = 100`);
      expect((await verifyAll(log)).head.number).toBe(2);
    });

    test('finds the end of the log cut off together with the events', async () => {
      await fill(7);
      await log.close();
      await tamper('DELETE FROM audit_events WHERE number > 5');
      await tamper('UPDATE audit_head SET number = 5, hash = (SELECT hash FROM audit_events WHERE number = 5)');
      log = await under.open();
      expect((await verifyAll(log)).fault).toContain('not written by this service');
    });

    const forgeEnd =
      'UPDATE audit_head SET number = 5, hash = (SELECT hash FROM audit_events WHERE number = 5), seal = hash';

    test('writes nothing behind an end that it did not write, which its seal would then make good', async () => {
      await fill(7);
      await log.close();
      await tamper('DELETE FROM audit_events WHERE number > 5');
      await tamper(forgeEnd);
      log = await under.open();
      await expect(log.append(event(8))).rejects.toMatchObject({ code: 'audit-unavailable' });
      expect((await verifyAll(log)).fault).toContain('not written by this service');
    });

    test('writes nothing to a log that was put back while it is open', async () => {
      await fill(5);
      const database = await under.database();
      const [old] = await database.rows<{ number: number; hash: Uint8Array; seal: Uint8Array }>(
        'SELECT number, hash, seal FROM audit_head',
      );
      await log.append(event(6));
      await database.write([
        { sql: 'DELETE FROM audit_events WHERE number > 5', values: [] },
        { sql: 'UPDATE audit_head SET number = ?, hash = ?, seal = ?', values: [old!.number, old!.hash, old!.seal] },
      ]);
      await expect(log.append(event(7))).rejects.toMatchObject({ code: 'audit-unavailable' });
      await database.write([{ sql: 'DELETE FROM audit_head', values: [] }]);
      await expect(log.append(event(7))).rejects.toMatchObject({ code: 'audit-unavailable' });
      await database.close();
    });

    test('refuses what it cannot write, and writes on when it can', async () => {
      await fill(1);
      await tamper('ALTER TABLE audit_events RENAME TO elsewhere');
      await expect(log.append(event(2))).rejects.toMatchObject({ code: 'audit-unavailable' });
      await tamper('ALTER TABLE elsewhere RENAME TO audit_events');
      await log.append(event(3));
      expect((await log.list({}, 0, 10)).map((record) => record.event.count)).toEqual([1, 3]);
      expect((await verifyAll(log)).fault).toBeUndefined();
    });

    test('two that append at the same time make one chain', async () => {
      const other = await under.open();
      const each = (target: AuditLog, start: number) =>
        Promise.all(Array.from({ length: 40 }, (_, index) => target.append(event(start + index))));
      await Promise.all([each(log, 0), each(other, 1000)]);
      await other.close();
      const counts = (await log.list({}, 0, 100)).map((record) => record.event.count);
      expect(new Set(counts).size).toBe(80);
      expect((await verifyAll(log)).head.number).toBe(80);
    });
  });
}
