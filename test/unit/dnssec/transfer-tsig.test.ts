import { describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { decodeHex } from '#lib/encoding.ts';
import { bytesFrom, type Octets, octetsOf, readUint16, sliceOctets, uint16 } from '#lib/octets.ts';
import { composeMessage, type Message, parseMessage } from '#dnssec/adapters/messages/message.ts';
import { signMessage, type TsigAlgorithm, tsigAlgorithms, verifyTsig } from '#dnssec/adapters/transfer/tsig.ts';
import { findTsig, tsigErrors, uint48, withAdditional, withoutTsig } from '#dnssec/adapters/transfer/tsig-record.ts';
import { TsigStream } from '#dnssec/adapters/transfer/tsig-stream.ts';
import { tsigKey } from '#test/support/memory-transfer.ts';
import { canonical } from '#test/support/dns.ts';

interface Vectors {
  readonly requests: readonly {
    readonly program: string;
    readonly algorithm: TsigAlgorithm;
    readonly time: number;
    readonly message: string;
  }[];
}
const { requests } = JSON.parse(readFileSync('fixtures/vectors/tsig.json', 'utf8')) as Vectors;
const secret = Uint8Array.from({ length: 32 }, (_, index) => index);
const keyOf = (algorithm: TsigAlgorithm) => tsigKey('transfer.key', algorithm, secret);
const bytesOf = (hex: string): Uint8Array => decodeHex(hex) ?? new Uint8Array();
const parsed = (octets: Octets): Message => parseMessage(bytesFrom(octets));

const now = 1_795_534_083;
const key = keyOf('hmac-sha256');
const question = { name: canonical('example.'), type: 252, class: 1 };
const request = composeMessage({ id: 7, opcode: 0, isResponse: false, question });
const answer = (id: number): Octets => composeMessage({ id, opcode: 0, isResponse: true, question });

describe('TSIG of a request', () => {
  test.each(requests)('what $program signs with $algorithm is right', ({ algorithm, time, message }) => {
    const verdict = verifyTsig(parseMessage(bytesOf(message)), [keyOf(algorithm)], time);
    expect(verdict.kind).toBe('good');
  });

  test.each(requests)(
    'we sign with $algorithm what $program signs to the same octets',
    ({ algorithm, time, message }) => {
      const given = parseMessage(bytesOf(message));
      const tsig = findTsig(given);
      if (tsig === undefined) throw new Error('the vector has no TSIG');
      expect(signMessage(withoutTsig(given, tsig), keyOf(algorithm), time).message).toBe(given.octets);
    },
  );

  test('each octet of a request is covered, its id aside, which forwarders change', () => {
    const { message } = signMessage(request, key, now);
    const tsigStart = request.length;
    for (let at = 2; at < tsigStart; at++) {
      if (at === 10 || at === 11) continue; // the count that the TSIG itself is part of
      const changed = `${message.slice(0, at)}${String.fromCharCode(message.charCodeAt(at) ^ 1)}${message.slice(at + 1)}`;
      let kind: string;
      try {
        kind = verifyTsig(parsed(changed as Octets), [key], now).kind;
      } catch {
        kind = 'malformed';
      }
      expect([at, kind]).not.toEqual([at, 'good']);
    }
    const forwarded = `${uint16(99)}${message.slice(2)}` as Octets;
    expect(verifyTsig(parsed(forwarded), [key], now).kind).toBe('good');
  });

  test.each([
    ['another secret', tsigKey('transfer.key', 'hmac-sha256', new Uint8Array(32)), tsigErrors.badSig],
    ['another name', tsigKey('other.key', 'hmac-sha256', secret), tsigErrors.badKey],
    ['another algorithm', keyOf('hmac-sha512'), tsigErrors.badKey],
  ])('%s is told without a signature', (_, held, error) => {
    const verdict = verifyTsig(parsed(signMessage(request, key, now).message), [held], now);
    if (verdict.kind !== 'bad') throw new Error(verdict.kind);
    expect(verdict.error).toBe(error);
    expect(findTsig(parsed(verdict.answer(answer(7))))).toMatchObject({ error, mac: '' });
  });

  test('a clock may be 300 seconds off, and no second more', () => {
    const message = parsed(signMessage(request, key, now).message);
    expect(verifyTsig(message, [key], now + 300).kind).toBe('good');
    expect(verifyTsig(message, [key], now - 300).kind).toBe('good');
    expect(verifyTsig(message, [key], now + 301)).toMatchObject({ kind: 'bad', error: tsigErrors.badTime });
    expect(verifyTsig(message, [key], now - 301)).toMatchObject({ kind: 'bad', error: tsigErrors.badTime });
  });

  test('BADTIME is told with a signature, the time of the asker and ours', () => {
    const { message, mac } = signMessage(request, key, now);
    const ours = now + 5000;
    const verdict = verifyTsig(parsed(message), [key], ours);
    if (verdict.kind !== 'bad') throw new Error(verdict.kind);
    const told = parsed(verdict.answer(answer(7)));
    expect(findTsig(told)).toMatchObject({ error: tsigErrors.badTime, time: now, other: uint48(ours) });
    expect(verifyTsig(told, [key], now, mac).kind).toBe('good');
  });

  test('times after 2106 fit', () => {
    const later = 2 ** 33 + 12_345;
    expect(verifyTsig(parsed(signMessage(request, key, later).message), [key], later).kind).toBe('good');
  });

  test('a MAC that was cut is not taken, and one that is too short is malformed', () => {
    const { message, mac } = signMessage(request, key, now);
    const cutTo = (length: number): Octets => {
      const at = message.indexOf(mac);
      const rdataLengthAt = at - 2 - 8 - canonical('hmac-sha256.').length - 2;
      const rdataLength = readUint16(message, rdataLengthAt) - mac.length + length;
      return [
        message.slice(0, rdataLengthAt),
        uint16(rdataLength),
        message.slice(rdataLengthAt + 2, at - 2),
        uint16(length),
        mac.slice(0, length),
        message.slice(at + mac.length),
      ].join('') as Octets;
    };
    expect(verifyTsig(parsed(cutTo(32)), [key], now).kind).toBe('good');
    expect(verifyTsig(parsed(cutTo(16)), [key], now)).toMatchObject({ kind: 'bad', error: tsigErrors.badTrunc });
    expect(() => verifyTsig(parsed(cutTo(15)), [key], now)).toThrow('its MAC has 15 octets');
    expect(() => verifyTsig(parsed(cutTo(0)), [key], now)).toThrow('its MAC has 0 octets');
  });

  test('a TSIG that is not the last record, or not alone, is malformed', () => {
    const { message } = signMessage(request, key, now);
    const address = octetsOf(0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1);
    expect(() => findTsig(parsed(withAdditional(message, address)))).toThrow('not the last record');
    const record = sliceOctets(message, request.length);
    expect(() => findTsig(parsed(withAdditional(message, record)))).toThrow('not the last record');
  });
});

describe('TSIGs of an answer of several messages', () => {
  /** Messages of which those of `unsigned` have no TSIG. */
  const series = (count: number, unsigned: (index: number) => boolean): { messages: Octets[]; requestMac: Octets } => {
    const requestMac = signMessage(request, key, now).mac;
    let priorMac = requestMac;
    let covered = '';
    const messages: Octets[] = [];
    for (let index = 0; index < count; index++) {
      const plain = answer(7);
      if (unsigned(index)) {
        covered += plain;
        messages.push(plain);
        continue;
      }
      // The MAC covers all since the last one, the record that carries it belongs to the last message.
      const signed = signMessage(`${covered}${plain}` as Octets, key, now, { priorMac, isContinued: index > 0 });
      const record = sliceOctets(signed.message, covered.length + plain.length);
      messages.push(withAdditional(plain, record));
      ({ mac: priorMac } = signed);
      covered = '';
    }
    return { messages, requestMac };
  };
  const accept = ({ messages, requestMac }: { messages: Octets[]; requestMac: Octets }): boolean[] => {
    const stream = new TsigStream(key, requestMac, () => now);
    return messages.map((message) => stream.accept(parsed(message)));
  };

  test('all signed are all known to be right at once', () => {
    expect(accept(series(5, () => false))).toEqual([true, true, true, true, true]);
  });

  test('those between two TSIGs are known to be right with the second', () => {
    expect(accept(series(6, (index) => index > 0 && index < 5))).toEqual([true, false, false, false, false, true]);
  });

  test('99 in a row may be unsigned, 100 not', () => {
    expect(accept(series(101, (index) => index > 0 && index < 100)).at(-1)).toBe(true);
    expect(() => accept(series(102, (index) => index > 0 && index < 101))).toThrow('more than 99');
  });

  test('the first must be signed', () => {
    expect(() => accept(series(2, (index) => index === 0))).toThrow('its first message has no TSIG');
  });

  test('one that was changed, left out, repeated or put elsewhere is found', () => {
    const { messages, requestMac } = series(4, () => false);
    const [first, second, third, fourth] = messages as [Octets, Octets, Octets, Octets];
    const changed = `${second.slice(0, 3)}\x02${second.slice(4)}` as Octets;
    for (const bad of [[first, changed], [first, third], [first, first], [second], [first, second, fourth]])
      expect(() => accept({ messages: bad, requestMac })).toThrow('BADSIG');
    const unsigned = series(3, (index) => index === 1);
    const swapped = unsigned.messages.with(1, `${answer(7).slice(0, 3)}\x02${answer(7).slice(4)}` as Octets);
    expect(() => accept({ ...unsigned, messages: swapped })).toThrow('BADSIG');
  });

  test('an answer to another request is found', () => {
    expect(() => accept({ ...series(1, () => false), requestMac: '\0'.repeat(32) as Octets })).toThrow('BADSIG');
  });
});

test('every algorithm signs what it verifies', () => {
  for (const algorithm of tsigAlgorithms) {
    const { message } = signMessage(request, keyOf(algorithm), now);
    expect(verifyTsig(parsed(message), [keyOf(algorithm)], now).kind).toBe('good');
  }
});
