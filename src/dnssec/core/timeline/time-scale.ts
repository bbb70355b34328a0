/** Where moments stand on the picture. */
export interface TimeScale {
  /** Of the whole axis, in pixels. */
  readonly width: number;
  /** Pixels from the left of the axis; a time between two moments stands between them. */
  readonly at: (time: number) => number;
}

const margin = 36;
const smallest = 78;
const perTenfold = 16;

/**
 * Set moments apart. The parts of a rollover take from seconds to weeks: in proportion all but the longest would be lines, so
 * that the space grows with the logarithm of the time, and never is too small for a label.
 *
 * @param moments in ascending order, at least one
 */
export function composeTimeScale(moments: readonly number[]): TimeScale {
  let position = margin;
  const places = moments.map((moment, index) => {
    const before = moments[index - 1];
    if (before !== undefined) position += smallest + perTenfold * Math.log10(1 + (moment - before) / 60);
    return { moment, position: Math.round(position) };
  });
  const [first] = places;
  const last = places.at(-1);
  const width = (last?.position ?? 0) + smallest + margin;
  return {
    width,
    at(time) {
      const exact = places.find(({ moment }) => moment === time);
      if (exact !== undefined) return exact.position;
      const next = places.findIndex(({ moment }) => moment > time);
      const [left, right] = [places[next - 1], places[next]];
      if (left === undefined || right === undefined) return time < (first?.moment ?? time) ? 0 : width;
      const share = (time - left.moment) / (right.moment - left.moment);
      return left.position + share * (right.position - left.position);
    },
  };
}
