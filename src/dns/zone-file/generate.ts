import { DnsError } from '#dns/errors.ts';
import type { Tokens } from '#dns/rdata/tokens.ts';

const maxLines = 65_536;

/**
 * Return the lines that a `$GENERATE range owner …` directive stands for. `$` is the counter, `${offset,width,base}` a
 * counter that is moved, padded and written in base d, o, x or X, and `\$` a dollar sign.
 *
 * @throws DnsError rdata-invalid
 */
export function* expandGenerate(tokens: Tokens): Generator<string> {
  const range = tokens.next('a range such as 1-100 or 0-98/2');
  const match = /^(\d{1,9})-(\d{1,9})(?:\/(\d{1,9}))?$/.exec(range);
  const [first, last, step] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3] ?? 1)];
  if (match === null || first > last || step === 0) {
    throw new DnsError(
      'rdata-invalid',
      `"${range}" is not a range: write first-last or first-last/step, first not above last`,
    );
  }
  if ((last - first) / step >= maxLines)
    throw new DnsError('rdata-invalid', `"${range}" makes more than ${maxLines} records`);
  const words: string[] = [];
  while (tokens.remaining > 0) words.push(tokens.nextIsQuoted ? `"${tokens.next('a word')}"` : tokens.next('a word'));
  if (words.length < 3) throw new DnsError('rdata-invalid', '$GENERATE needs a range, an owner, a type and RDATA');
  const template = words.join(' ');
  for (let counter = first; counter <= last; counter += step) yield substitute(template, counter);
}

const placeholder = /\\\$|\$\{(-?\d{1,9})(?:,(\d{1,3}))?(?:,([doxX]))?\}|\$\{?/g;
const bases: Readonly<Record<string, number>> = { d: 10, o: 8, x: 16, X: 16 };

function substitute(template: string, counter: number): string {
  return template.replace(
    placeholder,
    (found, offset: string | undefined, width: string | undefined, base: string | undefined) => {
      if (found === '\\$') return '$';
      if (found === '${')
        throw new DnsError('rdata-invalid', '"${" is not followed by offset,width,base}, the base being d, o, x or X');
      const value = counter + Number(offset ?? 0);
      if (value < 0) throw new DnsError('rdata-invalid', `${found} is negative at ${counter}`);
      const digits = value.toString(bases[base ?? 'd']).padStart(Number(width ?? 0), '0');
      return base === 'X' ? digits.toUpperCase() : digits;
    },
  );
}
