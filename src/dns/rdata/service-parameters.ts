import { decodeBase64 } from '#lib/encoding.ts';
import { type Octets, octetsFrom, octetsToBase64, readUint16, sliceOctets, uint16 } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '#dns/rdata/address-fields.ts';
import { quoteText, unescapeText } from '#dns/rdata/character-string.ts';
import { type Field, fixedEnd, printedAs } from '#dns/rdata/field.ts';

/** How the value of one SvcParamKey is written; `parse` gets its text after the master file's escapes were resolved. */
interface Parameter {
  readonly key: number;
  readonly name: string;
  parse(text: Octets | undefined): Octets;
  /** Throws where the value is not valid for the key. */
  format(value: Octets): string | undefined;
}

/** The registered keys. Source: RFC 9460 §14.3.2. */
const parameters: readonly Parameter[] = [
  { key: 0, name: 'mandatory', parse: parseMandatory, format: formatMandatory },
  { key: 1, name: 'alpn', parse: parseAlpn, format: formatAlpn },
  { key: 2, name: 'no-default-alpn', ...flag('no-default-alpn') },
  { key: 3, name: 'port', parse: parsePort, format: formatPort },
  { key: 4, name: 'ipv4hint', ...addresses('ipv4hint', 4, parseIpv4, formatIpv4) },
  { key: 5, name: 'ech', parse: parseEch, format: (value) => octetsToBase64(needed(value, 'ech')) },
  { key: 6, name: 'ipv6hint', ...addresses('ipv6hint', 16, parseIpv6, formatIpv6) },
  { key: 7, name: 'dohpath', ...opaque('dohpath') },
  { key: 8, name: 'ohttp', ...flag('ohttp') },
  { key: 9, name: 'tls-supported-groups', ...opaque('tls-supported-groups') },
];

const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
const byKey = new Map(parameters.map((parameter) => [parameter.key, parameter]));

/**
 * The SvcParams of SVCB and HTTPS: pairs in ascending order of their keys, no key twice, up to the end of the RDATA.
 *
 * Source: RFC 9460 §2.1, RFC 9460 §2.2.
 */
export const serviceParametersField: Field = {
  parse(tokens) {
    const values = new Map<number, Octets>();
    for (let word = tokens.tryNext(); word !== undefined; word = tokens.tryNext()) {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word : word.slice(0, equals);
      const text = equals < 0 ? undefined : unescapeText(word.slice(equals + 1));
      const key = parseKey(name);
      if (values.has(key)) throw malformed(`${name} stands twice`);
      values.set(key, parameterOf(key).parse(text));
    }
    const sorted = [...values].toSorted(([left], [right]) => left - right);
    const wire = sorted.map(([key, value]) => uint16(key) + uint16(value.length) + value).join('') as Octets;
    checkMandatory(new Map(sorted));
    return wire;
  },
  end(wire, start) {
    checkMandatory(readValues(wire, start));
    return wire.length;
  },
  print: printedAs((wire, start) => {
    const words: string[] = [];
    for (const [key, value] of readValues(wire, start)) {
      const text = parameterOf(key).format(value);
      words.push(text === undefined ? formatKey(key) : `${formatKey(key)}=${text}`);
    }
    return words.join(' ');
  }),
};

function malformed(why: string): DnsError {
  return new DnsError('rdata-invalid', `the service parameters are malformed: ${why}`);
}

function readValues(wire: Octets, start: number): Map<number, Octets> {
  const values = new Map<number, Octets>();
  let lastKey = -1;
  for (let position = start; position < wire.length;) {
    const valueStart = fixedEnd(wire, position, 4, 'a service parameter');
    const key = readUint16(wire, position);
    const valueEnd = fixedEnd(wire, valueStart, readUint16(wire, position + 2), `the value of ${formatKey(key)}`);
    if (key <= lastKey) throw malformed(`${formatKey(key)} follows ${formatKey(lastKey)}: keys ascend and stand once`);
    const value = sliceOctets(wire, valueStart, valueEnd);
    parameterOf(key).format(value);
    values.set(key, value);
    lastKey = key;
    position = valueEnd;
  }
  return values;
}

/** Source: RFC 9460 §8. */
function checkMandatory(values: ReadonlyMap<number, Octets>): void {
  for (const key of keysOf(values.get(0) ?? ('' as Octets))) {
    if (!values.has(key)) throw malformed(`mandatory names ${formatKey(key)}, which is absent`);
  }
  if (values.has(2) && !values.has(1)) throw malformed('no-default-alpn needs alpn beside it');
}

function keysOf(value: Octets): number[] {
  return Array.from({ length: value.length / 2 }, (_, index) => readUint16(value, index * 2));
}

function parseKey(name: string): number {
  const known = byName.get(name)?.key;
  if (known !== undefined) return known;
  const digits = /^key(0|[1-9]\d{0,4})$/.exec(name)?.[1];
  if (digits === undefined || Number(digits) >= 0xffff)
    throw malformed(`"${name.slice(0, 60)}" is not a key: write a registered name or keyNNN`);
  return Number(digits);
}

function formatKey(key: number): string {
  return byKey.get(key)?.name ?? `key${key}`;
}

function parameterOf(key: number): Parameter {
  return byKey.get(key) ?? { key, name: `key${key}`, ...opaqueOrEmpty };
}

function needed(text: Octets | undefined, name: string): Octets {
  if (text === undefined || text === '') throw malformed(`${name} needs a value`);
  return text;
}

const opaqueOrEmpty = {
  parse: (text: Octets | undefined): Octets => text ?? ('' as Octets),
  format: (value: Octets): string | undefined => (value === '' ? undefined : quoteText(value)),
};

function opaque(name: string): Pick<Parameter, 'parse' | 'format'> {
  return { parse: (text) => needed(text, name), format: (value) => quoteText(needed(value, name)) };
}

function flag(name: string): Pick<Parameter, 'parse' | 'format'> {
  const check = (value: Octets): undefined => {
    if (value !== '') throw malformed(`${name} has no value`);
  };
  return {
    parse(text) {
      if (text !== undefined) check(text);
      return '' as Octets;
    },
    format: check,
  };
}

function parseMandatory(text: Octets | undefined): Octets {
  const keys = needed(text, 'mandatory').split(',').map(parseKey);
  const wire = keys
    .toSorted((left, right) => left - right)
    .map(uint16)
    .join('') as Octets;
  formatMandatory(wire);
  return wire;
}

function formatMandatory(value: Octets): string {
  if (value === '' || value.length % 2 !== 0) throw malformed('mandatory is not a list of keys');
  const keys = keysOf(value);
  if (keys.includes(0)) throw malformed('mandatory names itself');
  if (keys.some((key, index) => index > 0 && key <= (keys[index - 1] as number)))
    throw malformed('mandatory names a key twice or out of order');
  return keys.map(formatKey).join(',');
}

/** Split at commas that no backslash stands before. Source: RFC 9460 §A.1. */
function parseAlpn(text: Octets | undefined): Octets {
  const ids: string[] = [''];
  const source = needed(text, 'alpn');
  for (let index = 0; index < source.length; index++) {
    const character = source.charAt(index);
    if (character === ',') ids.push('');
    else if (character === '\\') ids[ids.length - 1] += source.charAt(++index);
    else ids[ids.length - 1] += character;
  }
  const wire = ids.map((id) => String.fromCharCode(Math.min(id.length, 256) & 0xff) + id).join('') as Octets;
  if (ids.some((id) => id === '' || id.length > 255)) throw malformed('an alpn identifier has 1 to 255 octets');
  return wire;
}

function formatAlpn(value: Octets): string {
  const ids: string[] = [];
  for (let position = 0; position < needed(value, 'alpn').length;) {
    const end = fixedEnd(value, position + 1, value.charCodeAt(position), 'an alpn identifier');
    if (end === position + 1) throw malformed('an alpn identifier is empty');
    ids.push(
      value
        .slice(position + 1, end)
        .replaceAll('\\', '\\\\')
        .replaceAll(',', '\\,'),
    );
    position = end;
  }
  return quoteText(ids.join(',') as Octets);
}

function parsePort(text: Octets | undefined): Octets {
  if (text === undefined || !/^\d{1,5}$/.test(text) || Number(text) > 0xffff)
    throw malformed('port is a number up to 65535');
  return uint16(Number(text));
}

function formatPort(value: Octets): string {
  if (value.length !== 2) throw malformed(`port has ${value.length} octets, not 2`);
  return String(readUint16(value, 0));
}

function parseEch(text: Octets | undefined): Octets {
  const bytes = decodeBase64(needed(text, 'ech'));
  if (bytes === undefined) throw malformed('ech is not base64');
  return octetsFrom(bytes);
}

function addresses(
  name: string,
  octets: number,
  parseOne: (text: string) => Octets | undefined,
  formatOne: (wire: Octets, start: number) => string,
): Pick<Parameter, 'parse' | 'format'> {
  return {
    parse(text) {
      const parsed = needed(text, name).split(',').map(parseOne);
      if (parsed.includes(undefined)) throw malformed(`${name} is a list of addresses with commas between them`);
      return parsed.join('') as Octets;
    },
    format(value) {
      if (value === '' || value.length % octets !== 0) throw malformed(`${name} is not a list of addresses`);
      return Array.from({ length: value.length / octets }, (_, index) => formatOne(value, index * octets)).join(',');
    },
  };
}
