import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesFrom } from '#lib/octets.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { answerQuery } from '#dnssec/adapters/transfer/answer-query.ts';
import { recordOf } from '#dnssec/adapters/messages/expand-rdata.ts';
import { composeMessage, parseMessage } from '#dnssec/adapters/messages/message.ts';
import { TransferReader } from '#dnssec/adapters/transfer/transfer-reader.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';
import { applyParts, contentOf, identityOf, MemoryZones } from '#test/support/memory-transfer.ts';

const apex = canonical('example.');
const soa = (serial: number): ResourceRecord => recordsOf(`@ SOA ns admin ${serial} 1 2 3 4`)[0] as ResourceRecord;
const one = (text: string): ResourceRecord => recordsOf(text)[0] as ResourceRecord;
const [a, b, c] = ['a A 192.0.2.1', 'b A 192.0.2.2', 'c A 192.0.2.3'].map(one) as [
  ResourceRecord,
  ResourceRecord,
  ResourceRecord,
];

const read = (records: readonly ResourceRecord[], held?: number): { parts: TransferPart[]; isDone: boolean } => {
  const reader = new TransferReader(apex, held);
  const parts = records.flatMap((record) => reader.read([record]));
  return { parts, isDone: reader.isDone };
};

test('differences without end are not gathered without end', () => {
  const reader = new TransferReader(apex, 1, 10);
  reader.read([soa(9), soa(1), a, soa(2), b, soa(2), b, soa(3)]);
  reader.read([a, c, soa(3), c]);
  expect(() => reader.read([a])).toThrow('its steps have more than 10 records');
});

describe('a whole zone', () => {
  test('begins and ends with the same SOA', () => {
    expect(read([soa(5), a, b, soa(5)])).toEqual({
      isDone: true,
      parts: [
        { kind: 'full', soa: soa(5), records: [] },
        { kind: 'full', soa: soa(5), records: [a] },
        { kind: 'full', soa: soa(5), records: [b] },
      ],
    });
    expect(() => read([a, soa(5)])).toThrow('begins with a.example. A');
    expect(() => read([soa(5), a, soa(6)])).toThrow('differs from the first');
  });

  test('is not done before its second SOA', () => {
    expect(read([soa(5), a, b]).isDone).toBe(false);
    expect(read([soa(5)]).isDone).toBe(false);
  });

  test('may be nothing but its SOA', () => {
    expect(read([soa(5), soa(5)])).toEqual({ isDone: true, parts: [{ kind: 'full', soa: soa(5), records: [] }] });
  });

  test('has no record of another zone, and nothing after its end', () => {
    expect(() => read([soa(5), { ...a, owner: canonical('a.other.') }])).toThrow('a.other. A does not belong');
    expect(() => read([soa(5), { ...soa(5), owner: canonical('sub.example.') }])).toThrow('sub.example. SOA');
    expect(() => read([soa(5), { ...a, type: rrTypes.ANY }])).toThrow('does not belong');
    expect(() => read([soa(5), a, soa(5), b])).toThrow('b.example. A follows its end');
  });

  test('is taken where differences were asked for', () => {
    expect(read([soa(5), a, soa(5)], 3).parts.at(-1)).toEqual({ kind: 'full', soa: soa(5), records: [a] });
  });
});

describe('differences', () => {
  test('come step by step', () => {
    const { parts, isDone } = read([soa(9), soa(3), a, soa(5), b, soa(5), soa(9), c, soa(9)], 3);
    expect(isDone).toBe(true);
    expect(parts).toEqual([
      { kind: 'difference', from: soa(3), removed: [a], to: soa(5), added: [b] },
      { kind: 'difference', from: soa(5), removed: [], to: soa(9), added: [c] },
    ]);
  });

  test('a single SOA says that the version that is held is the newest', () => {
    for (const held of [5, 6])
      expect(read([soa(5)], held)).toEqual({ isDone: true, parts: [{ kind: 'up-to-date', soa: soa(5) }] });
    expect(read([soa(5)], 4).isDone).toBe(false);
    expect(read([soa(2)], 0xfffffffe).isDone).toBe(false); // serials go round
  });

  test('must begin at the version that is held, join each other, and go forwards', () => {
    expect(() => read([soa(9), soa(4), a, soa(9), b, soa(9)], 3)).toThrow('differs from the first');
    expect(() => read([soa(9), soa(3), soa(5), soa(6), soa(9), soa(9)], 3)).toThrow('ends at serial 5');
    expect(() => read([soa(9), soa(3), soa(3)], 3)).toThrow('from serial 3 back to 3');
    expect(() => read([soa(9), soa(3), soa(2)], 3)).toThrow('from serial 3 back to 2');
  });
});

test('a secondary that follows by any mixture of whole zones and differences holds what was published', async () => {
  const pool = [
    '@ NS ns',
    '*.w TXT "x"',
    'a\\.b\\255 TYPE65400 \\# 2 00ff',
    'c MX 1 a\\000b',
    'd A 192.0.2.1',
    'd A 192.0.2.2',
  ].map(one);
  const versions = fc.array(fc.tuple(fc.subarray(pool), fc.integer({ min: 1, max: 0x7fffffff }), fc.boolean()), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(versions, fc.nat(0xffffffff), async (steps, first) => {
      const zones = new MemoryZones();
      let held = new Map<string, ResourceRecord>();
      let serial: number | undefined;
      let next = first;
      for (const [records, increment, isFetched] of steps) {
        next = (next + increment) % 2 ** 32;
        const zone = zones.publish([soa(next), ...records]);
        if (!isFetched) continue;
        const type = serial === undefined ? rrTypes.AXFR : rrTypes.IXFR;
        const known = serial === undefined ? [] : [soa(serial)];
        const question = { name: apex, type, class: 1 };
        const query = composeMessage({ id: 1, opcode: 0, isResponse: false, question, authorities: known });
        const reader = new TransferReader(apex, serial);
        const parts: TransferPart[] = [];
        for await (const octets of answerQuery(parseMessage(bytesFrom(query)), question, true, zones)) {
          const message = parseMessage(bytesFrom(octets));
          parts.push(...reader.read(message.answers.map((record) => recordOf(message.octets, record))));
        }
        expect(reader.isDone).toBe(true);
        // Serials that have gone half round since cannot be compared: nothing is newer then.
        if (parts.some(({ kind }) => kind === 'up-to-date')) continue;
        held = await applyParts(held, parts);
        serial = next;
        expect([...held.values()].map(identityOf).toSorted()).toEqual(await contentOf(zone));
      }
    }),
  );
});
