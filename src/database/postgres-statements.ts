import { type Client, type QueryResult, types } from 'pg';
import { type SqlValue, type Statement, unexpectedChanges } from '#database/database.ts';
import { decodeHex } from '#lib/encoding.ts';

type Query = Pick<Statement, 'sql' | 'values'>;

const [begin, commit, rollback] = ['BEGIN', 'COMMIT', 'ROLLBACK'].map((sql): Query => ({ sql, values: [] })) as [
  Query,
  Query,
  Query,
];

/** Run one statement. */
export async function runOne(client: Client, sql: string, values: readonly SqlValue[]): Promise<QueryResult> {
  return client.query(prepared({ sql, values }));
}

/**
 * Run statements one after the other, sent together, so that they take one trip. Each is a transaction of its own unless one of
 * them begins one.
 *
 * @throws the first error, when all of them have been answered
 */
export async function runInOneTrip(client: Client, statements: readonly Query[]): Promise<QueryResult[]> {
  return (await settleInOneTrip(client, statements)).map(resultOf);
}

async function settleInOneTrip(
  client: Client,
  statements: readonly Query[],
): Promise<PromiseSettledResult<QueryResult>[]> {
  const { stream } = client.connection;
  stream.cork(); // into one packet
  const asked = statements.map((statement) => client.query(prepared(statement)));
  stream.uncork();
  return Promise.allSettled(asked);
}

function resultOf(answer: PromiseSettledResult<QueryResult>): QueryResult {
  if (answer.status === 'rejected') throw answer.reason;
  return answer.value;
}

/** Run statements as one transaction. @throws DatabaseError changes-unexpected, and what PostgreSQL says, with nothing changed */
export async function runAsTransaction(client: Client, statements: readonly Statement[]): Promise<void> {
  // After an error PostgreSQL ignores what follows, and takes COMMIT for ROLLBACK.
  if (statements.every(({ changes }) => changes === undefined)) {
    await runInOneTrip(client, statements.length === 1 ? statements : [begin, ...statements, commit]);
    return;
  }
  await undoingFailures(client, async () => {
    const answers = await settleInOneTrip(client, [begin, ...statements]);
    // In their order: what was to be changed and was not may be why a later statement fails.
    for (const [index, answer] of answers.entries()) {
      const found = resultOf(answer).rowCount ?? 0;
      const statement = statements[index - 1];
      if (statement?.changes !== undefined && found !== statement.changes) throw unexpectedChanges(statement, found);
    }
    await runInOneTrip(client, [commit]);
  });
}

/** Undo the transaction that fails. */
export async function undoingFailures(client: Client, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await runInOneTrip(client, [rollback]).catch(() => undefined); // the first error tells more; a broken connection is dropped
    throw error;
  }
}

/** Texts that each connection may know by a name; those beyond are parsed and planned each time. */
const mostNames = 500;
const known = new Map<string, { readonly text: string; readonly name: string }>();

/** What runs again and again is parsed and planned once for each connection. */
function prepared({ sql, values }: Query): { text: string; name?: string; values: SqlValue[] } {
  const before = known.get(sql);
  if (before !== undefined) return { ...before, values: [...values] };
  const text = numbered(sql);
  if (known.size >= mostNames) return { text, values: [...values] };
  const named = { text, name: `s${known.size}` };
  known.set(sql, named);
  return { ...named, values: [...values] };
}

/** Put `$1`, `$2`, … in place of `?`; our statements have no `?` inside texts. */
function numbered(sql: string): string {
  let next = 0;
  return sql.replaceAll('?', () => `$${++next}`);
}

const oids = { bytea: 17, int8: 20 } as const;

/** Whole numbers as numbers and octets as `Uint8Array`, just as SQLite gives them. */
export function getTypeParser(oid: number, format?: string): (value: never) => unknown {
  if (format === 'text' || format === undefined) {
    if (oid === oids.int8) return Number;
    if (oid === oids.bytea) return octetsOf;
  }
  return types.getTypeParser(oid, format as 'text') as (value: never) => unknown;
}

/** Octets come as `\x` and hexadecimal. */
function octetsOf(hex: string): Uint8Array {
  const { buffer, byteOffset, length } = decodeHex(hex.slice(2)) ?? new Uint8Array();
  return new Uint8Array(buffer, byteOffset, length);
}
