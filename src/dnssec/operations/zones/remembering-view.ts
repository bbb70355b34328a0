import type { Octets } from '#lib/octets.ts';
import type { StoredLink, StoredZoneView } from '#dnssec/ports-zones.ts';

/** Look at each place of a version once, however often one change asks for it. */
export function rememberingView(view: StoredZoneView): StoredZoneView {
  const links = new Map<string, Promise<StoredLink | undefined>>();
  const noting =
    (find: (place: Octets) => Promise<StoredLink | undefined>) =>
    async (place: Octets): Promise<StoredLink | undefined> => {
      const link = await find(place);
      if (link !== undefined && !links.has(link.place)) links.set(link.place, Promise.resolve(link));
      return link;
    };
  return {
    rrsetsAt: once((key) => view.rrsetsAt(key)),
    hasBelow: once((key) => view.hasBelow(key)),
    ownersBelow: once((key) => view.ownersBelow(key)),
    findLink: once((place) => view.findLink(place), links),
    linkBefore: once(noting((place) => view.linkBefore(place))),
    linkAfter: once(noting((place) => view.linkAfter(place))),
    firstLink: once(noting(() => view.firstLink())),
    lastLink: once(noting(() => view.lastLink())),
    namesBelow: (nameKey, limit) => view.namesBelow(nameKey, limit),
  };
}

function once<Place extends string, Found>(
  find: (place: Place) => Promise<Found>,
  found = new Map<string, Promise<Found>>(),
): (place?: Place) => Promise<Found> {
  return (place = '' as Place) => {
    let answer = found.get(place);
    if (answer === undefined) found.set(place, (answer = find(place)));
    return answer;
  };
}
