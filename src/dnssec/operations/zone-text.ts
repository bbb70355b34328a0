import { parseName } from '#dns/name.ts';
import { parseRRType, rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { readZoneFile, type ZoneFileOptions } from '#dns/zone-file/read.ts';
import { ServiceError } from '#lib/errors.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { findZoneApex, type ZoneSource } from '#dnssec/core/zone/gather-zone.ts';
import { linePrinter, type ZoneForm } from '#dnssec/core/zone/line-printer.ts';
import type { VerifiedRRset } from '#dnssec/core/signing/verified.ts';

export interface OpenZoneOptions extends ZoneFileOptions {
  /** Records that are read at most: a zone is held in memory, and a caller must not exhaust it. */
  readonly maxRecords?: number;
}

/**
 * Open a zone for reading, up to its SOA.
 *
 * @throws DnssecError zone-invalid when there is no SOA, too-large; DnsError
 */
export async function openZone(
  source: AsyncIterable<Uint8Array>,
  form: ZoneForm,
  options: OpenZoneOptions,
): Promise<ZoneSource> {
  const read = form === 'master' ? readZoneFile(source, options) : readRecordLines(source, options);
  return findZoneApex(capped(read, options), options.fileName);
}

async function* capped<Item>(
  pieces: AsyncIterable<readonly Item[]>,
  { maxRecords = Infinity, fileName }: OpenZoneOptions,
): AsyncGenerator<readonly Item[]> {
  let count = 0;
  for await (const piece of pieces) {
    count += piece.length;
    if (count > maxRecords)
      throw new DnssecError(
        'too-large',
        `${fileName} holds more than ${maxRecords} records, the most that is taken here`,
      );
    yield piece;
  }
}

const longestLine = 1_048_576;

/** Read records from lines of JSON: `{"name", "type", "ttl", "rdata"}`, or the same within `{"record": …}` as we print it. */
async function* readRecordLines(
  source: AsyncIterable<Uint8Array>,
  options: ZoneFileOptions,
): AsyncGenerator<readonly ResourceRecord[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let line = 0;
  for await (const bytes of source) {
    const lines = (rest + decode(decoder, bytes)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) throw lineError(options, line + 1, 'the line is longer than a mebibyte');
    const records: ResourceRecord[] = [];
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') records.push(parseRecordLine(text, options, line));
    }
    if (records.length > 0) yield records;
  }
  if (rest.trim() !== '') yield [parseRecordLine(rest, options, line + 1)];
}

function decode(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: true });
  } catch (error) {
    throw new DnssecError('zone-invalid', 'the records are not UTF-8', { cause: error });
  }
}

function parseRecordLine(text: string, options: ZoneFileOptions, line: number): ResourceRecord {
  const fields = parseJsonLine(text, options, line);
  const { name, type, ttl = options.defaultTtl, rdata } = fields;
  if (typeof name !== 'string') throw lineError(options, line, '/name is not a string');
  if (typeof type !== 'string') throw lineError(options, line, '/type is not a string');
  if (typeof rdata !== 'string') throw lineError(options, line, '/rdata is not a string');
  if (typeof ttl !== 'number' || !Number.isInteger(ttl) || ttl < 0 || ttl > 0x7fffffff) {
    throw lineError(options, line, '/ttl is not a number of seconds up to 2147483647');
  }
  try {
    const rrType = parseRRType(type);
    return {
      owner: parseName(name, options.origin),
      type: rrType,
      ttl,
      rdata: parseRdataText(rrType, rdata, options.origin),
    };
  } catch (error) {
    if (error instanceof ServiceError) throw lineError(options, line, error.message);
    throw error;
  }
}

function parseJsonLine(text: string, options: ZoneFileOptions, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw lineError(options, line, 'the line is not a JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw lineError(options, line, 'the line is not a JSON object');
  return ('record' in value ? value.record : value) as Record<string, unknown>;
}

function lineError({ fileName }: ZoneFileOptions, line: number, what: string): DnssecError {
  return new DnssecError('zone-invalid', `${fileName}:${line}: ${what}`, { details: { file: fileName, line } });
}

/** Octets of the pieces that are printed. */
const pieceOctets = 1 << 19;

/** Print signed RRsets, each followed by its RRSIGs. */
export function* printSigned(signed: readonly VerifiedRRset[], form: ZoneForm): Generator<Uint8Array<ArrayBuffer>> {
  const printer = linePrinter(form, pieceOctets);
  for (const { rrset, rrsigs } of signed) {
    const { owner, type, ttl, rdatas } = rrset;
    for (const rdata of rdatas) printer.add(owner, ttl, type, rdata);
    for (const rdata of rrsigs) printer.add(owner, ttl, rrTypes.RRSIG, rdata);
    if (printer.length > pieceOctets) yield printer.take();
  }
  if (printer.length > 0) yield printer.take();
}
