import { element, type XmlElement } from '#lib/xml-tree.ts';
import type { TimeScale } from '#dnssec/core/timeline/time-scale.ts';
import type { Timeline } from '#dnssec/core/timeline/timeline.ts';
import { dateAndTime, formatLength } from '#dnssec/core/timeline/timeline-words.ts';

/** Where the axis of time runs, in pixels. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly scale: TimeScale;
}

interface AxisPlace {
  readonly y: number;
  /** Down to where moments are drawn through the cards. */
  readonly bottom: number;
  readonly plot: Plot;
}

/** Draw the axis: each moment with its time, its date where that is a new one, and how long it is to the next. */
export function drawAxis({ moments, now }: Timeline, { y, bottom, plot }: AxisPlace): XmlElement {
  const parts: XmlElement[] = [element('line', { class: 'axis', x1: plot.left, x2: plot.right, y1: y, y2: y })];
  moments.forEach((moment, index) => {
    const x = plot.left + plot.scale.at(moment);
    const before = moments[index - 1];
    const next = moments[index + 1];
    const { date, time } = dateAndTime(moment);
    const isNewDay = before === undefined || dateAndTime(before).date !== date;
    const isNow = moment === now;
    if (!isNow) parts.push(element('line', { class: 'moment', x1: x, x2: x, y1: y - 4, y2: bottom }));
    if (isNewDay) parts.push(element('text', { class: 'small middle', x, y: y - 26 }, date));
    parts.push(element('text', { class: isNow ? 'now-label' : 'middle', x, y: y - 11 }, isNow ? `now ${time}` : time));
    if (next !== undefined) {
      const center = (x + plot.left + plot.scale.at(next)) / 2;
      parts.push(element('text', { class: 'small middle', x: center, y: y + 12 }, formatLength(next - moment)));
    }
  });
  return element('g', {}, ...parts);
}

/** Draw the line of now, through all that is drawn before. */
export function drawNow({ now }: Timeline, { y, bottom, plot }: AxisPlace): XmlElement {
  const x = plot.left + plot.scale.at(now);
  return element('line', { class: 'now', x1: x, x2: x, y1: y - 4, y2: bottom });
}
