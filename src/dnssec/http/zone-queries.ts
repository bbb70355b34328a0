import { decodeBase64Url, encodeBase64Url } from '#lib/encoding.ts';
import { octetsFrom } from '#lib/octets.ts';
import type { OrderKey } from '#dns/name.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZonePlace } from '#dnssec/operations/zones/manage-zones.ts';
import type { RRsetPlace, StoredRRset } from '#dnssec/ports-zones.ts';

/** Collect `matchLabels[key]=value` of a query. @throws DnssecError request-invalid */
export function parseLabelFilter(query: object): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    const label = /^matchLabels\[(.+)\]$/.exec(name)?.[1];
    if (label === undefined) continue;
    if (typeof value !== 'string') throw new DnssecError('request-invalid', `query ${name}: a label has one value`);
    labels[label] = value;
  }
  return labels;
}

export function formatZoneCursor({ createdAt, identity }: ZonePlace): string {
  return `${createdAt}.${identity}`;
}

/** @throws DnssecError request-invalid */
export function parseZoneCursor(text: string): ZonePlace {
  const [, createdAt, identity] = /^(\d{1,15})\.(dnsz-[\w-]+)$/.exec(text) ?? [];
  if (createdAt === undefined || identity === undefined) throw invalidCursor();
  return { createdAt: Number(createdAt), identity };
}

export function formatRecordCursor({ key, rrset }: StoredRRset): string {
  const bytes = Uint8Array.from(key, (character) => character.charCodeAt(0));
  return `${rrset.type}.${encodeBase64Url(bytes)}`;
}

/** @throws DnssecError request-invalid */
export function parseRecordCursor(text: string): RRsetPlace {
  const [, type, key] = /^(\d{1,5})\.([\w-]*)$/.exec(text) ?? [];
  if (type === undefined || key === undefined) throw invalidCursor();
  return { type: Number(type), key: octetsFrom(decodeBase64Url(key)) as string as OrderKey };
}

function invalidCursor(): DnssecError {
  return new DnssecError('request-invalid', 'query after: must be the X-Next-Cursor of an earlier page');
}
