import { canonicalName, type CanonicalName, formatName, type Name, orderKeyOf } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { withSerial } from '#dns/soa.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { RecordContent, StoredRRset, StoredZoneView } from '#dnssec/ports-zones.ts';

/** An RRset that is put or taken away by a change of a zone. */
export interface ContentEdit {
  readonly owner: Name;
  readonly type: RRType;
  readonly after: { readonly rrset: RRset; readonly content?: RecordContent | undefined } | undefined;
}

/** Leave out edits that change nothing. */
export async function withoutRepetitions(view: StoredZoneView, edits: readonly ContentEdit[]): Promise<ContentEdit[]> {
  const kept: ContentEdit[] = [];
  for (const edit of edits) {
    const stored = await findRRset(view, canonicalName(edit.owner), edit.type);
    if (!isSame(stored, edit.after)) kept.push(edit);
  }
  return kept;
}

function isSame(stored: StoredRRset | undefined, after: ContentEdit['after']): boolean {
  if (stored === undefined || after === undefined) return stored === undefined && after === undefined;
  const { rrset, content } = after;
  return (
    stored.rrset.ttl === rrset.ttl &&
    stored.rrset.owner === rrset.owner &&
    stored.rrset.rdatas.join('\n') === rrset.rdatas.join('\n') &&
    JSON.stringify(stored.content?.values) === JSON.stringify(content?.values)
  );
}

/** Find an RRset of a version. */
export async function findRRset(
  view: StoredZoneView,
  owner: CanonicalName,
  type: RRType,
): Promise<StoredRRset | undefined> {
  return (await view.rrsetsAt(orderKeyOf(owner))).find(({ rrset }) => rrset.type === type);
}

/** Tell the RRset whose serial every version counts up. */
export function isSoa(owner: Name, type: RRType, apex: CanonicalName): boolean {
  return type === rrTypes.SOA && canonicalName(owner) === apex;
}

/** Compose the SOA of the next version. @throws DnssecError zone-invalid */
export async function soaEdit(
  view: StoredZoneView,
  apex: CanonicalName,
  edits: readonly ContentEdit[],
  serial: number,
): Promise<ContentEdit & { readonly after: object }> {
  const edited = edits.find(({ owner, type }) => isSoa(owner, type, apex))?.after?.rrset;
  const soa = edited ?? (await findRRset(view, apex, rrTypes.SOA))?.rrset;
  if (soa === undefined) throw new DnssecError('zone-invalid', `${formatName(apex)} has no SOA`);
  const rdatas = [withSerial(soa.rdatas[0] as Rdata, serial)];
  return { owner: apex, type: rrTypes.SOA, after: { rrset: { ...soa, rdatas } } };
}
