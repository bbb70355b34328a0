import { messageOf } from '#lib/errors.ts';
import { printZone } from '#dnssec/operations/zones/export-zone.ts';
import { followPrimaries } from '#dnssec/operations/zones/follow-primaries.ts';
import { isLarge } from '#dnssec/operations/zones/large-zones.ts';
import { previewSigning } from '#dnssec/operations/zones/preview-signing.ts';
import { unsign } from '#dnssec/operations/zones/publish-steps.ts';
import { disableSigning, enableSigning } from '#dnssec/operations/zones/switch-signing.ts';
import { importZone } from '#dnssec/operations/zones/transfer-contents.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ZoneFeed } from '#dnssec/ports-transfer.ts';

/** Octets of a master file that may make a zone large. */
const largeFile = 200_000;

/** Operations that may go through a whole zone. Their arguments and results are data, so that a thread can have them. */
export const wholeZoneWork = {
  importZone,
  unsign,
  printZone,
  previewSigning,
  enableSigning,
  disableSigning,
  /** @returns what was wrong; undefined when nothing was */
  async followPrimaries(ports: ZonePorts, feed: ZoneFeed): Promise<string | undefined> {
    const fault = await followPrimaries(ports, feed, new AbortController().signal);
    return fault === undefined ? undefined : messageOf(fault);
  },
} as const;

export type WholeZoneVerb = keyof typeof wholeZoneWork;
type Tail<All extends readonly unknown[]> = All extends readonly [unknown, ...infer Rest] ? Rest : never;
export type ArgumentsOf<Verb extends WholeZoneVerb> = Tail<Parameters<(typeof wholeZoneWork)[Verb]>>;
export type ResultOf<Verb extends WholeZoneVerb> = Awaited<ReturnType<(typeof wholeZoneWork)[Verb]>>;

/** Runs an operation where it holds up nobody else. */
export type RunApart = <Verb extends WholeZoneVerb>(verb: Verb, args: ArgumentsOf<Verb>) => Promise<ResultOf<Verb>>;

/**
 * Do an operation apart from what others wait for when the zone is large, or becomes so, and here otherwise.
 *
 * @param size octets of a master file that goes into it
 */
export async function runWhereItFits<Verb extends WholeZoneVerb>(
  ports: ZonePorts,
  zoneId: number,
  verb: Verb,
  args: ArgumentsOf<Verb>,
  size = 0,
): Promise<ResultOf<Verb>> {
  const { runApart } = ports;
  if (runApart === undefined || (size <= largeFile && !(await isLarge(ports, zoneId)))) {
    const work = wholeZoneWork[verb] as (...all: unknown[]) => Promise<ResultOf<Verb>>;
    return work(ports, ...args);
  }
  return ports.locks.run(zoneId, () => runApart(verb, args));
}
