/**
 * A stretch of time, in seconds since the epoch, both ends included. No start: since before anything that a cache can
 * still hold. No end: still going on.
 */
export interface Span {
  readonly from?: number;
  readonly to?: number;
}

const startOf = ({ from }: Span): number => from ?? -Infinity;
const endOf = ({ to }: Span): number => to ?? Infinity;

/** All of time that counts. */
export const always: Span = {};

/** Tell whether at every instant of a span one of the others goes on. */
export function isCovered(span: Span, by: readonly Span[]): boolean {
  let reached = startOf(span);
  let isStarted = false;
  for (const one of by.toSorted((left, right) => startOf(left) - startOf(right))) {
    if (startOf(one) > reached) break;
    if (endOf(one) < reached) continue;
    isStarted = true;
    reached = endOf(one);
    if (reached >= endOf(span)) return true;
  }
  return isStarted && reached >= endOf(span);
}

/** Return when spans of both lists go on at once. */
export function overlapOf(left: readonly Span[], right: readonly Span[]): readonly Span[] {
  return left.flatMap((one) =>
    right
      .map((other) => ({
        from: Math.max(startOf(one), startOf(other)),
        to: Math.min(endOf(one), endOf(other)),
      }))
      .filter(({ from, to }) => from <= to)
      .map(({ from, to }) => spanBetween(from, to)),
  );
}

function spanBetween(from: number, to: number): Span {
  return { ...(from === -Infinity ? {} : { from }), ...(to === Infinity ? {} : { to }) };
}
