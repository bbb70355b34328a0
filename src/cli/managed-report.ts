import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RegistrarReport } from '#dnssec/operations/report-keys.ts';
import { reportToRegistrar } from '#dnssec/operations/zones/report-to-registrar.ts';
import type { Caller } from '#dnssec/ports.ts';
import { type ManagedZonesOptions, openManagedZones } from '#dnssec/zones.ts';
import { ServiceError } from '#lib/errors.ts';

type Options = Pick<ManagedZonesOptions, 'place' | 'kms' | 'verifier' | 'clock' | 'serviceToken'>;

/** A lost connection fails the call that needs it, which is told of. */
const noReport = (): void => undefined;

/**
 * Report to the registrar on a zone that no running service holds open, and change nothing of it.
 *
 * @returns undefined when there is no such zone
 * @throws ServiceError conflict when the zone is not signed, kms-refused, kms-unavailable, unavailable
 */
export async function findManagedReport(
  options: Options,
  caller: Caller,
  zone: string,
): Promise<RegistrarReport | undefined> {
  const { place } = options;
  if (place.kind === 'folder' && !existsSync(join(place.path, 'zones.sqlite'))) return undefined;
  const zones = await openManagedZones({ ...options, nameServers: [], onError: noReport });
  try {
    return await reportToRegistrar(zones.ports, caller, zone);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'not-found') return undefined;
    throw error;
  } finally {
    await zones.close();
  }
}
