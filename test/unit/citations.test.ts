import { expect, test } from 'vitest';
import { registries, rfcs, rfcsWithoutSections } from '#test/support/rfcs.ts';
import { readSourceFiles } from '#test/support/source-files.ts';

/** `RFC 4034 §3.1.8.1` or, for an appendix, `RFC 4034 §B`. */
const section = /^RFC (?<number>[1-9]\d{2,3}) §(?:\d+|[A-Z])(?:\.\d+)*$/;
const whole = /^RFC (?<number>[1-9]\d{2,3})$/;
const registry = /^the IANA registry "(?<name>[^"]+)"$/;

interface Citation {
  readonly place: string;
  /** What stands between `Source:` and its full stop; the end of the comment where there is none. */
  readonly text: string;
  readonly hasStop: boolean;
}

const citations = readSourceFiles('src').flatMap(({ path, text }) =>
  [...text.matchAll(/\bsources?:\s/gi)]
    .filter(({ index }) => inComment(text, index))
    .map(({ index }): Citation => {
      const rest = text.slice(index).replaceAll(/\n\s*(?:\*(?!\/)|\/\/) ?/g, ' ');
      const [, label = '', body = '', stop] = /^(\w+): (.*?)(\.(?=\s|$)|\*\/|\n|$)/.exec(rest) ?? [];
      const line = text.slice(0, index).split('\n').length;
      return { place: `${path}:${line}`, text: `${label}: ${body}`.trim(), hasStop: stop === '.' };
    }),
);

function inComment(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', index) + 1, index);
  return /^\s*\*|\/\*|\/\//.test(line);
}

function faultOf(citation: Citation): string | undefined {
  if (!citation.text.startsWith('Source: ')) return 'does not begin with "Source: "';
  if (!citation.hasStop) return 'does not end with a full stop';
  for (const part of citation.text.slice('Source: '.length).split(', ')) {
    const name = registry.exec(part)?.groups?.['name'];
    const cited = section.exec(part)?.groups?.['number'] ?? whole.exec(part)?.groups?.['number'];
    if (name !== undefined ? !registries.has(name) : rfcs[Number(cited)] === undefined) {
      return `"${part}" is no section of an RFC in test/support/rfcs.ts`;
    }
    if (name === undefined && whole.test(part) !== rfcsWithoutSections.has(Number(cited))) {
      return `"${part}" needs a section`;
    }
  }
  return undefined;
}

test('every source is cited as "Source: RFC nnnn §x.y." and is an RFC that we list', () => {
  expect(citations.length).toBeGreaterThan(50);
  const faults = citations.map((citation) => ({ ...citation, fault: faultOf(citation) }));
  expect(
    faults.filter(({ fault }) => fault !== undefined).map(({ place, text, fault }) => `${place} ${text}: ${fault}`),
  ).toEqual([]);
});
