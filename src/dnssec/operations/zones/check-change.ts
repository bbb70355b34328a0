import { canonicalName, type CanonicalName, orderKeyOf } from '#dns/name.ts';
import type { ChangedView } from '#dnssec/core/change/changed-view.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { checkOwner } from '#dnssec/core/zone/checks.ts';
import { formatFault, type ZoneFault } from '#dnssec/core/zone/faults.ts';
import type { ContentEdit } from '#dnssec/operations/zones/content-edits.ts';

/** Legal, but there are name servers that load no zone with it: secondaries would stay behind. */
export const refusedBySecondaries: ReadonlySet<string> = new Set(['wildcard-delegation']);

/** Check the owners that a change touches. @throws DnssecError zone-invalid with all errors at once */
export async function checkChange(
  after: ChangedView,
  apex: CanonicalName,
  edits: readonly ContentEdit[],
  maxTtl: number | undefined,
): Promise<ZoneFault[]> {
  const faults: ZoneFault[] = [];
  for (const owner of new Set(edits.map((edit) => canonicalName(edit.owner)))) {
    const rrsets = (await after.rrsetsAt(orderKeyOf(owner))).map(({ rrset }) => rrset);
    faults.push(...checkOwner({ apex, owner, rrsets }, maxTtl === undefined ? {} : { maxTtl }));
  }
  const errors = faults.filter(({ severity, code }) => severity === 'error' || refusedBySecondaries.has(code));
  if (errors.length === 0) return faults;
  throw new DnssecError('zone-invalid', `the change is refused: ${errors.map(formatFault).join('; ')}`, {
    details: { faults: errors.map((fault) => ({ code: fault.code, message: formatFault(fault) })) },
  });
}
