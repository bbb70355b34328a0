import type { StoredZoneView } from '#dnssec/ports-zones.ts';

/** Look at each place of a version once, however often one change asks for it. */
export function rememberingView(view: StoredZoneView): StoredZoneView {
  return {
    rrsetsAt: once((key) => view.rrsetsAt(key)),
    hasBelow: once((key) => view.hasBelow(key)),
    ownersBelow: once((key) => view.ownersBelow(key)),
    findLink: once((place) => view.findLink(place)),
    linkBefore: once((place) => view.linkBefore(place)),
    linkAfter: once((place) => view.linkAfter(place)),
    firstLink: once(() => view.firstLink()),
    lastLink: once(() => view.lastLink()),
    namesBelow: (nameKey, limit) => view.namesBelow(nameKey, limit),
  };
}

function once<Place extends string, Found>(find: (place: Place) => Promise<Found>): (place?: Place) => Promise<Found> {
  const found = new Map<string, Promise<Found>>();
  return (place = '' as Place) => {
    let answer = found.get(place);
    if (answer === undefined) found.set(place, (answer = find(place)));
    return answer;
  };
}
