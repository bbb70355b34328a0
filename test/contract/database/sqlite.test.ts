import { writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#database/database.ts';
import { openSqliteDatabase } from '#database/sqlite.ts';
import { turnsOctets, WritingTurns } from '#database/writing-turns.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

const put = (number: number) => [{ sql: 'INSERT INTO numbers (number) VALUES (?)', values: [number] }];
const numbersIn = async (database: Database) =>
  (await database.rows<{ number: number }>('SELECT number FROM numbers ORDER BY number')).map(({ number }) => number);

describe('two connections to one SQLite file', () => {
  let dir: ReturnType<typeof makeTempDir>;
  let one: Database;
  let other: Database;
  beforeEach(() => {
    dir = makeTempDir();
    writeFileSync(dir.at('001-numbers.sql'), 'CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT;');
    one = openSqliteDatabase(dir.at('file'), dir.path);
    other = openSqliteDatabase(dir.at('file'), dir.path);
  });
  afterEach(async () => {
    await Promise.all([one.close(), other.close()]);
    dir[Symbol.dispose]();
  });

  test('each sees what the other wrote as soon as the event loop has gone on', async () => {
    expect(await numbersIn(one)).toEqual([]);
    await other.write(put(1));
    await turn();
    expect(await numbersIn(one)).toEqual([1]);
  });

  test('a change follows a look-up at once, though the other wrote in between, and is seen by the next', async () => {
    expect(await numbersIn(one)).toEqual([]);
    const others = other.write(put(1));
    await one.write(put(2));
    await others;
    expect(await numbersIn(one)).toEqual([1, 2]);
  });

  test('what changes rows and returns them is no look-up: it is durable when it resolves', async () => {
    expect(await numbersIn(one)).toEqual([]);
    const returned = await one.rows('INSERT INTO numbers (number) VALUES (7) RETURNING number');
    expect(returned).toEqual([{ number: 7 }]);
    expect(await numbersIn(other)).toEqual([7]);
  });

  test('a look-up under way keeps nothing from being erased or closed', async () => {
    await one.write(put(1));
    expect(await numbersIn(one)).toEqual([1]);
    await one.eraseDeleted('numbers');
    expect(await numbersIn(one)).toEqual([1]);
    await one.close();
    expect(await numbersIn(other)).toEqual([1]);
  });

  test('who shares the turns with one that holds the file still knows of it until it is let go', async () => {
    const memory = new SharedArrayBuffer(turnsOctets);
    const open = () => openSqliteDatabase(dir.at('file'), dir.path, { turns: new WritingTurns(memory) });
    const [reader, writer] = [open(), open()];
    const [first, second] = [await reader.snapshot(), await reader.snapshot()];
    expect(writer.isHeldStill()).toBe(true);
    await first.close();
    await first.close();
    expect([writer.isHeldStill(), other.isHeldStill()]).toEqual([true, false]);
    await second.close();
    expect(writer.isHeldStill()).toBe(false);
    await Promise.all([reader.close(), writer.close()]);
  });
});
