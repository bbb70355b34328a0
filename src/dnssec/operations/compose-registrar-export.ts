import type { XmlDocument } from '#lib/xml-tree.ts';
import { composeEppCreate, composeEppUpdate } from '#dnssec/core/export/epp.ts';
import type { RegistrarReport } from '#dnssec/core/export/registrar-report.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { DigestType } from '#dnssec/core/keys/ds.ts';
import {
  describeRegistrar,
  printRegistrarRecords,
  printRegistrarText,
  type RegistrarItems,
} from '#dnssec/operations/print-registrar.ts';

export const registrarFormats = ['json', 'text', 'ds', 'dnskey', 'cds', 'epp'] as const;
export const eppForms = ['ds', 'key'] as const;
export const eppCommands = ['update', 'create'] as const;
export const digestChoices = ['sha256', 'sha384', 'both'] as const;

/** How a report is to be written. What is about EPP counts for that format alone. */
export interface RegistrarExportOptions {
  readonly format?: (typeof registrarFormats)[number] | undefined;
  /** Key tag, identity in the KMS, or `IDENTITY@VERSION` of the only key to be shown. */
  readonly key?: string | undefined;
  readonly eppForm?: (typeof eppForms)[number] | undefined;
  readonly eppCommand?: (typeof eppCommands)[number] | undefined;
  readonly digest?: (typeof digestChoices)[number] | undefined;
  /** Seconds. */
  readonly maxSigLife?: number | undefined;
}

/** A report as it leaves: XML is printed by whoever sends it. */
export type RegistrarExport =
  | { readonly kind: 'json'; readonly items: RegistrarItems }
  | { readonly kind: 'text'; readonly mediaType: 'text/plain' | 'text/dns'; readonly text: string }
  | { readonly kind: 'xml'; readonly document: XmlDocument };

const digestTypesOf: Readonly<Record<(typeof digestChoices)[number], readonly DigestType[]>> = {
  sha256: [2],
  sha384: [4],
  both: [2, 4],
};

/**
 * Write a report in the form that a registrar takes.
 *
 * @throws DnssecError not-found when the zone has no such key; conflict when EPP would have nothing to say
 */
export function composeRegistrarExport(report: RegistrarReport, options: RegistrarExportOptions): RegistrarExport {
  const { format = 'json', key } = options;
  const shown = key === undefined ? report : onlyKey(report, key);
  if (format === 'json') return { kind: 'json', items: describeRegistrar(shown) };
  if (format === 'text') return { kind: 'text', mediaType: 'text/plain', text: printRegistrarText(shown) };
  if (format !== 'epp') return { kind: 'text', mediaType: 'text/dns', text: printRegistrarRecords(shown, format) };
  const { eppForm = 'ds', eppCommand = 'update', digest = 'sha256', maxSigLife } = options;
  const epp = {
    form: eppForm,
    digestTypes: digestTypesOf[digest],
    ...(maxSigLife === undefined ? {} : { maxSigLife }),
  };
  return {
    kind: 'xml',
    document: eppCommand === 'create' ? composeEppCreate(shown, epp) : composeEppUpdate(shown, epp),
  };
}

/** Leave out all keys but one; what is not about it is not asked for either. */
function onlyKey(report: RegistrarReport, wanted: string): RegistrarReport {
  const keys = report.keys.filter(({ key: { keyTag, kmsKey } }) =>
    [String(keyTag), kmsKey.keyId, `${kmsKey.keyId}@${kmsKey.version}`].includes(wanted),
  );
  if (keys.length === 0) throw new DnssecError('not-found', `the zone has no key ${wanted.slice(0, 255)}`);
  const others = report.keys.length - keys.length;
  return { ...report, keys, removesAll: report.removesAll && others === 0 };
}
