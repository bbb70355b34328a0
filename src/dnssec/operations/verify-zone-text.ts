import { formatName, type Name } from '#dns/name.ts';
import { formatRRType, rrTypes } from '#dns/rr-type.ts';
import { parseZoneText } from '#dns/zone-file/read.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { TrustAnchor } from '#dnssec/core/verification/apex.ts';
import type { SignatureVerifier } from '#dnssec/ports.ts';
import { type VerifyZoneOptions, verifyZone } from '#dnssec/operations/verify-zone.ts';
import type { ZoneSource } from '#dnssec/core/zone/gather-zone.ts';

export interface FaultText {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly owner: string;
  readonly type?: string;
  readonly message: string;
}

export interface VerificationText {
  readonly valid: boolean;
  readonly zone: string;
  readonly records: number;
  readonly signaturesChecked: number;
  /** Errors first, at most 1000 in all. */
  readonly faults: readonly FaultText[];
}

const faultsListed = 1000;

/**
 * Verify a signed zone and tell the outcome in presentation form.
 *
 * @throws DnsError, DnssecError from the source
 */
export async function verifyZoneText(
  source: ZoneSource,
  options: VerifyZoneOptions,
  verifier: SignatureVerifier,
): Promise<VerificationText> {
  const { valid, records, signaturesChecked, faults } = await verifyZone(
    source.apex,
    source.records,
    options,
    verifier,
  );
  const errors = faults.filter((fault) => fault.severity === 'error');
  const warnings = faults.filter((fault) => fault.severity === 'warning');
  return {
    valid,
    zone: formatName(source.apex),
    records,
    signaturesChecked,
    faults: [...errors, ...warnings].slice(0, faultsListed).map(({ severity, code, owner, type, message }) => ({
      severity,
      code,
      owner: formatName(owner),
      message,
      ...(type === undefined ? {} : { type: formatRRType(type) }),
    })),
  };
}

/**
 * Read trust anchors from a master file of DS and DNSKEY records.
 *
 * @throws DnsError zone-file-invalid; DnssecError request-invalid when there is none for the zone
 */
export function parseAnchors(text: string, apex: Name, fileName: string): TrustAnchor[] {
  const anchors: TrustAnchor[] = [];
  for (const { owner, type, rdata } of parseZoneText(text, { fileName, origin: apex, defaultTtl: 0 })) {
    if (type !== rrTypes.DS && type !== rrTypes.DNSKEY) {
      throw new DnssecError(
        'request-invalid',
        `${fileName}: ${formatName(owner)} ${formatRRType(type)} is no trust anchor: DS and DNSKEY are`,
      );
    }
    if (formatName(owner).toLowerCase() === formatName(apex).toLowerCase()) anchors.push({ type, rdata });
  }
  if (anchors.length === 0)
    throw new DnssecError('request-invalid', `${fileName} holds no DS or DNSKEY of ${formatName(apex)}`);
  return anchors;
}
