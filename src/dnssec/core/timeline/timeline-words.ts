import { formatInstant } from '#lib/clock.ts';
import type { RecordName, State } from '#dnssec/core/rollover/key-state.ts';
import type { Timeline, TimelineSpan } from '#dnssec/core/timeline/timeline.ts';

/** What people read for records. */
export const recordWords: Readonly<Record<RecordName, string>> = {
  dnskey: 'DNSKEY',
  zrrsig: 'RRSIG of the data',
  krrsig: 'RRSIG of the keys',
  ds: 'DS at the parent',
};

/** What states mean for people. */
export const stateMeanings: Readonly<Record<State, string>> = {
  hidden: 'no resolver has it',
  rumoured: 'published: some resolvers may not have it yet',
  omnipresent: 'every resolver has it or can get it',
  unretentive: 'withdrawn: some resolvers may still have it',
};

/** Format seconds since the epoch as date and time in UTC. */
export function dateAndTime(seconds: number): { readonly date: string; readonly time: string } {
  const text = formatInstant(seconds * 1000);
  return { date: text.slice(0, 10), time: text.slice(11, 19).replace(/:00$/, '') };
}

export function formatMoment(seconds: number): string {
  const { date, time } = dateAndTime(seconds);
  return `${date} ${time} UTC`;
}

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** Format a length of time with its two largest units. @param seconds whole */
export function formatLength(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/** Say a span: its state, and from when until when. */
export function describeSpan({ state, from, to, endsAtTheEarliest }: TimelineSpan, now: number): string {
  const start = from === undefined ? '' : ` from ${formatMoment(from)}`;
  const earliest = endsAtTheEarliest ? ' at the earliest' : '';
  const end = to === undefined ? '' : ` until ${formatMoment(to)}${to > now ? `${earliest} (planned)` : ''}`;
  return `${state}${start}${end}`;
}

/** Say the whole picture for those who do not see it. */
export function describeTimeline({ keys, now }: Timeline): string {
  const sentences = keys.map(({ key, rows }) => {
    const told = rows.map(({ record, spans }) => {
      const shown = spans.filter((span) => span.state !== 'hidden' || spans.length === 1);
      return `${recordWords[record]} ${shown.map((span) => describeSpan(span, now)).join(', ')}`;
    });
    return `${key.title}, ${key.detail}: ${told.join('; ')}.`;
  });
  return [`Now is ${formatMoment(now)}.`, ...sentences].join(' ');
}
