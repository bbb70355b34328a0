import { assert, constantFrom, array, integer, oneof, property, string, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LongTextSplitter } from '#lib/long-text-splitter.ts';

const token = 'token';
const long = (text: string): string => text.repeat(Math.ceil(70_000 / text.length));

/** Split a JSON text that comes in pieces of so many octets. */
function split(
  json: string,
  octets: number,
): { readonly rest: string; readonly text: string; readonly hasLong: boolean } {
  const bytes = new TextEncoder().encode(json);
  const splitter = new LongTextSplitter(token);
  let text = '';
  for (let at = 0; at < bytes.length; at += octets) text += splitter.push(bytes.subarray(at, at + octets));
  return { rest: splitter.end(), text, hasLong: splitter.hasLong };
}

describe('a body with a long text', () => {
  const unit = oneof(
    constantFrom('\\', '"', '\n', '\t', '\\"', 'é', '\u{1f600}', '\ud7ff', '\uffff', '\\u0041', '{', '}'),
    string({ maxLength: 5 }),
  );
  const texts = array(unit, { minLength: 1, maxLength: 30 }).map((units) => units.join('').replaceAll('\0', ''));

  test('is split into that text and what is left, wherever its pieces end', () => {
    assert(
      property(
        tuple(texts, texts, integer({ min: 301, max: 5000 }), constantFrom(0, 1)),
        ([one, other, octets, way]) => {
          const text = long(`${one}x`);
          const json = JSON.stringify({ [other]: [other, { zoneFile: text }], last: other });
          // Every character may be written as an escape.
          const written = way === 0 ? json : json.replaceAll(/[^\0-\x7f]/g, escapeOf); // oxlint-disable-line no-control-regex
          const found = split(written, octets);
          expect(found.text === text).toBe(true);
          expect(JSON.parse(found.rest)).toEqual({ [other]: [other, { zoneFile: token }], last: other });
        },
      ),
      { numRuns: 30 },
    );
  });

  test('has one: a second stays where it is, and is too much', () => {
    expect(() => split(JSON.stringify({ a: long('a'), b: 'b'.repeat(1_100_000) }), 65_536)).toThrow('more than');
    const { rest, text } = split(JSON.stringify([long('ab'), long('c')]), 65_536);
    expect([JSON.parse(rest), text]).toEqual([[token, long('c')], long('ab')]);
  });
});

test('a body without a long text is left as it is', () => {
  const json = '{"a" : "\\u0000\\"", "b": [1, "é"]}';
  expect(split(json, 3)).toEqual({ rest: json, text: '', hasLong: false });
});

describe('what is no JSON', () => {
  test.each([
    ['a raw line feed in the text', `["${long('a')}\n"]`],
    ['an unknown escape', `["${long('a')}\\q"]`],
    ['U+0000', `["${long('a')}\\u0000"]`],
    ['half of a surrogate pair', `["${long('a')}\\ud800x"]`],
    ['half of a surrogate pair at the end', `["${long('a')}\\ud800"]`],
  ])('is refused: %s', (_what, json) => {
    for (const octets of [1000, 1001, 1_000_000]) expect(() => split(json, octets)).toThrow('the body');
  });

  test('is left to the parser where it ends too early', () => {
    const { rest } = split(`["${long('a')}`, 1000);
    expect(() => JSON.parse(rest) as unknown).toThrow(SyntaxError);
  });
});

function escapeOf(text: string): string {
  return Array.from({ length: text.length }, (_, index) => {
    return `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }).join('');
}
