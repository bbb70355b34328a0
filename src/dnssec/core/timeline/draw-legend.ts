import { element, type XmlElement } from '#lib/xml-tree.ts';
import { markAt } from '#dnssec/core/timeline/draw-key.ts';
import { stateMeanings } from '#dnssec/core/timeline/timeline-words.ts';

/** Pixels. */
export const legendHeight = 84;
const column = 390;
const line = 22;

/** Say what bars and signs mean. */
export function drawLegend({ x, y }: { readonly x: number; readonly y: number }): XmlElement {
  const states = (['rumoured', 'omnipresent', 'unretentive'] as const).flatMap((state, index) => {
    const center = y + index * line;
    return [
      element('rect', { class: `bar ${state}`, x, y: center - 7, width: 26, height: 14, rx: 4 }),
      element('text', { class: 'small', x: x + 36, y: center + 4 }, `${state}: ${stateMeanings[state]}`),
    ];
  });
  const second = x + column;
  return element(
    'g',
    {},
    ...states,
    element('line', { class: 'none', x1: second, x2: second + 26, y1: y, y2: y }),
    element('text', { class: 'small', x: second + 36, y: y + 4 }, `hidden: ${stateMeanings.hidden}`),
    element('rect', { class: 'bar omnipresent planned', x: second, y: y + line - 7, width: 26, height: 14, rx: 4 }),
    element('text', { class: 'small', x: second + 36, y: y + line + 4 }, 'in broken lines: foretold'),
    markAt(second + 6, y + 2 * line, 'add', 'add'),
    markAt(second + 24, y + 2 * line, 'remove', 'remove'),
    element(
      'text',
      { class: 'small', x: second + 40, y: y + 2 * line + 4 },
      'the DS is to be added, or removed, at the parent',
    ),
  );
}
