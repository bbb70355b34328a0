import { rrTypes } from '#dns/rr-type.ts';
import { composeDs } from '#dnssec/core/keys/ds.ts';
import { messageOf } from '#lib/errors.ts';
import {
  apexOf,
  type ContentEdit,
  findRRset,
  publishVersion,
  type VersionWish,
} from '#dnssec/operations/zones/publish-version.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone, StoredZoneView } from '#dnssec/ports-zones.ts';

/** Signatures that are renewed in one version. */
const together = 500;

/** Renew what is due in one zone, and set when it is due again. */
export async function refreshZone(ports: ZonePorts, zoneId: number): Promise<void> {
  for (;;) {
    const { change } = await publishVersion(ports, zoneId, { reason: 'renewal of signatures' }, (zone, view) =>
      wishOf(ports, zone, view),
    );
    if (change === undefined) break;
  }
  await ports.locks.run(zoneId, async () => {
    const { refreshAt: _, ...zone } = await ports.store.getZone(zoneId);
    const first = await ports.store.firstRefresh(zoneId);
    const ds = (await cdsIsMissing(ports, zone)) ? dsTime(zone) : undefined;
    const times = [first, ds].filter((time) => time !== undefined);
    await ports.store.noteSigning(times.length === 0 ? zone : { ...zone, refreshAt: Math.min(...times) });
  });
}

async function wishOf(ports: ZonePorts, zone: ManagedZone, view: StoredZoneView): Promise<VersionWish> {
  if (zone.signing === undefined) return { edits: [] };
  const now = Math.floor(ports.clock.now() / 1000);
  const rrsets = await ports.store.dueRRsets(zone.id, now, together);
  const links = await ports.store.dueLinks(zone.id, now, together);
  return { edits: await cdsEdits(ports, zone, view, now), renewals: { rrsets, links } };
}

/**
 * Once no cache holds unsigned data any more, the parent may be told of the keys.
 *
 * Source: RFC 7344 §3, RFC 8078 §3.
 */
async function cdsEdits(
  ports: ZonePorts,
  zone: ManagedZone,
  view: StoredZoneView,
  now: number,
): Promise<ContentEdit[]> {
  const { signing } = zone;
  const apex = apexOf(zone);
  if (signing === undefined || now < dsTime(zone)) return [];
  if ((await findRRset(view, apex, rrTypes.CDS)) !== undefined) return [];
  const keys = await ports.keys.get(signing.keys, ports.serviceSigner(zone, signing.region));
  const dnskeys = keys.filter(({ role }) => role !== 'zsk').map(({ dnskey }) => dnskey);
  const ttl = signing.policy.dnskeyTtl;
  const rrset = (type: typeof rrTypes.CDS | typeof rrTypes.CDNSKEY, rdatas: readonly (typeof dnskeys)[number][]) => ({
    owner: apex,
    type,
    after: { rrset: { owner: apex, type, ttl, rdatas } },
  });
  return [
    rrset(
      rrTypes.CDS,
      dnskeys.map((dnskey) => composeDs(apex, dnskey, 2)),
    ),
    rrset(rrTypes.CDNSKEY, dnskeys),
  ];
}

async function cdsIsMissing(ports: ZonePorts, zone: ManagedZone): Promise<boolean> {
  if (zone.signing === undefined) return false;
  return (await findRRset(ports.store.viewOf(zone.id), apexOf(zone), rrTypes.CDS)) === undefined;
}

/** From when the DS may be published, in seconds. */
export function dsTime({ signing }: Pick<ManagedZone, 'signing'>): number {
  return signing === undefined ? Infinity : Math.ceil(signing.publishDsAfter / 1000);
}

/** Note why a zone could not be signed, and that it is due again after some seconds. */
export async function noteFailure(ports: ZonePorts, zoneId: number, error: unknown, rest: number): Promise<void> {
  await ports.locks.run(zoneId, async () => {
    const zone = await ports.store.getZone(zoneId);
    if (zone.signing === undefined) return;
    const signing = { ...zone.signing, lastSignError: messageOf(error).slice(0, 500) };
    const refreshAt = Math.floor(ports.clock.now() / 1000) + rest;
    await ports.store.noteSigning({ ...zone, signing, refreshAt });
  });
}
