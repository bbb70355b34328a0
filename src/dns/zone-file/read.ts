import { flatOctets, octetsFrom, utf8Octets } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { type Name, resolveName } from '#dns/name.ts';
import { findRRType, formatRRType, isMetaType, rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import { maxTtl, parseTtl } from '#dns/ttl.ts';
import { parseRdata } from '#dns/rdata/rdata.ts';
import { Tokens } from '#dns/rdata/tokens.ts';
import { expandGenerate } from '#dns/zone-file/generate.ts';
import { PlainLine } from '#dns/zone-file/plain-line.ts';
import { Tokenizer, zoneFileError } from '#dns/zone-file/tokenizer.ts';

export interface ZoneFileOptions {
  /** What errors call the file. */
  readonly fileName: string;
  /** What relative names are relative to until `$ORIGIN` says so; without it a relative name is an error. */
  readonly origin?: Name;
  /** Seconds, for records before any TTL is known. */
  readonly defaultTtl?: number;
  /** Opens what `$INCLUDE` names, as seen from the including file; without it `$INCLUDE` is refused. */
  readonly include?: (path: string, fromFile: string) => AsyncIterable<Uint8Array>;
  /** Whether `$GENERATE` is allowed. */
  readonly generate?: boolean;
}

const maxIncludeDepth = 8;

/**
 * Read a master file as a stream. Records come in arrays, one for each piece of the source, so that memory does not grow
 * with the file.
 *
 * A record without a TTL gets `$TTL`, else the last TTL stated, else `defaultTtl`; an SOA without any of them gets its own
 * minimum field.
 *
 * Source: RFC 1035 §5.1, RFC 2308 §4, RFC 3597 §5.
 *
 * @throws DnsError zone-file-invalid with file, line and column in `details`; zone-file-include
 */
export async function* readZoneFile(
  source: AsyncIterable<Uint8Array>,
  options: ZoneFileOptions,
): AsyncGenerator<readonly ResourceRecord[]> {
  yield* readSource(source, new RecordReader(options.fileName, options), [options.fileName]);
}

/** Read a whole master file from a string of octets; `$INCLUDE` is refused. @throws DnsError zone-file-invalid */
export function parseZoneText(text: string, options: ZoneFileOptions): ResourceRecord[] {
  const reader = new RecordReader(options.fileName, options);
  reader.feed(utf8Octets(text));
  reader.end();
  const { records, include } = reader.read();
  if (include !== undefined) throw includeRefused(include);
  return records;
}

async function* readSource(
  source: AsyncIterable<Uint8Array>,
  reader: RecordReader,
  open: readonly string[],
): AsyncGenerator<readonly ResourceRecord[]> {
  let isFirst = true;
  for await (const bytes of source) {
    if (isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
      throw zoneFileError(reader.fileName, 1, 1, 'the file starts with a byte order mark: save it without one');
    }
    isFirst = false;
    reader.feed(octetsFrom(bytes));
    yield* drain(reader, open);
  }
  reader.end();
  yield* drain(reader, open);
}

/** Yield all that the text read so far holds, and the records of files that it includes in their place. */
async function* drain(reader: RecordReader, open: readonly string[]): AsyncGenerator<readonly ResourceRecord[]> {
  for (;;) {
    const { records, include } = reader.read();
    if (records.length > 0) yield records;
    if (include === undefined) return;
    const opener = reader.options.include;
    if (opener === undefined) throw includeRefused(include);
    if (open.includes(include.path)) throw includeFailed(include, 'it includes itself');
    if (open.length > maxIncludeDepth)
      throw includeFailed(include, `files include each other more than ${maxIncludeDepth} deep`);
    yield* readSource(opener(include.path, reader.fileName), reader.childFor(include), [...open, include.path]);
  }
}

interface Include {
  readonly path: string;
  readonly origin: Name | undefined;
  readonly fileName: string;
  readonly line: number;
}

function includeRefused(include: Include): DnsError {
  return includeFailed(include, '$INCLUDE is not allowed here');
}

function includeFailed(include: Include, why: string): DnsError {
  return new DnsError(
    'zone-file-include',
    `${include.fileName}:${include.line}:1: cannot include ${include.path}: ${why}`,
    {
      details: { file: include.fileName, line: include.line, column: 1 },
    },
  );
}

/** What a record takes over from the records before it. */
interface Inherited {
  origin: Name | undefined;
  owner: Name | undefined;
  defaultTtl: number | undefined;
  lastTtl: number | undefined;
}

/** Turns the words of one file into records, with all that they inherit from each other. */
class RecordReader {
  readonly fileName: string;
  readonly options: ZoneFileOptions;
  readonly #tokens = new Tokens();
  readonly #tokenizer: Tokenizer;
  readonly #inherited: Inherited;
  #ownerWord: string | undefined;
  readonly #line = new PlainLine();

  constructor(fileName: string, options: ZoneFileOptions, inherited?: Inherited) {
    this.fileName = fileName;
    this.options = options;
    this.#tokenizer = new Tokenizer(fileName, this.#tokens);
    this.#inherited = inherited ?? {
      origin: options.origin,
      owner: undefined,
      defaultTtl: undefined,
      lastTtl: undefined,
    };
  }

  feed(text: string): void {
    this.#tokenizer.feed(text);
  }

  end(): void {
    this.#tokenizer.end();
  }

  /** A reader for an included file; origin and owner of this one stay as they are. Source: RFC 1035 §5.1. */
  childFor(include: Include): RecordReader {
    return new RecordReader(include.path, this.options, {
      ...this.#inherited,
      origin: include.origin ?? this.#inherited.origin,
    });
  }

  /** Read records until the text ends or a file is to be included. */
  read(): { records: ResourceRecord[]; include?: Include } {
    const records: ResourceRecord[] = [];
    for (;;) {
      for (let plain = this.#plainRecord(); plain !== undefined; plain = this.#plainRecord()) records.push(plain);
      if (this.#tokenizer.next() !== 'record') return { records };
      try {
        if (
          !this.#tokenizer.ownerIsBlank &&
          this.#tokens.peek()?.startsWith('$') === true &&
          !this.#tokens.nextIsQuoted
        ) {
          const include = this.#directive(records);
          if (include !== undefined) return { records, include };
        } else {
          records.push(this.#record(this.#tokens, this.#tokenizer.ownerIsBlank));
        }
      } catch (error) {
        throw this.#located(error);
      }
    }
  }

  /** Read the next line if it is a plain record; nothing has happened when it is not. */
  #plainRecord(): ResourceRecord | undefined {
    const inherited = this.#inherited;
    const { text, position } = this.#tokenizer;
    const line = this.#line;
    if (!line.read(text, position, inherited.origin, this.#ownerWord)) return undefined;
    const { type, rdata } = line;
    const owner = line.owner ?? inherited.owner;
    const ttl = line.ttl ?? inherited.defaultTtl ?? inherited.lastTtl ?? this.options.defaultTtl;
    if (owner === undefined || ttl === undefined) return undefined;
    if (line.owner !== undefined) {
      inherited.owner = owner;
      this.#ownerWord = text.slice(position, line.ownerEnd);
    }
    inherited.lastTtl = line.ttl ?? inherited.lastTtl;
    this.#tokenizer.passLine(line.end);
    return { owner, type, ttl, rdata };
  }

  #located(error: unknown): unknown {
    if (!(error instanceof DnsError) || error.code.startsWith('zone-file')) return error;
    const { line, column } = this.#tokens.place;
    return zoneFileError(this.fileName, line, column, error.message, error);
  }

  #directive(records: ResourceRecord[]): Include | undefined {
    const tokens = this.#tokens;
    const directive = tokens.next('a directive').toUpperCase();
    switch (directive) {
      case '$ORIGIN':
        this.#inherited.origin = this.#name(tokens.next('a domain name'));
        this.#ownerWord = undefined;
        break;
      case '$TTL':
        this.#inherited.defaultTtl = this.#ttl(tokens.next('a TTL'));
        break;
      case '$INCLUDE':
        return this.#include();
      case '$GENERATE':
        if (this.options.generate !== true) throw new DnsError('rdata-invalid', '$GENERATE is not allowed here');
        for (const line of expandGenerate(tokens)) records.push(this.#generated(line));
        break;
      default:
        throw new DnsError(
          'rdata-invalid',
          `${directive.slice(0, 40)} is not a directive: $ORIGIN, $TTL, $INCLUDE and $GENERATE are`,
        );
    }
    if (tokens.tryNext() !== undefined)
      throw new DnsError('rdata-invalid', `${directive} is followed by more than it takes`);
    return undefined;
  }

  #include(): Include {
    const path = this.#tokens.next('a file name');
    const originWord = this.#tokens.tryNext();
    const origin = originWord === undefined ? undefined : this.#name(originWord);
    if (this.#tokens.tryNext() !== undefined)
      throw new DnsError('rdata-invalid', '$INCLUDE is followed by more than it takes');
    return { path, origin, fileName: this.fileName, line: this.#tokenizer.line };
  }

  #generated(line: string): ResourceRecord {
    const tokens = new Tokens();
    const tokenizer = new Tokenizer(this.fileName, tokens);
    tokenizer.feed(line);
    tokenizer.end();
    tokenizer.next();
    return this.#record(tokens, false);
  }

  #record(tokens: Tokens, ownerIsBlank: boolean): ResourceRecord {
    const inherited = this.#inherited;
    if (!ownerIsBlank) {
      const word = tokens.next('an owner name');
      if (word !== this.#ownerWord) {
        inherited.owner = flatOctets(this.#name(word));
        this.#ownerWord = word;
      }
    }
    const { owner } = inherited;
    if (owner === undefined)
      throw new DnsError('rdata-invalid', 'the first record of a file has no owner name to repeat');
    const { type, ttl } = this.#typeAndTtl(tokens);
    tokens.origin = inherited.origin;
    const rdata = flatOctets(parseRdata(type, tokens));
    return { owner, type, ttl: ttl ?? this.#inheritedTtl(type, rdata), rdata };
  }

  /** Read `[TTL] [class] type` with TTL and class in either order. */
  #typeAndTtl(tokens: Tokens): { type: RRType; ttl: number | undefined } {
    let ttl: number | undefined;
    let classSeen = false;
    for (;;) {
      const word = tokens.next('an RR type');
      const code = word.charCodeAt(0);
      if (code >= 0x30 && code <= 0x39 && ttl === undefined) {
        ttl = this.#ttl(word);
        this.#inherited.lastTtl = ttl;
        continue;
      }
      const upper = word.toUpperCase();
      if (!classSeen && (upper === 'IN' || upper === 'CLASS1')) {
        classSeen = true;
        continue;
      }
      const type = findRRType(upper);
      if (type === undefined) throw this.#notAType(word);
      if (isMetaType(type))
        throw new DnsError('type-invalid', `${formatRRType(type)} is a question or meta type: no zone can hold it`);
      return { type, ttl };
    }
  }

  #notAType(word: string): DnsError {
    if (/^(?:CH|HS|CS|ANY|NONE|CLASS\d+)$/i.test(word))
      return new DnsError('type-invalid', `class ${word.toUpperCase()} was found: only class IN can be signed here`);
    return new DnsError(
      'type-invalid',
      `"${word.slice(0, 60)}" was found where a TTL, the class IN or an RR type was expected`,
    );
  }

  #ttl(word: string): number {
    const ttl = parseTtl(word);
    if (ttl === undefined)
      throw new DnsError(
        'rdata-invalid',
        `"${word.slice(0, 60)}" is not a TTL: write seconds up to ${maxTtl}, or units (1h30m)`,
      );
    return ttl;
  }

  #inheritedTtl(type: RRType, rdata: Rdata): number {
    const ttl = this.#inherited.defaultTtl ?? this.#inherited.lastTtl ?? this.options.defaultTtl;
    if (ttl !== undefined) return ttl;
    if (type !== rrTypes.SOA)
      throw new DnsError('rdata-invalid', 'the record has no TTL, and there is no $TTL or earlier TTL to take');
    this.#inherited.lastTtl = Math.min(parseSoa(rdata).minimum, maxTtl);
    return this.#inherited.lastTtl;
  }

  #name(word: string): Name {
    return resolveName(word, this.#inherited.origin);
  }
}
