import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { bytesFrom, type Octets } from '#lib/octets.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { fetchZone, type FetchZoneOptions } from '#dnssec/adapters/transfer/client.ts';
import { framed, messagesOf } from '#dnssec/adapters/messages/framing.ts';
import { composeMessage, type Message, parseMessage, rcodes } from '#dnssec/adapters/messages/message.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import { signMessage, verifyTsig } from '#dnssec/adapters/transfer/tsig.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';
import { tsigKey } from '#test/support/memory-transfer.ts';

const apex = canonical('example.');
const clock = { now: () => 1_800_000_000_000 };
const now = 1_800_000_000;
const key = tsigKey('transfer.key', 'hmac-sha384', new Uint8Array(32).fill(7));
const soa = (serial: number): ResourceRecord => recordsOf(`@ SOA ns admin ${serial} 1 2 3 4`)[0] as ResourceRecord;
const records = recordsOf('a A 192.0.2.1\nb A 192.0.2.2');

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

/** A primary that answers each request as it is told; it gives the requests that came. */
async function primary(answer: (request: Message, socket: Socket) => readonly Octets[]) {
  const requests: Message[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    void (async () => {
      for await (const bytes of messagesOf(socket)) {
        const request = parseMessage(bytes);
        requests.push(request);
        for (const message of answer(request, socket)) socket.write(framed(bytesFrom(message)));
      }
    })().catch(() => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { requests, sockets, port: (server.address() as { port: number }).port };
}

const answerTo = ({ id, question }: Message, answers: readonly ResourceRecord[], rcode = 0): Octets =>
  composeMessage({ id, opcode: 0, isResponse: true, rcode, question, answers });
const fetchFrom = async (port: number, more: Partial<FetchZoneOptions> = {}): Promise<TransferPart[]> => {
  const parts: TransferPart[] = [];
  for await (const part of fetchZone({ host: '127.0.0.1', port, apex, clock, ...more })) parts.push(part);
  return parts;
};
const fails = async (answer: Parameters<typeof primary>[0], more: Partial<FetchZoneOptions> = {}): Promise<unknown> => {
  const { port } = await primary(answer);
  return await fetchFrom(port, more).then(
    () => 'it was taken',
    (error: unknown) => error,
  );
};

describe('an answer is not taken', () => {
  const whole = [soa(1), ...records, soa(1)];

  test('when it is refused, and the code is told', async () => {
    expect(await fails((request) => [answerTo(request, [], rcodes.notAuth)])).toMatchObject({
      code: 'primary-refused',
      message: expect.stringContaining('AXFR of example. with NOTAUTH'),
    });
  });

  test.each<[string, (request: Message) => Octets[], string]>([
    [
      'has another id',
      (request) => [answerTo({ ...request, id: request.id ^ 1 }, whole)],
      'no answer to what was asked',
    ],
    [
      'is a request',
      (request) => [composeMessage({ ...request, isResponse: false, answers: whole } as never)],
      'no answer to what was asked',
    ],
    [
      'answers another question',
      (request) => [answerTo({ ...request, question: { name: canonical('other.'), type: 252, class: 1 } }, whole)],
      'another question',
    ],
    [
      'does not repeat the question',
      (request) => [answerTo({ ...request, question: undefined }, whole)],
      'does not repeat the question',
    ],
    [
      'was cut',
      ({ id, question }) => [
        composeMessage({ id, opcode: 0, isResponse: true, question, answers: whole, isTruncated: true }),
      ],
      'was cut',
    ],
    ['has no records', (request) => [answerTo(request, [])], 'no records'],
    [
      'is refused in its middle',
      (request) => [answerTo(request, whole.slice(0, 2)), answerTo(request, [], 2)],
      'SERVFAIL',
    ],
    ['goes on after its end', (request) => [answerTo(request, [...whole, ...records])], 'follows its end'],
    [
      'has RDATA of another form',
      (request) => [answerTo(request, [soa(1), { ...(records[0] as ResourceRecord), rdata: 'x' as never }])],
      'malformed',
    ],
  ])('when it %s', async (_, answer, message) => {
    expect(await fails(answer)).toMatchObject({ message: expect.stringContaining(message) });
  });

  test('when it ends before its second SOA', async () => {
    const answer = (request: Message, socket: Socket): Octets[] => {
      socket.end(framed(bytesFrom(answerTo(request, whole.slice(0, -1)))));
      return [];
    };
    expect(await fails(answer)).toMatchObject({ code: 'transfer-ended' });
  });

  test('when it is larger than is taken', async () => {
    const answer = (request: Message): Octets[] => [
      answerTo(request, whole.slice(0, 2)),
      answerTo(request, whole.slice(2)),
    ];
    expect(await fails(answer, { mostOctets: 150 })).toMatchObject({ code: 'transfer-too-large' });
  });

  test('when nothing comes in time, or not all', async () => {
    expect(await fails(() => [], { patience: 50 })).toMatchObject({ code: 'transfer-too-slow' });
    const slowly = (request: Message): Octets[] => [answerTo(request, whole.slice(0, 2))];
    expect(await fails(slowly, { timeout: 50 })).toMatchObject({ code: 'transfer-too-slow' });
  });

  test('when nobody is there, or it was called off', async () => {
    const { port, sockets } = await primary(() => []);
    const calledOff = new AbortController();
    const fetching = fetchFrom(port, { signal: calledOff.signal });
    await expect.poll(() => sockets.size).toBe(1);
    calledOff.abort();
    await expect(fetching).rejects.toMatchObject({ code: 'transfer-ended', message: 'the transfer was called off' });
    await expect(fetchFrom(port, { signal: calledOff.signal })).rejects.toMatchObject({ code: 'transfer-ended' });
    await opened.disposeAsync();
    opened = new AsyncDisposableStack();
    await expect(fetchFrom(port)).rejects.toMatchObject({ code: 'primary-unreachable' });
  });
});

describe('with a key', () => {
  /** Sign the messages at these places, as a server may. */
  const signing =
    (places: readonly number[], change = (octets: Octets): Octets => octets) =>
    (request: Message): Octets[] => {
      const verdict = verifyTsig(request, [key], now);
      if (verdict.kind !== 'good') throw new Error(verdict.kind);
      let priorMac = verdict.mac;
      let covered = '';
      return [[soa(1)], [records[0]], [records[1]], [soa(1)]].map((answers, index) => {
        const plain = answerTo(request, answers as ResourceRecord[]);
        covered += plain;
        if (!places.includes(index)) return change(plain);
        const signed = signMessage(covered as Octets, key, now, { priorMac, isContinued: index > 0 });
        ({ mac: priorMac } = signed);
        const record = signed.message.slice(covered.length);
        covered = '';
        return `${plain.slice(0, 10)}\0\x01${plain.slice(12)}${record}` as Octets;
      });
    };

  test('nothing is given out before it is known to be right', async () => {
    const { port } = await primary(signing([0, 1, 2, 3]));
    expect(await fetchFrom(port, { key })).toHaveLength(3);
    const { port: seldom } = await primary(signing([0, 3]));
    expect(await fetchFrom(seldom, { key })).toHaveLength(3);
    const { port: never } = await primary(signing([0]));
    const given: TransferPart[] = [];
    const fetching = (async () => {
      for await (const part of fetchZone({ host: '127.0.0.1', port: never, apex, clock, key, patience: 100 }))
        given.push(part);
    })();
    await expect(fetching).rejects.toMatchObject({ code: 'transfer-too-slow' });
    expect(given).toEqual([]);
  });

  test('a message that was changed between two TSIGs is found', async () => {
    const change = (octets: Octets): Octets => octets.replace('\xc0\0\x02\x02', '\xc0\0\x02\x63') as Octets;
    expect(await fails(signing([0, 3], change), { key })).toMatchObject({ code: 'tsig-invalid' });
  });

  test('an answer without TSIG is not taken', async () => {
    expect(await fails((request) => [answerTo(request, [soa(1), ...records, soa(1)])], { key })).toMatchObject({
      code: 'tsig-invalid',
    });
  });
});

describe('a primary that knows no IXFR', () => {
  test.each([rcodes.formErr, rcodes.notImp])('and says so with code %i is asked for the whole zone', async (rcode) => {
    const { port, requests } = await primary((request) =>
      request.question?.type === rrTypes.IXFR
        ? [answerTo(request, [], rcode)]
        : [answerTo(request, [soa(9), ...records, soa(9)])],
    );
    expect((await fetchFrom(port, { currentSerial: 5 })).map(({ kind }) => kind)).toEqual(['full', 'full']);
    expect(requests.map(({ question }) => question?.type)).toEqual([rrTypes.IXFR, rrTypes.AXFR]);
  });

  test('and refuses is not asked twice', async () => {
    const { port, requests } = await primary((request) => [answerTo(request, [], rcodes.refused)]);
    await expect(fetchFrom(port, { currentSerial: 5 })).rejects.toMatchObject({ code: 'primary-refused' });
    expect(requests).toHaveLength(1);
  });
});
