import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { bytesFrom, type Octets } from '#lib/octets.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { DnsError } from '#dns/errors.ts';
import {
  composeMessage,
  type Message,
  type NewMessage,
  opcodes,
  parseMessage,
  rcodes,
} from '#dnssec/adapters/messages/message.ts';
import { AnsweredUpdates } from '#dnssec/adapters/transfer/answered-updates.ts';
import { type Notification, respond, type ResponderOptions } from '#dnssec/adapters/transfer/responder.ts';
import { signMessage, type TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import { findTsig, withAdditional } from '#dnssec/adapters/transfer/tsig-record.ts';
import { TsigStream } from '#dnssec/adapters/transfer/tsig-stream.ts';
import type { ZoneUpdate } from '#dnssec/ports-transfer.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';
import { MemoryZones, tsigKey } from '#test/support/memory-transfer.ts';

const now = 1_800_000_000;
const key = tsigKey('transfer.key', 'hmac-sha256', new Uint8Array(32).fill(1));
const apex = canonical('example.');
const question = (type: number, name = apex) => ({ name, type, class: 1 });
const soaOf = (serial: number): ResourceRecord => recordsOf(`@ SOA ns admin ${serial} 1 2 3 4`)[0] as ResourceRecord;

let zones: MemoryZones;
let notifications: Notification[];
let updates: ZoneUpdate[];
let options: ResponderOptions;
beforeEach(() => {
  zones = new MemoryZones();
  zones.publish([soaOf(1), ...recordsOf('a A 192.0.2.1')]);
  zones.publish([soaOf(2), ...recordsOf('a A 192.0.2.2')]);
  notifications = [];
  updates = [];
  options = {
    zones,
    keys: [key],
    allow: ['192.0.2.53'],
    clock: { now: () => now * 1000 },
    onNotify: (notification) => {
      if (notification.apex !== apex || notification.source.address !== '192.0.2.99') return false;
      return notifications.push(notification) > 0;
    },
    onUpdate: async (update) => updates.push(update) && rcodes.yxDomain,
  };
});

const compose = (request: Partial<NewMessage>): Octets =>
  composeMessage({
    id: 9,
    opcode: opcodes.query,
    isResponse: false,
    isAuthoritative: false,
    question: question(rrTypes.SOA),
    ...request,
  });
const ask = async (octets: Octets, { address = '192.0.2.53', isTcp = true } = {}): Promise<Message[]> => {
  const answers: Message[] = [];
  for await (const answer of respond(parseMessage(bytesFrom(octets)), { address, isTcp }, options))
    answers.push(parseMessage(bytesFrom(answer)));
  return answers;
};
const codeOf = async (request: Partial<NewMessage>, source = {}): Promise<number | undefined> =>
  (await ask(compose(request), source))[0]?.rcode;
const withKey = (request: Partial<NewMessage>, by: TsigKey = key): Octets =>
  signMessage(compose(request), by, now).message;
const stranger = { address: '198.51.100.7' };

describe('who gets an answer', () => {
  test('an address that is allowed, or a right TSIG; nobody else', async () => {
    expect(await codeOf({})).toBe(rcodes.noError);
    expect(await codeOf({}, stranger)).toBe(rcodes.refused);
    expect((await ask(withKey({}), stranger))[0]?.rcode).toBe(rcodes.noError);
    const forged = tsigKey('transfer.key', 'hmac-sha256', new Uint8Array(32));
    expect((await ask(withKey({}, forged)))[0]).toMatchObject({ rcode: rcodes.notAuth, answers: [] });
  });

  test('a wrong TSIG is not made good by an address', async () => {
    const forged = tsigKey('unknown.key', 'hmac-sha256', new Uint8Array(32));
    const [answer] = await ask(withKey({}, forged));
    expect(answer?.rcode).toBe(rcodes.notAuth);
    expect(answer && findTsig(answer)?.error).toBe(17);
  });

  test('a malformed TSIG is answered with FORMERR', async () => {
    const signed = withKey({});
    const record = signed.slice(compose({}).length) as Octets;
    expect((await ask(withAdditional(signed, record)))[0]?.rcode).toBe(rcodes.formErr);
  });

  test('an address that is allowed to transfer may not notify, nor the other way round', async () => {
    expect(await codeOf({ opcode: opcodes.notify })).toBe(rcodes.notAuth);
    expect(await codeOf({}, { address: '192.0.2.99' })).toBe(rcodes.refused);
  });
});

describe('what is answered', () => {
  test.each([
    ['a zone that is not served', question(rrTypes.SOA, canonical('other.')), rcodes.notAuth],
    ['a name within the zone', question(rrTypes.SOA, canonical('www.example.')), rcodes.notAuth],
    ['another class', { ...question(rrTypes.SOA), class: 3 }, rcodes.notAuth],
    ['another type', question(rrTypes.A), rcodes.refused],
    ['no question', undefined, rcodes.formErr],
    ['an IXFR that tells no serial', question(rrTypes.IXFR), rcodes.formErr],
  ])('%s: a code', async (_, asked, code) => {
    expect(await codeOf({ question: asked })).toBe(code);
  });

  test('an IXFR whose SOA is malformed gets FORMERR', async () => {
    const authorities = [{ ...soaOf(1), rdata: '\x05a' as Rdata }];
    expect(await codeOf({ question: question(rrTypes.IXFR), authorities })).toBe(rcodes.formErr);
  });

  test('an unknown opcode gets NOTIMP, and so do NOTIFY and UPDATE that nobody takes', async () => {
    expect(await codeOf({ opcode: 2 })).toBe(rcodes.notImp);
    const { onNotify: _, onUpdate: __, ...without } = options;
    options = without;
    expect((await ask(withKey({ opcode: opcodes.notify })))[0]?.rcode).toBe(rcodes.notImp);
    expect((await ask(withKey({ opcode: opcodes.update })))[0]?.rcode).toBe(rcodes.notImp);
  });

  test('names are the same in any case, and the question is repeated as it came', async () => {
    const mixed = { ...question(rrTypes.SOA), name: '\x07ExAmPlE\0' as typeof apex };
    expect((await ask(compose({ question: mixed })))[0]).toMatchObject({ question: mixed, answers: [{ type: 6 }] });
  });

  test('over UDP no zone is given: AXFR gets FORMERR, IXFR the newest SOA', async () => {
    expect(await codeOf({ question: question(rrTypes.AXFR) }, { isTcp: false })).toBe(rcodes.formErr);
    const [answer, more] = await ask(compose({ question: question(rrTypes.IXFR), authorities: [soaOf(1)] }), {
      isTcp: false,
    });
    expect(more).toBeUndefined();
    expect(answer?.answers.map(({ rdata }) => rdata)).toEqual([soaOf(2).rdata]);
  });

  test('an SOA that does not fit a datagram is cut, and fits a larger one of EDNS or TCP', async () => {
    const long = `${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}`;
    zones.publish(recordsOf(`@ SOA ${long} ${long} 3 1 2 3 4`));
    expect((await ask(compose({}), { isTcp: false }))[0]).toMatchObject({ isTruncated: true, answers: [] });
    const options1232 = '\0\0\x29\x04\xd0\0\0\0\0\0\0' as Octets;
    const [fitting] = await ask(withAdditional(compose({}), options1232), { isTcp: false });
    expect(fitting).toMatchObject({ isTruncated: false, answers: [{ type: 6 }] });
    expect((await ask(compose({})))[0]).toMatchObject({ isTruncated: false, answers: [{ type: 6 }] });
  });
});

describe('a transfer of many messages', () => {
  const many = 5000;
  beforeEach(() => {
    const text = Array.from({ length: many }, (_, index) => `r${index} TXT "${'x'.repeat(200)}"`).join('\n');
    zones.publish([soaOf(3), ...recordsOf(text)]);
  });

  test('is signed in each of them, and each fits', async () => {
    const { message, mac } = signMessage(compose({ question: question(rrTypes.AXFR) }), key, now);
    const stream = new TsigStream(key, mac, () => now);
    const answers = await ask(message, stranger);
    expect(answers.length).toBeGreaterThan(30);
    expect(answers.every((answer) => stream.accept(answer))).toBe(true);
    expect(answers.reduce((sum, { answers: records }) => sum + records.length, 0)).toBe(many + 2);
    expect(Math.max(...answers.map(({ octets }) => octets.length))).toBeLessThanOrEqual(65_535);
  });

  test('the largest records go one to a message', async () => {
    const owner = canonical('big.example.');
    const rdata = (fill: string): Rdata => fill.repeat(65_000) as Rdata;
    const big = ['a', 'b', 'c'].map((fill) => ({ owner, type: 65_400, ttl: 1, rdata: rdata(fill) }));
    zones.publish([soaOf(4), ...big]);
    const answers = await ask(withKey({ question: question(rrTypes.AXFR) }), stranger);
    expect(answers.map(({ answers: records }) => records.length)).toEqual([1, 1, 1, 1, 1]);
    expect(Math.max(...answers.map(({ octets }) => octets.length))).toBeLessThanOrEqual(65_535);
  });
});

describe('NOTIFY', () => {
  const notify = { opcode: opcodes.notify, isAuthoritative: true };
  const primary = { address: '192.0.2.99' };

  test('is told with its serial and its source', async () => {
    expect(await codeOf({ ...notify, answers: [soaOf(8)] }, primary)).toBe(rcodes.noError);
    expect((await ask(withKey(notify), primary))[0]?.rcode).toBe(rcodes.noError);
    expect(notifications).toEqual([
      { apex, serial: 8, source: primary },
      { apex, source: { ...primary, key: canonical('transfer.key') } },
    ]);
  });

  test('of a stranger is answered as that of a zone that there is not', async () => {
    expect(await codeOf({ ...notify, answers: [soaOf(8)] }, stranger)).toBe(rcodes.notAuth);
    expect(notifications).toEqual([]);
  });

  test('of a zone that does not come from there gets NOTAUTH, of no SOA FORMERR', async () => {
    expect(await codeOf({ ...notify, question: question(rrTypes.SOA, canonical('other.')) }, primary)).toBe(
      rcodes.notAuth,
    );
    expect(await codeOf({ ...notify, question: question(rrTypes.A) }, primary)).toBe(rcodes.formErr);
    expect(await codeOf({ ...notify, answers: [{ ...soaOf(8), rdata: '' as Rdata }] }, primary)).toBe(rcodes.formErr);
  });
});

describe('UPDATE', () => {
  const update = { opcode: opcodes.update, authorities: recordsOf('new 60 A 192.0.2.7') };

  test('needs a key, whatever the address', async () => {
    expect(await codeOf(update)).toBe(rcodes.refused);
    expect(await codeOf(update, { address: '192.0.2.99' })).toBe(rcodes.refused);
    expect(updates).toEqual([]);
  });

  test('is answered with the code of whoever does it', async () => {
    expect((await ask(withKey(update), stranger))[0]).toMatchObject({ rcode: rcodes.yxDomain, opcode: opcodes.update });
    expect(updates).toEqual([{ apex, prerequisites: [], steps: [{ kind: 'add', record: update.authorities[0] }] }]);
  });
});

describe('an UPDATE that comes again', () => {
  const update = withKey({ opcode: opcodes.update, authorities: recordsOf('new 60 A 192.0.2.7') });
  const other = withKey({ opcode: opcodes.update, authorities: recordsOf('new 60 A 192.0.2.8') });
  let seconds: number;
  beforeEach(() => {
    seconds = now;
    options = { ...options, answeredUpdates: new AnsweredUpdates(), clock: { now: () => seconds * 1000 } };
  });
  const rcodeOf = async (octets: Octets) => (await ask(octets, stranger))[0]?.rcode;

  test('is answered as it was, and not done again for as long as its signature is good', async () => {
    expect(await rcodeOf(update)).toBe(rcodes.yxDomain);
    expect(await rcodeOf(other)).toBe(rcodes.yxDomain);
    seconds += 300;
    expect(await rcodeOf(`\0\x05${update.slice(2)}` as Octets)).toBe(rcodes.yxDomain);
    expect(updates).toHaveLength(2);
    seconds += 1;
    expect(await rcodeOf(update)).toBe(rcodes.notAuth);
    expect(updates).toHaveLength(2);
  });

  test('is done when it could not be done before', async () => {
    const broken = { ...options, onUpdate: async () => Promise.reject(new Error('the disk is full')) };
    const whole = options;
    options = broken;
    await expect(rcodeOf(update)).rejects.toThrow('the disk is full');
    options = whole;
    expect(await rcodeOf(update)).toBe(rcodes.yxDomain);
    expect(updates).toHaveLength(1);
  });
});

test('requests that were changed anywhere are answered with a code or as others are, and break nothing', async () => {
  const all = [
    compose({ question: question(rrTypes.IXFR), authorities: [soaOf(1)] }),
    withKey({ question: question(rrTypes.AXFR) }),
    withKey({ opcode: opcodes.update, authorities: recordsOf('new 60 A 192.0.2.7') }),
    compose({ opcode: opcodes.notify, answers: [soaOf(3)] }),
  ].map(bytesFrom);
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...all), changes, fc.boolean(), async (valid, places, isTcp) => {
      const bytes = valid.slice();
      for (const [at, value] of places) bytes[at % bytes.length] = value;
      let request: Message;
      try {
        request = parseMessage(bytes);
      } catch (error) {
        if (error instanceof DnsError) return;
        throw error;
      }
      for await (const answer of respond(request, { address: '192.0.2.99', isTcp }, options)) {
        const { id, isResponse } = parseMessage(bytesFrom(answer));
        expect({ id, isResponse }).toEqual({ id: request.id, isResponse: true });
      }
    }),
    { numRuns: 1000 },
  );
});
