import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { bytesFrom } from '#lib/octets.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { fetchZone, type FetchZoneOptions } from '#dnssec/adapters/transfer/client.ts';
import { framed, messagesOf } from '#dnssec/adapters/messages/framing.ts';
import { composeMessage, parseMessage, rcodes } from '#dnssec/adapters/messages/message.ts';
import { openTransferServer, type TransferServerOptions } from '#dnssec/adapters/transfer/server.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import type { TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import type { PublishedZones } from '#dnssec/ports-transfer.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';
import { applyParts, contentOf, MemoryZones, tsigKey } from '#test/support/memory-transfer.ts';

const apex = canonical('example.');
const clock = { now: () => 1_800_000_000_000 };
const key = tsigKey('transfer.key', 'hmac-sha384', new Uint8Array(32).fill(7));
const soa = (serial: number): ResourceRecord => recordsOf(`@ SOA ns admin ${serial} 1 2 3 4`)[0] as ResourceRecord;
const records = recordsOf('a A 192.0.2.1\nb A 192.0.2.2');

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

const fetchFrom = async (port: number, more: Partial<FetchZoneOptions> = {}): Promise<TransferPart[]> => {
  const parts: TransferPart[] = [];
  for await (const part of fetchZone({ host: '127.0.0.1', port, apex, clock, ...more })) parts.push(part);
  return parts;
};

const serve = async (zones: PublishedZones, more: Partial<TransferServerOptions> = {}) => {
  const errors: unknown[] = [];
  const onError = (error: unknown): number => errors.push(error);
  const server = await openTransferServer({
    zones,
    keys: [key],
    allow: [],
    clock,
    host: '127.0.0.1',
    port: 0,
    onError,
    ...more,
  });
  opened.defer(() => server.close());
  return { ...server, errors };
};

describe('a zone from our own server', () => {
  test('is followed from version to version', async () => {
    const zones = new MemoryZones();
    const first = zones.publish([soa(1), ...records]);
    const { port, errors } = await serve(zones);
    let held = await applyParts(new Map(), await fetchFrom(port, { key }));
    expect([...held.keys()].toSorted()).toEqual(await contentOf(first));
    zones.publish([soa(2), ...records.slice(1)]);
    const third = zones.publish([soa(3), ...records.slice(1), ...recordsOf('c A 192.0.2.3')]);
    const parts = await fetchFrom(port, { key, currentSerial: 1 });
    expect(parts.map(({ kind }) => kind)).toEqual(['difference', 'difference']);
    held = await applyParts(held, parts);
    expect([...held.keys()].toSorted()).toEqual(await contentOf(third));
    expect(await fetchFrom(port, { key, currentSerial: 3 })).toEqual([{ kind: 'up-to-date', soa: soa(3) }]);
    expect((await fetchFrom(port, { key, currentSerial: 0xfffffff0 }))[0]?.kind).toBe('full');
    expect(errors).toEqual([]);
  });

  test('is not given without the right key, and the reason is told', async () => {
    const zones = new MemoryZones();
    zones.publish([soa(1), ...records]);
    const { port } = await serve(zones);
    const other = (name: string): TsigKey => tsigKey(name, 'hmac-sha384', new Uint8Array(32));
    await expect(fetchFrom(port)).rejects.toMatchObject({
      code: 'primary-refused',
      details: { rcode: rcodes.refused },
    });
    await expect(fetchFrom(port, { key: other('transfer.key') })).rejects.toMatchObject({
      details: { rcode: rcodes.notAuth, tsigError: 16 },
    });
    await expect(fetchFrom(port, { key: other('no.key') })).rejects.toMatchObject({ details: { tsigError: 17 } });
    const slow = { now: () => clock.now() - 400_000 };
    await expect(fetchFrom(port, { key, clock: slow })).rejects.toMatchObject({ details: { tsigError: 18 } });
  });

  test('is lost and not half when the server fails in its middle', async () => {
    const zones = new MemoryZones();
    const zone = zones.publish([soa(1), ...records]);
    const fault = new Error('the store is gone');
    const broken = {
      ...zone,
      async *records() {
        yield* Array.from({ length: 50 }, () =>
          records.map((one) => ({ ...one, rdata: '\0'.repeat(900) as never, type: 65_400 })),
        );
        throw fault;
      },
    };
    const { port, errors } = await serve({ findZone: async () => broken });
    await expect(fetchFrom(port, { key })).rejects.toMatchObject({ code: 'transfer-ended' });
    expect(errors).toEqual([fault]);
  });

  test('several requests of a connection are answered in their order, though the asker has ended its side', async () => {
    const zones = new MemoryZones();
    zones.publish([
      soa(1),
      ...recordsOf(Array.from({ length: 2000 }, (_, index) => `r${index} TXT "${'x'.repeat(200)}"`).join('\n')),
    ]);
    const { port } = await serve(zones, { allow: ['127.0.0.1'] });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const types = [rrTypes.SOA, rrTypes.AXFR, rrTypes.SOA];
    const ask = types.map((type, id) =>
      framed(bytesFrom(composeMessage({ id, opcode: 0, isResponse: false, question: { name: apex, type, class: 1 } }))),
    );
    socket.end(Buffer.concat(ask));
    const counts = new Map<number, number>();
    for await (const bytes of messagesOf(socket)) {
      const { id, answers } = parseMessage(bytes);
      counts.set(id, (counts.get(id) ?? 0) + answers.length);
    }
    expect([...counts]).toEqual([
      [0, 1],
      [1, 2002],
      [2, 1],
    ]);
  });
});

test('a zone of 100 000 records is read no faster than it is taken', async () => {
  const pages = 1000;
  const page = Array.from({ length: 100 }, (_, index): ResourceRecord => {
    return { owner: canonical(`r${index}.example.`), type: 65_400, ttl: 1, rdata: '\0'.repeat(1000) as Rdata };
  });
  let read = 0;
  const zone = {
    apex,
    serial: 1,
    soa: soa(1),
    async *records() {
      for (; read < pages; read++) yield page;
    },
    differencesSince: async () => undefined,
  };
  const { port, errors } = await serve({ findZone: async () => zone });
  let taken = 0;
  let readWhileWaiting = 0;
  for await (const part of fetchZone({ host: '127.0.0.1', port, apex, clock, key })) {
    if (part.kind === 'full') taken += part.records.length;
    if (taken < 1000 || readWhileWaiting > 0) continue;
    // Until the system's buffers are full and no page is read any more.
    for (let before = -1; before !== read;) {
      before = read;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    readWhileWaiting = read;
  }
  expect(taken).toBe(pages * page.length);
  expect(readWhileWaiting).toBeLessThan(pages / 3);
  expect(errors).toEqual([]);
});

test('an address has 50 connections and no more, and gets new ones for those it ends', async () => {
  const zones = new MemoryZones();
  zones.publish([soa(1), ...records]);
  const { port } = await serve(zones);
  const sockets = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = connect(port, '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      return socket;
    }),
  );
  opened.defer(() => sockets.forEach((socket) => socket.destroy()));
  await expect(fetchFrom(port, { key })).rejects.toMatchObject({ name: 'TransferError' });
  sockets[0]?.destroy();
  await expect
    .poll(() =>
      fetchFrom(port, { key }).then(
        (parts) => parts.length,
        () => 0,
      ),
    )
    .toBeGreaterThan(0);
});

test('what is no request gets FORMERR, or nothing, and the connection goes on', async () => {
  const zones = new MemoryZones();
  zones.publish([soa(1), ...records]);
  const { port, errors } = await serve(zones, { allow: ['127.0.0.1'] });
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const twoQuestions = Uint8Array.of(0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0);
  const anAnswer = Uint8Array.of(0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const question = { name: apex, type: rrTypes.SOA, class: 1 };
  const request = bytesFrom(composeMessage({ id: 3, opcode: 0, isResponse: false, question }));
  socket.end(Buffer.concat([twoQuestions, anAnswer, new Uint8Array(), Uint8Array.of(1, 2, 3), request].map(framed)));
  const answers: { id: number; rcode: number }[] = [];
  for await (const bytes of messagesOf(socket)) {
    const { id, rcode } = parseMessage(bytes);
    answers.push({ id, rcode });
  }
  expect(answers).toEqual([
    { id: 1, rcode: rcodes.formErr },
    { id: 3, rcode: rcodes.noError },
  ]);
  expect(errors).toEqual([]);
});
