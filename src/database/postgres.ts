import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, escapeIdentifier, Pool, type PoolClient, type PoolConfig } from 'pg';
import { type Database, DatabaseError, type Snapshot, type SqlValue } from '#database/database.ts';
import {
  getTypeParser,
  runAsTransaction,
  runInOneTrip,
  runOne,
  undoingFailures,
} from '#database/postgres-statements.ts';
import type { SecretText } from '#lib/secret-text.ts';

export interface PostgresOptions {
  /** `postgres://…`; it may hold a password, which is shown nowhere. */
  readonly url: SecretText;
  /** Schema that holds the tables; made if need be. Letters and underscores. */
  readonly schema: string;
  /** Folder of numbered SQL files; those not yet applied are, all in one transaction. */
  readonly migrations: string;
  /** Connections at most. Default 10. */
  readonly connections?: number;
  /** Told of connections that break while nobody uses them, until `close` is called. */
  readonly onError: (error: unknown) => void;
}

/** Those who read a state of the database at a time; who comes on top waits. */
const mostSnapshots = 5;

/**
 * Open a PostgreSQL database that several processes may share.
 *
 * @throws DatabaseError unavailable
 */
export async function openPostgresDatabase(options: PostgresOptions): Promise<Database> {
  const { url, schema, connections = 10, onError } = options;
  const settings = {
    connectionString: url.reveal(),
    connectionTimeoutMillis: 10_000,
    application_name: 'zoneseal',
    options: `-c search_path=${schema} -c synchronous_commit=on -c lock_timeout=10000 -c statement_timeout=60000`,
    types: { getTypeParser },
    pipeline: true,
  };
  const pool = openPool({ ...settings, max: connections }, onError);
  // Those who hold the database still may take long: they have connections of their own.
  const still = openPool({ ...settings, max: mostSnapshots }, onError);
  try {
    await withClient(pool, (client) => migrate(client, options));
  } catch (error) {
    await Promise.all([pool.end(), still.end()]);
    throw error;
  }
  return {
    async rows<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]> {
      return withClient(pool, async (client) => (await runOne(client, sql, values)).rows as Row[]);
    },
    readTogether: (queries) =>
      withClient(pool, async (client) => (await runInOneTrip(client, queries)).map(({ rows }) => rows)),
    write: (statements) => withClient(pool, (client) => runAsTransaction(client, statements)),
    async eraseDeleted(table) {
      await withClient(pool, (client) => client.query(`VACUUM ${escapeIdentifier(table)}`));
    },
    snapshot: () => openSnapshot(still),
    isHeldStill: () => false,
    close: async () => void (await Promise.all([pool.end(), still.end()])),
  };
}

function openPool(options: PoolConfig, onError: (error: unknown) => void): Pool {
  const pool = new Pool(options);
  pool.on('error', (error) => {
    if (!pool.ending) onError(error); // a server that stops may send its farewell to a connection that is being closed
  });
  // The pool listens to idle clients alone. One that breaks in use fails its query as well, which is enough.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

async function openSnapshot(pool: Pool): Promise<Snapshot> {
  const client = await pool.connect().catch((cause: unknown) => {
    throw unavailable(cause);
  });
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query('SELECT pg_current_snapshot()'); // the first query is what the moment is told by
  } catch (cause) {
    client.release(true);
    throw unavailable(cause);
  }
  return {
    async rows<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]> {
      return (await runOne(client, sql, values)).rows as Row[];
    },
    async close() {
      const broken = await client.query('ROLLBACK').then(
        () => false,
        () => true,
      );
      client.release(broken);
    },
  };
}

async function withClient<Result>(pool: Pool, work: (client: Client) => Promise<Result>): Promise<Result> {
  let client: PoolClient;
  try {
    client = await pool.connect();
  } catch (cause) {
    throw unavailable(cause);
  }
  let broken = false;
  try {
    return await work(client);
  } catch (error) {
    const { code, table } = error as { code?: unknown; table?: unknown };
    if (code === '23505' && typeof table === 'string') {
      throw new DatabaseError('unique-violated', `a row of ${table} exists already`, {
        cause: error,
        details: { table },
      });
    }
    broken = !(error instanceof DatabaseError) && isConnectionLoss(code);
    throw broken || isPassing(code) ? unavailable(error) : error;
  } finally {
    client.release(broken);
  }
}

/**
 * Class 08 are connection exceptions, 57P0x a server that stops, and texts the errors of the socket. 0A000 comes of a
 * statement that was prepared before another process changed the tables.
 */
function isConnectionLoss(code: unknown): boolean {
  return typeof code !== 'string' || /^(?:08|57P0|0A000)/.test(code) || !/^[0-9A-Z]{5}$/.test(code);
}

/** Class 40 are transactions that lost against others, 53 a lack of resources, 55P03 and 57014 what took too long. */
function isPassing(code: unknown): boolean {
  return typeof code === 'string' && /^(?:40|53|55P03|57014)/.test(code);
}

function unavailable(cause: unknown): DatabaseError {
  return new DatabaseError('unavailable', 'the database cannot be reached', { cause });
}

/** One process at a time migrates: the others wait for the lock and find nothing to do. */
async function migrate(client: Client, { schema, migrations }: PostgresOptions): Promise<void> {
  const files = readdirSync(migrations)
    .filter((name) => /^\d{3}-.*\.sql$/.test(name))
    .toSorted();
  await undoingFailures(client, async () => {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`zoneseal ${schema}`]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
    await client.query('CREATE TABLE IF NOT EXISTS applied_migrations (name text PRIMARY KEY)');
    const { rows } = await client.query<{ name: string }>('SELECT name FROM applied_migrations');
    const applied = new Set(rows.map(({ name }) => name));
    const unknown = [...applied].filter((name) => !files.includes(name));
    if (unknown.length > 0)
      throw new Error(`the database was written by a newer program, which added ${unknown.join(', ')}: use that one`);
    for (const file of files.filter((name) => !applied.has(name))) {
      await client.query(readFileSync(join(migrations, file), 'utf8'));
      await client.query('INSERT INTO applied_migrations (name) VALUES ($1)', [file]);
    }
    await client.query('COMMIT');
  });
}
