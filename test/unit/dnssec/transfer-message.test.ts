import { decode, encode } from 'dns-packet';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesFrom, type Octets, octetsFrom, octetsOf, uint16 } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Name } from '#dns/name.ts';
import { expandRdata, recordOf } from '#dnssec/adapters/messages/expand-rdata.ts';
import { framed, messagesOf } from '#dnssec/adapters/messages/framing.ts';
import { composeFormatError, composeMessage, parseMessage, readName } from '#dnssec/adapters/messages/message.ts';
import { canonical, rdataOf, recordsOf } from '#test/support/dns.ts';

const question = { name: canonical('example.'), type: rrTypes.SOA, class: 1 };
const answers = recordsOf(`
@ SOA ns admin 7 1 2 3 4
www A 192.0.2.1
www AAAA 2001:db8::1
@ MX 10 mail
`);
const compose = (records = answers): Octets =>
  composeMessage({ id: 0x1234, opcode: 0, isResponse: true, question, answers: records });

describe('messages', () => {
  test('dns-packet reads what we compose', () => {
    const read = decode(Buffer.from(bytesFrom(compose())));
    expect(read).toMatchObject({ id: 0x1234, flag_qr: true, flag_aa: true, flag_tc: false, rcode: 'NOERROR' });
    expect(read.questions).toEqual([{ name: 'example', type: 'SOA', class: 'IN' }]);
    expect(read.answers).toMatchObject([
      { name: 'example', type: 'SOA', ttl: 3600, data: { mname: 'ns.example', rname: 'admin.example', serial: 7 } },
      { name: 'www.example', type: 'A', data: '192.0.2.1' },
      { name: 'www.example', type: 'AAAA', data: '2001:db8::1' },
      { name: 'example', type: 'MX', data: { preference: 10, exchange: 'mail.example' } },
    ]);
  });

  test('we read what dns-packet composes', () => {
    const bytes = encode({
      type: 'response',
      id: 77,
      questions: [{ name: 'example', type: 'SOA', class: 'IN' }],
      answers: [{ name: 'www.example', type: 'A', ttl: 60, data: '192.0.2.1' }],
      additionals: [{ name: 'example', type: 'TXT', ttl: 5, data: ['one', 'two'] }],
    });
    const message = parseMessage(bytes);
    expect(message).toMatchObject({ id: 77, isResponse: true, opcode: 0, rcode: 0, question });
    expect(message.answers.map((one) => recordOf(message.octets, one))).toEqual(recordsOf('www 60 A 192.0.2.1'));
    expect(message.additionals.map((one) => recordOf(message.octets, one))).toEqual(recordsOf('@ 5 TXT one two'));
  });

  test('dns-packet changes names with dots or 8-bit octets in a label, which is why it does not code them here', () => {
    const odd = compose(recordsOf('a\\.b\\255 TXT x'));
    const bytes = Buffer.from(bytesFrom(odd));
    expect(Buffer.from(encode(decode(bytes))).equals(bytes)).toBe(false);
    expect(parseMessage(bytes).answers[0]?.owner).toBe('\x04a.b\xff\x07example\0');
  });

  const labels = fc.array(
    fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 63,
    }),
    { maxLength: 3 },
  );
  const names = labels.map(
    (all) => `${all.map((label) => String.fromCharCode(label.length) + label).join('')}\0` as Name,
  );
  const octets = fc.uint8Array({ maxLength: 400 }).map((bytes) => octetsFrom(bytes));

  test('owners, TTLs and unknown RDATA of any octets come through unharmed', () => {
    const records = fc.array(fc.record({ owner: names, ttl: fc.integer({ min: 0, max: 0x7fffffff }), rdata: octets }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(records, (given) => {
        const all = given.map(({ rdata, ...record }) => ({ ...record, type: 65_400, rdata: rdata as never }));
        const message = parseMessage(bytesFrom(compose(all)));
        expect(message.answers.map((one) => recordOf(message.octets, one))).toEqual(all);
      }),
    );
  });

  test('octets that are no message are refused as such, however they are made', () => {
    const valid = bytesFrom(compose());
    const changes = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 });
    const mutated = fc.tuple(changes, fc.nat(valid.length)).map(([all, length]) => {
      const bytes = valid.slice();
      for (const [at, value] of all) bytes[at] = value;
      return bytes.subarray(0, length);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), (bytes) => {
        let fault: unknown;
        try {
          const message = parseMessage(bytes);
          for (const one of message.answers) recordOf(message.octets, one);
        } catch (error) {
          fault = error;
        }
        expect(fault === undefined || fault instanceof DnsError).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('names that are compressed', () => {
  const read = (...values: number[]) => readName(octetsOf(...values), values.length - 2);

  test('a pointer to itself, forwards, or in a ring is refused', () => {
    expect(() => read(0xc0, 0)).toThrow('does not go back');
    expect(() => read(0, 0, 0xc0, 9)).toThrow('does not go back');
    expect(() => readName(octetsOf(1, 0x61, 0xc0, 0), 0)).toThrow('longer than 255');
    expect(() => read(0x40, 0xc0, 0)).toThrow('unknown type');
  });

  /** A root, then pairs of a run of octets and a pointer to the pair before. @returns the octets, and where the last pair begins */
  const chained = (links: number, before: string) => {
    let octets = '\0';
    let last = 0;
    for (let link = 0; link < links; link++) {
      const at = octets.length;
      octets += `${before}${uint16(0xc000 | last)}`;
      last = at;
    }
    return [octets as Octets, last] as const;
  };

  test('a label and a pointer for each of the 127 labels that a name can have are read', () => {
    const [name] = readName(...chained(127, '\x01a'));
    expect(name).toBe(`${'\x01a'.repeat(127)}\0`);
  });

  test('pointers that lead to pointers are not followed for ever', () => {
    expect(readName(...chained(128, ''))[0]).toBe('\0');
    expect(() => readName(...chained(129, ''))).toThrow('more than 128 pointers');
  });

  test('RDATA of the older types are expanded', () => {
    const head = compose([]).slice(0, 12);
    const body = `\x07example\0${uint16(6)}${uint16(1)}`;
    const mx = `\xc0\x0c${uint16(15)}${uint16(1)}\0\0\0\x3c${uint16(9)}${uint16(10)}\x04MaiL\xc0\x0c`;
    const bytes = bytesFrom(`${head.slice(0, 6)}${uint16(1)}${head.slice(8)}${body}${mx}` as Octets);
    const message = parseMessage(bytes);
    const [record] = message.answers;
    if (record === undefined) throw new Error('the record is lost');
    expect(expandRdata(message.octets, record)).toBe(rdataOf('MX', '10 MaiL'));
  });

  test.each([
    ['octets after the name', 'MX', '\x00\x0a\x01a\0\0'],
    ['a name that leaves its RDATA', 'NS', '\x09a'],
    ['an address of three octets', 'A', '\x7f\0\0'],
  ])('%s are refused', (_, mnemonic, rdata) => {
    const type = rrTypes[mnemonic as keyof typeof rrTypes];
    const message = parseMessage(bytesFrom(compose([{ owner: question.name, type, ttl: 1, rdata: rdata as never }])));
    const [record] = message.answers;
    if (record === undefined) throw new Error('the record is lost');
    expect(() => recordOf(message.octets, record)).toThrow(DnsError);
  });

  test('a TTL with its highest bit set counts as zero', () => {
    const message = parseMessage(
      bytesFrom(compose([{ ...(answers[1] as (typeof answers)[number]), ttl: 0x80000001 }])),
    );
    expect(message.answers.map((one) => recordOf(message.octets, one).ttl)).toEqual([0]);
  });
});

describe('FORMERR', () => {
  test('repeats id and opcode of what cannot be parsed', () => {
    const answer = composeFormatError(Uint8Array.of(0xab, 0xcd, 0x28, 0, 0, 9, 0, 0, 0, 0, 0, 0));
    expect(answer && parseMessage(bytesFrom(answer))).toMatchObject({
      id: 0xabcd,
      opcode: 5,
      rcode: 1,
      isResponse: true,
    });
  });

  test('is not sent to answers, nor to what has no header', () => {
    expect(composeFormatError(Uint8Array.of(0, 1, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0))).toBeUndefined();
    expect(composeFormatError(Uint8Array.of(0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0))).toBeUndefined();
  });
});

test('a stream is cut into its messages, whatever the pieces it comes in', async () => {
  const stream = fc.tuple(
    fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 }),
    fc.integer({ min: 1, max: 700 }),
  );
  await fc.assert(
    fc.asyncProperty(stream, async ([messages, size]) => {
      const all = Buffer.concat(messages.map(framed));
      async function* pieces(): AsyncGenerator<Uint8Array> {
        for (let start = 0; start < all.length; start += size) yield all.subarray(start, start + size);
        yield Uint8Array.of(0, 5, 1); // a message that is cut short is none
      }
      const read: string[] = [];
      for await (const message of messagesOf(pieces())) read.push(octetsFrom(message));
      expect(read).toEqual(messages.map((message) => octetsFrom(message)));
    }),
  );
});

test('a message that is too long for its length is not sent', () => {
  expect(framed(new Uint8Array(65_535))).toHaveLength(65_537);
  expect(() => framed(new Uint8Array(65_536))).toThrow(RangeError);
});
