import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SecretText } from '#lib/secret-text.ts';
import { openPostgresDatabase } from '#database/postgres.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { describeWith } from '#test/support/requirements.ts';
import { type PrivateDatabase, startPostgres } from '#test/support/servers.ts';

/** What a PostgreSQL that is being stopped sends: an ErrorResponse with severity, code and message. */
function farewell(): Buffer {
  const fields = Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0', 'latin1');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** Stands before the server; bids every connection farewell when its client ends it, or when it is told to. */
async function startFarewells(port: number) {
  const clients = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    clients.add(client);
    client.on('data', (octets) => {
      const terminate = 'X'.charCodeAt(0);
      if (octets[0] === terminate) client.end(farewell());
      else server.write(octets);
    });
    server.on('data', (octets) => client.write(octets));
    client.on('close', () => server.destroy());
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `postgresql://zoneseal@127.0.0.1:${(proxy.address() as AddressInfo).port}/postgres`,
    reset: () => clients.forEach((client) => client.resetAndDestroy()),
    sayFarewell: () => clients.forEach((client) => client.end(farewell())),
    allGone: async () => {
      for (const client of clients) if (!client.closed) await once(client, 'close');
    },
    close: () => proxy.close(),
  };
}

describeWith(['postgres', 'initdb'], 'connections to PostgreSQL', () => {
  let server: PrivateDatabase;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('one that breaks while nobody uses it is reported, one that is being closed is not', async () => {
    using empty = makeTempDir();
    const proxy = await startFarewells(server.port);
    const reported: unknown[] = [];
    const open = () =>
      openPostgresDatabase({
        url: new SecretText(proxy.url),
        schema: 'connections',
        migrations: empty.path,
        onError: (error) => reported.push((error as { code?: unknown }).code),
      });

    const used = await open();
    await used.rows('SELECT 1');
    await used.close();
    await proxy.allGone();
    expect(reported).toEqual([]);

    const broken = await open();
    proxy.sayFarewell();
    await proxy.allGone();
    await expect.poll(() => reported).toEqual(['57P01']);
    expect(await broken.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await broken.close();
    proxy.close();
  });

  test('one that is reset under a query fails the query, and not the process', async () => {
    using empty = makeTempDir();
    const proxy = await startFarewells(server.port);
    const options = { url: new SecretText(proxy.url), schema: 'connections', migrations: empty.path };
    const database = await openPostgresDatabase({ ...options, onError: () => undefined });
    const asked = database.rows('SELECT pg_sleep(60)');
    // So that the query is under way; where it is not yet, the test asks less.
    setTimeout(() => proxy.reset(), 200);
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    expect(await database.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
    proxy.close();
  });

  test('what may go well another time is told apart from what is wrong', async () => {
    using empty = makeTempDir();
    const options = { url: new SecretText(server.url), schema: 'connections', migrations: empty.path };
    const database = await openPostgresDatabase({ ...options, onError: () => undefined });
    const raise = (code: string) =>
      database.rows(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${code}', MESSAGE = 'made up'; END $$`);
    for (const code of ['40001', '40P01', '53300', '55P03', '57014', '57P01'])
      await expect(raise(code)).rejects.toMatchObject({ code: 'unavailable' });
    for (const code of ['22012', '42601', 'P0001']) await expect(raise(code)).rejects.toMatchObject({ code });
    await database.close();
  });

  test('a transaction is written whole or not at all, whichever of its statements fails, and tells the first failure', async () => {
    using empty = makeTempDir();
    const options = { url: new SecretText(server.url), schema: 'transactions', migrations: empty.path };
    const database = await openPostgresDatabase({ ...options, onError: () => undefined });
    await database.rows('CREATE TABLE things (id bigint PRIMARY KEY)');
    const put = (id: number, changes?: number) => ({
      sql: 'INSERT INTO things (id) VALUES (?)',
      values: [id],
      ...(changes === undefined ? {} : { changes }),
    });
    const touch = { sql: 'UPDATE things SET id = id WHERE id = ?', values: [99], changes: 1 };
    await database.write([put(1), put(2)]);
    await expect(database.write([put(3), put(1), put(4)])).rejects.toMatchObject({ code: 'unique-violated' });
    await expect(database.write([put(3, 1), put(1), put(4)])).rejects.toMatchObject({ code: 'unique-violated' });
    await expect(database.write([put(3, 1), touch, put(1)])).rejects.toMatchObject({ code: 'changes-unexpected' });
    await expect(database.write([put(3, 1), put(4, 2)])).rejects.toMatchObject({ code: 'changes-unexpected' });
    expect(await database.rows('SELECT id FROM things ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    const ids = { sql: 'SELECT id FROM things WHERE id > ? ORDER BY id', values: [1] };
    expect(await database.readTogether([ids, { ...ids, values: [0] }])).toEqual([[{ id: 2 }], [{ id: 1 }, { id: 2 }]]);
    await database.close();
  });

  test('a table that another process changes fails at most one use of each connection that knows it', async () => {
    using empty = makeTempDir();
    const options = { url: new SecretText(server.url), schema: 'tables', migrations: empty.path, connections: 1 };
    const database = await openPostgresDatabase({ ...options, onError: () => undefined });
    const other = await openPostgresDatabase({ ...options, onError: () => undefined });
    await database.rows('CREATE TABLE things (id bigint PRIMARY KEY)');
    expect(await database.rows('SELECT * FROM things')).toEqual([]);
    await other.rows('ALTER TABLE things ADD COLUMN name text');
    await other.rows("INSERT INTO things VALUES (1, 'one')");
    await expect(database.rows('SELECT * FROM things')).rejects.toMatchObject({ code: 'unavailable' });
    expect(await database.rows('SELECT * FROM things')).toEqual([{ id: 1, name: 'one' }]);
    await database.close();
    await other.close();
  });
});
