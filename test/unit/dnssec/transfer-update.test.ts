import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bytesFrom, type Octets, uint16, uint32 } from '#lib/octets.ts';
import { decodeHex } from '#lib/encoding.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { opcodes, parseMessage, rcodes } from '#dnssec/adapters/messages/message.ts';
import { parseUpdate } from '#dnssec/adapters/transfer/update.ts';
import { canonical, rdataOf } from '#test/support/dns.ts';

const [any, none, internet] = [255, 254, 1];
interface Line {
  readonly owner?: string;
  readonly type: number;
  readonly class: number;
  readonly ttl?: number;
  readonly rdata?: string;
}

const compose = ({ owner = 'www.example.', ttl = 0, rdata = '', ...line }: Line): string =>
  `${canonical(owner)}${uint16(line.type)}${uint16(line.class)}${uint32(ttl)}${uint16(rdata.length)}${rdata}`;
const parse = (prerequisites: Line[], steps: Line[], zone = { type: rrTypes.SOA as number, class: internet }) => {
  const counts = [1, prerequisites.length, steps.length, 0].map(uint16).join('');
  const asked = `${canonical('example.')}${uint16(zone.type)}${uint16(zone.class)}`;
  const body = [...prerequisites, ...steps].map(compose).join('');
  return parseUpdate(
    parseMessage(bytesFrom(`\0\x01${uint16(opcodes.update << 11)}${counts}${asked}${body}` as Octets)),
  );
};
const address = rdataOf('A', '192.0.2.1');

test('an update of nsupdate is read as it was meant', () => {
  const { requests } = JSON.parse(readFileSync('fixtures/vectors/tsig.json', 'utf8')) as {
    readonly requests: readonly { readonly program: string; readonly message: string }[];
  };
  const hex = requests.find(({ program }) => program === 'nsupdate')?.message ?? '';
  const [www, fresh, old, apex] = ['www.example.', 'new.example.', 'old.example.', 'example.'].map(canonical);
  expect(parseUpdate(parseMessage(decodeHex(hex) ?? new Uint8Array()))).toEqual({
    apex,
    prerequisites: [
      { kind: 'name-in-use', owner: www },
      { kind: 'name-not-in-use', owner: fresh },
      { kind: 'rrset-equals', owner: www, type: rrTypes.A, rdatas: [address, rdataOf('A', '192.0.2.2')] },
      { kind: 'rrset-absent', owner: www, type: rrTypes.AAAA },
      { kind: 'rrset-exists', owner: apex, type: rrTypes.NS },
    ],
    steps: [
      { kind: 'add', record: { owner: fresh, type: rrTypes.MX, ttl: 300, rdata: rdataOf('MX', '10 Mail') } },
      { kind: 'delete-record', owner: www, type: rrTypes.A, rdata: address },
      { kind: 'delete-rrset', owner: www, type: rrTypes.TXT },
      { kind: 'delete-name', owner: old },
    ],
  });
});

describe('an update is refused', () => {
  test('with FORMERR when its zone is not asked for by SOA, with NOTAUTH in another class', () => {
    expect(parse([], [], { type: rrTypes.A, class: internet })).toBe(rcodes.formErr);
    expect(parse([], [], { type: rrTypes.SOA, class: 3 })).toBe(rcodes.notAuth);
  });

  test('with NOTZONE when a name is not within the zone', () => {
    const outside = { owner: 'www.other.', type: rrTypes.A, class: any };
    expect(parse([outside], [])).toBe(rcodes.notZone);
    expect(parse([], [outside])).toBe(rcodes.notZone);
    expect(parse([], [{ ...outside, owner: 'notexample.' }])).toBe(rcodes.notZone);
  });

  test.each<[string, Line]>([
    ['a TTL', { type: rrTypes.A, class: any, ttl: 1 }],
    ['RDATA where none are compared', { type: rrTypes.A, class: any, rdata: address }],
    ['a meta type', { type: rrTypes.AXFR, class: any }],
    ['ANY with RDATA of its own', { type: rrTypes.ANY, class: internet, rdata: address }],
    ['an unknown class', { type: rrTypes.A, class: 3 }],
    ['RDATA that are not of their type', { type: rrTypes.A, class: internet, rdata: 'abc' }],
  ])('with FORMERR when a prerequisite has %s', (_, line) => {
    expect(parse([line], [])).toBe(rcodes.formErr);
  });

  test.each<[string, Line]>([
    ['adds a meta type', { type: rrTypes.ANY, class: internet, rdata: '' }],
    ['adds a question type', { type: rrTypes.MAILB, class: internet, rdata: address }],
    ['deletes with a TTL', { type: rrTypes.A, class: none, ttl: 1, rdata: address }],
    ['deletes an RRset with RDATA', { type: rrTypes.A, class: any, rdata: address }],
    ['deletes a record of type ANY', { type: rrTypes.ANY, class: none }],
    ['deletes an RRset of a meta type', { type: rrTypes.AXFR, class: any }],
    ['is of an unknown class', { type: rrTypes.A, class: 3, rdata: address }],
    ['adds RDATA that are not of their type', { type: rrTypes.A, class: internet, rdata: 'abc' }],
  ])('with FORMERR when a step %s', (_, line) => {
    expect(parse([], [line])).toBe(rcodes.formErr);
  });
});

test('RRsets that must be equal are told apart by owner and type, whatever the case of the owner', () => {
  const lines = [
    { type: rrTypes.A, class: internet, rdata: address },
    { owner: 'a.example.', type: rrTypes.A, class: internet, rdata: address },
    { type: rrTypes.TXT, class: internet, rdata: '\x01x' },
    { type: rrTypes.A, class: internet, rdata: rdataOf('A', '192.0.2.9') },
  ];
  const update = parse(lines, []);
  expect(
    typeof update === 'object' &&
      update.prerequisites.map((one) => (one.kind === 'rrset-equals' ? one.rdatas.length : 0)),
  ).toEqual([2, 1, 1]);
});
