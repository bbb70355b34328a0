import { openDnssec } from '#dnssec/dnssec.ts';
import {
  type ManagedZones,
  openManagedZones,
  type ParentSettings,
  type TransferSettings,
  wholeZoneWork,
  type ZoneThreadCall,
  type ZoneThreadOutcome,
} from '#dnssec/zones.ts';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { SecretText } from '#lib/secret-text.ts';

/** What this thread needs to work with zones by itself; all of it can be copied here. */
export interface ZoneWorkerSettings {
  readonly place:
    | { readonly kind: 'folder'; readonly path: string; readonly turns: SharedArrayBuffer }
    | { readonly kind: 'postgres'; readonly url: string };
  readonly kmsUrl: string;
  readonly serviceToken: string;
  readonly nameServers: readonly string[];
  readonly transfer: TransferSettings;
  /** What comes from another signer is checked with the parent, wherever that is done. */
  readonly parents?: ParentSettings;
}

let opened: Promise<ManagedZones> | undefined;
let published = new Map<number, ZoneThreadOutcome['published'][number]>();

/** Do one operation on a zone with connections of this thread's own. */
export default async function work(call: ZoneThreadCall<ZoneWorkerSettings>): Promise<ZoneThreadOutcome> {
  const { ports } = await (opened ??= open(call.settings));
  published = new Map();
  const outcome = await done(call, ports);
  return { ...outcome, published: [...published.values()] };
}

async function done(
  { verb, args }: ZoneThreadCall<ZoneWorkerSettings>,
  ports: ManagedZones['ports'],
): Promise<{ readonly result: unknown } | { readonly error: Pick<ServiceError, 'code' | 'message' | 'details'> }> {
  const operation = wholeZoneWork[verb as keyof typeof wholeZoneWork] as (...all: unknown[]) => Promise<unknown>;
  try {
    return { result: await operation(ports, ...args) };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { code, message, details } = error;
    return { error: { code, message, details } };
  }
}

function open(settings: ZoneWorkerSettings): Promise<ManagedZones> {
  const { place, kmsUrl, serviceToken, nameServers, transfer, parents } = settings;
  const { kms, verifier } = openDnssec({ kmsUrl, clock: systemClock });
  return openManagedZones({
    place: place.kind === 'folder' ? place : { kind: 'postgres', url: new SecretText(place.url) },
    kms,
    verifier,
    clock: systemClock,
    serviceToken: new SecretText(serviceToken),
    nameServers,
    servers: transfer,
    ...(parents === undefined ? {} : { parents }),
    onPublished: (zone) => published.set(zone.id, zone),
    onError: () => undefined, // what fails rejects the call that it was for
  });
}
