import { DnssecError } from '#dnssec/core/errors.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { isSameName } from '#dnssec/operations/zones/update-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ZoneFeed } from '#dnssec/ports-transfer.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** Say where the contents of a zone come from besides the API. @throws DnssecError request-invalid, not-found */
export async function setFeed(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  wanted: Pick<ZoneFeed, 'primaries' | 'updateKeys'>,
): Promise<ZoneFeed> {
  const { id: zoneId, name } = await getOwnZone(ports, caller, id);
  assertKnown('primaries', wanted.primaries, (one) => ports.primaries.some((primary) => primary.name === one));
  assertKnown('updateKeys', wanted.updateKeys, (one) => ports.updateKeys.some((key) => isSameName(one, key)));
  if (wanted.primaries.length > 0 && wanted.updateKeys.length > 0)
    throw invalid('/updateKeys', `zone ${name} gets its contents from its primaries: updates go there`);
  return ports.locks.run(zoneId, async () => {
    const before = await ports.feeds.findFeed(zoneId);
    const isSameSource = before?.primaries.join() === wanted.primaries.join();
    const known = isSameSource && before !== undefined ? before : { zoneId };
    const { dueAt: _, ...rest } = known as ZoneFeed;
    const due = wanted.primaries.length === 0 ? {} : { dueAt: Math.floor(ports.clock.now() / 1000) };
    const feed = { ...rest, ...wanted, ...due };
    await ports.feeds.putFeed(feed);
    return feed;
  });
}

export async function getFeed(ports: ZonePorts, caller: Caller, id: string): Promise<ZoneFeed> {
  const { id: zoneId } = await getOwnZone(ports, caller, id);
  return (await ports.feeds.findFeed(zoneId)) ?? { zoneId, primaries: [], updateKeys: [] };
}

/** Let the contents of a zone come from the API alone; they stay as they are. */
export async function deleteFeed(ports: ZonePorts, caller: Caller, id: string): Promise<void> {
  const { id: zoneId } = await getOwnZone(ports, caller, id);
  await ports.locks.run(zoneId, () => ports.feeds.deleteFeed(zoneId));
}

/** Return a zone of the caller whose contents the API may change. @throws DnssecError not-found, conflict */
export async function getEditableZone(ports: ZonePorts, caller: Caller, id: string): Promise<ManagedZone> {
  const zone = await getOwnZone(ports, caller, id);
  const [primary] = (await ports.feeds.findFeed(zone.id))?.primaries ?? [];
  if (primary !== undefined)
    throw new DnssecError(
      'conflict',
      `zone ${zone.name} gets its contents from its primary ${primary}: change it there`,
    );
  return zone;
}

function assertKnown(field: string, names: readonly string[], isKnown: (name: string) => boolean): void {
  const index = names.findIndex((name) => !isKnown(name));
  if (index !== -1)
    throw invalid(`/${field}/${index}`, `${names[index]?.slice(0, 253)} is none of those that the settings allow`);
}

function invalid(pointer: string, message: string): DnssecError {
  return new DnssecError('request-invalid', `body ${pointer}: ${message}`, { details: { in: 'body', pointer } });
}
