import { encodeHex } from '#lib/encoding.ts';
import { bytesFrom, type Octets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, parseName } from '#dns/name.ts';
import { parseRRType, type RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { parseZoneText } from '#dns/zone-file/read.ts';

/** A canonical name of presentation form. */
export const canonical = (text: string): CanonicalName => canonicalName(parseName(text));

/** RDATA of presentation form, names relative to `example.`. */
export const rdataOf = (type: string, text: string): Rdata =>
  parseRdataText(parseRRType(type), text, parseName('example.'));

export const hexOf = (octets: Octets): string => encodeHex(bytesFrom(octets));

/** Records of a master file. */
export const recordsOf = (text: string, origin = 'example.'): ResourceRecord[] =>
  parseZoneText(text, { fileName: 'test', origin: parseName(origin), defaultTtl: 3600 });

/** Give records as a source that is read in one piece. */
export async function* inOnePiece<Item>(items: readonly Item[]): AsyncGenerator<readonly Item[]> {
  yield items;
}

export const typeOf = (mnemonic: string): RRType => parseRRType(mnemonic);
