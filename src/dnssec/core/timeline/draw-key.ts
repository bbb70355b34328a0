import { element, type XmlElement } from '#lib/xml-tree.ts';
import type { Plot } from '#dnssec/core/timeline/draw-axis.ts';
import type { DsMark, Timeline, TimelineRow, TimelineSpan } from '#dnssec/core/timeline/timeline.ts';
import { describeSpan, formatMoment, recordWords } from '#dnssec/core/timeline/timeline-words.ts';

type ShownKey = Timeline['keys'][number];

export interface KeyPlace {
  readonly x: number;
  readonly y: number;
  readonly plot: Plot;
  readonly now: number;
}

const head = 40;
const rowHeight = 26;
const barHeight = 18;
const foot = 8;
/** Pixels that a word needs in a bar, and its sides. */
const wordWidth = 76;

/** Return how high the card of a key is, in pixels. */
export function keyHeight({ rows }: ShownKey): number {
  return head + rows.length * rowHeight + foot;
}

/** Draw the ground of a key's card. */
export function drawCard(shown: ShownKey, { x, y, plot }: KeyPlace): XmlElement {
  return element('rect', { class: 'card', x, y, width: plot.right - x, height: keyHeight(shown), rx: 8 });
}

/** Draw what stands on the card of a key. */
export function drawKey({ key, rows, marks }: ShownKey, place: KeyPlace): XmlElement {
  const { x, y, plot } = place;
  return element(
    'g',
    {},
    element('text', { class: 'key', x: x + 12, y: y + 24 }, key.title),
    element('text', { class: 'small on-card', x: plot.left, y: y + 24 }, key.detail),
    ...rows.flatMap((row, index) => drawRow(row, marks, { ...place, y: y + head + index * rowHeight })),
  );
}

function drawRow({ record, spans }: TimelineRow, marks: readonly DsMark[], place: KeyPlace): XmlElement[] {
  const center = place.y + rowHeight / 2;
  return [
    element('text', { x: place.x + 12, y: center + 4 }, recordWords[record]),
    ...spans.flatMap((span) => drawSpan(span, `${recordWords[record]}: ${describeSpan(span, place.now)}`, place)),
    ...(record === 'ds' ? marks.map((mark) => drawMark(mark, center, place)) : []),
  ];
}

/** What lies before now and what is foretold look different. */
function drawSpan(span: TimelineSpan, title: string, { y, plot, now }: KeyPlace): XmlElement[] {
  const center = y + rowHeight / 2;
  const from = span.from === undefined ? plot.left : plot.left + plot.scale.at(span.from);
  const to = span.to === undefined ? plot.right : plot.left + plot.scale.at(span.to);
  if (span.state === 'hidden') {
    return [element('line', { class: 'none', x1: from + 4, x2: to - 4, y1: center, y2: center })];
  }
  const present = plot.left + plot.scale.at(now);
  const known = { from, to: Math.min(to, present), look: '' };
  const foretold = { from: Math.max(from, present), to, look: ' planned' };
  return [known, foretold].filter((part) => part.to > part.from).flatMap((part) => drawBar(span, title, part, center));
}

function drawBar(
  { state }: TimelineSpan,
  title: string,
  { from, to, look }: { readonly from: number; readonly to: number; readonly look: string },
  center: number,
): XmlElement[] {
  const bar = element(
    'rect',
    {
      class: `bar ${state}${look}`,
      x: from + 1,
      y: center - barHeight / 2,
      width: Math.max(to - from - 2, 1),
      height: barHeight,
      rx: 4,
    },
    element('title', {}, title),
  );
  if (to - from < wordWidth) return [bar];
  const word = { class: `state ${look === '' ? `on-${state}` : 'foretold'}`, x: (from + to) / 2, y: center + 4 };
  return [bar, element('text', word, state)];
}

/** A plus or a minus in a circle, where the parent is to add or to remove the DS. */
function drawMark({ at, what }: DsMark, center: number, { plot }: KeyPlace): XmlElement {
  const x = plot.left + plot.scale.at(at);
  const text = `the DS is to be ${what === 'add' ? 'added' : 'removed'} at the parent, ${formatMoment(at)}`;
  return markAt(x, center, what, text);
}

/** Draw the sign of a DS that is to be added or removed. */
export function markAt(x: number, y: number, what: DsMark['what'], title: string): XmlElement {
  return element(
    'g',
    {},
    element('title', {}, title),
    element('circle', { class: 'mark', cx: x, cy: y, r: 8 }),
    element('line', { class: 'sign', x1: x - 4, x2: x + 4, y1: y, y2: y }),
    ...(what === 'add' ? [element('line', { class: 'sign', x1: x, x2: x, y1: y - 4, y2: y + 4 })] : []),
  );
}
