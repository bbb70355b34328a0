import type { Config } from '#app/config.ts';
import { databasePlace } from '#app/embedded-kms.ts';
import type { KmsSession } from '#cli/kms-session.ts';
import { findManagedReport } from '#cli/managed-report.ts';
import { UsageError } from '#cli/usage-error.ts';
import { type RegistrarReport, reportKeys } from '#dnssec/operations/report-keys.ts';
import type { KeyChoice } from '#dnssec/operations/zone-keys.ts';
import type { ListedKey } from '#dnssec/ports.ts';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';

/** What an export is about: a zone, told by a dot, or a KMS key and perhaps its zone. */
export interface ExportSubject {
  readonly name: string;
  /** Absolute, in presentation form. */
  readonly zone?: string | undefined;
  /** DNSSEC algorithm number of RSA keys. */
  readonly algorithm?: number | undefined;
}

const zoneLabel = 'zoneseal/zone';

/**
 * Report on a zone that is kept in the data folder, else on the keys of a zone or on a key.
 *
 * @throws ServiceError not-found; UsageError when a key has no zone; what looking at zones and keys throws
 */
export async function reportOf(subject: ExportSubject, session: KmsSession, config: Config): Promise<RegistrarReport> {
  const { dnssec, caller, region, token } = session;
  const isZone = subject.name.includes('.');
  if (isZone) {
    const { kms, verifier } = dnssec;
    const place = databasePlace(config);
    const open = { place, kms, verifier, clock: systemClock, serviceToken: token };
    const managed = await findManagedReport(open, caller, (subject.zone ?? '').replace(/\.$/, ''));
    if (managed !== undefined) return managed;
  }
  const keys = await keysOf(subject, isZone, session);
  const [zone] = keys.map(({ labels }) => subject.zone ?? labels[zoneLabel]);
  if (zone === undefined) throw new UsageError(`key ${subject.name} was made for no zone: name one with --zone`);
  const { algorithm } = subject;
  const choices = keys.map((key) => ({
    keyId: key.keyId,
    role: roleOf(key),
    ...(algorithm === undefined ? {} : { algorithm }),
  }));
  return reportKeys(zone, choices, dnssec.kms.signerFor(caller, region));
}

async function keysOf(
  { name, zone }: ExportSubject,
  isZone: boolean,
  { dnssec, caller, region }: KmsSession,
): Promise<readonly ListedKey[]> {
  const listed = await dnssec.kms.keyListerFor(caller, region).listKeys(isZone ? { [zoneLabel]: zone ?? '' } : {});
  const keys = isZone ? listed : listed.filter(({ keyId, slug }) => keyId === name || slug === name).slice(0, 1);
  if (keys.length > 0) return keys;
  const what = isZone ? `key that was made for ${zone}` : `key ${name}`;
  throw new ServiceError('not-found', `the KMS has no ${what}`);
}

function roleOf({ labels }: ListedKey): KeyChoice['role'] {
  const role = labels['zoneseal/role'];
  return role === 'ksk' || role === 'zsk' ? role : 'csk';
}
