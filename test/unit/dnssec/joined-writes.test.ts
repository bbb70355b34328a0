import { expect, test } from 'vitest';
import { DatabaseError, type Statement } from '#database/database.ts';
import { JoinedWrites } from '#dnssec/adapters/jobs/joined-writes.ts';

const put = (text: string): Statement[] => [{ sql: text, values: [] }];

/** A database that keeps its transactions, and refuses those with a statement that says so. */
function makeDatabase() {
  const transactions: string[][] = [];
  const fails: Record<string, Error> = {
    'changes nothing': new DatabaseError('changes-unexpected', 'no'),
    'is away': new DatabaseError('unavailable', 'away'),
  };
  const tried: number[] = [];
  return {
    transactions,
    tried,
    async write(statements: readonly Statement[]): Promise<void> {
      tried.push(statements.length);
      await new Promise((resolve) => setImmediate(resolve));
      const failure = statements.map(({ sql }) => fails[sql]).find((error) => error !== undefined);
      if (failure !== undefined) throw failure;
      transactions.push(statements.map(({ sql }) => sql));
    },
  };
}

test('what comes at the same time, or while another is written, is written together in the order of zones', async () => {
  const database = makeDatabase();
  const joined = new JoinedWrites(database);
  const first = [joined.write(2, put('two')), joined.write(1, put('one'))];
  await Promise.resolve();
  await Promise.resolve();
  const rest = [joined.write(4, put('four')), joined.write(3, put('three'))];
  await Promise.all([...first, ...rest]);
  expect(database.transactions).toEqual([
    ['one', 'two'],
    ['three', 'four'],
  ]);
});

test('one that fails fails alone', async () => {
  const database = makeDatabase();
  const joined = new JoinedWrites(database);
  const outcomes = await Promise.allSettled([
    joined.write(1, put('one')),
    joined.write(2, put('changes nothing')),
    joined.write(3, put('three')),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(database.transactions).toEqual([['one'], ['three']]);
});

test('a database that is away is not asked for each of them', async () => {
  const database = makeDatabase();
  const joined = new JoinedWrites(database);
  const outcomes = await Promise.allSettled([joined.write(1, put('one')), joined.write(2, put('is away'))]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(database.tried).toEqual([2]);
  await joined.write(3, put('three'));
  expect(database.transactions).toEqual([['three']]);
});
