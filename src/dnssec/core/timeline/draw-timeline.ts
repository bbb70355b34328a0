import { element, type XmlDocument, xmlDocument, type XmlElement } from '#lib/xml-tree.ts';
import { drawAxis, drawNow } from '#dnssec/core/timeline/draw-axis.ts';
import { drawCard, drawKey, keyHeight, type KeyPlace } from '#dnssec/core/timeline/draw-key.ts';
import { drawLegend, legendHeight } from '#dnssec/core/timeline/draw-legend.ts';
import { composeTimeScale } from '#dnssec/core/timeline/time-scale.ts';
import type { Timeline } from '#dnssec/core/timeline/timeline.ts';
import { timelineStyle } from '#dnssec/core/timeline/timeline-style.ts';
import { describeTimeline, formatMoment } from '#dnssec/core/timeline/timeline-words.ts';

const padding = 24;
/** Room for the names of records, left of the axis. */
const gutter = 176;
const headHeight = 56;
const axisHeight = 64;
const gap = 14;

/**
 * Draw a timeline as SVG: a card for each key, a row for each record, a bar for each state, now, and what is foretold in
 * broken lines. It needs nothing from elsewhere, follows the reader's choice of light or dark, and has all of it in words.
 */
export function drawTimeline(timeline: Timeline): XmlDocument {
  const scale = composeTimeScale(timeline.moments);
  const left = padding + gutter;
  const width = Math.max(left + scale.width + padding, 860);
  const plot = { left, right: width - padding, scale };
  const top = padding + headHeight + axisHeight;
  const places: KeyPlace[] = [];
  let y = top;
  for (const one of timeline.keys) {
    places.push({ y, x: padding, plot, now: timeline.now });
    y += keyHeight(one) + gap;
  }
  const bottom = y - gap;
  const axis = { y: top - 12, bottom, plot };
  const onEach = (draw: typeof drawKey): XmlElement[] =>
    timeline.keys.map((one, index) => draw(one, places[index] as KeyPlace));
  const height = bottom + legendHeight + padding;
  const title = `Keys of ${timeline.zone}`;
  return xmlDocument(
    element(
      'svg',
      {
        xmlns: 'http://www.w3.org/2000/svg',
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-labelledby': 'timeline-title timeline-description',
      },
      element('title', { id: 'timeline-title' }, title),
      element('desc', { id: 'timeline-description' }, describeTimeline(timeline)),
      element('style', {}, timelineStyle),
      element('rect', { class: 'ground', width, height }),
      element('text', { class: 'title', x: padding, y: padding + 18 }, title),
      element(
        'text',
        { class: 'small', x: padding, y: padding + 38 },
        `as of ${formatMoment(timeline.now)}; lengths of time are not in proportion`,
      ),
      ...onEach(drawCard),
      drawAxis(timeline, axis),
      ...onEach(drawKey),
      drawNow(timeline, axis),
      drawLegend({ x: padding, y: bottom + 30 }),
    ),
  );
}
