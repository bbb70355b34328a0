const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const withUnits = /^(?:\d+[smhdw])+$/i;

/** The largest TTL. Source: RFC 2181 §8. */
export const maxTtl = 0x7fffffff;

/** Parse seconds, or numbers with units such as `1h30m`; anything else, or more than `most`, gives `undefined`. */
export function parseTtl(text: string, most: number = maxTtl): number | undefined {
  let seconds = 0;
  if (/^\d{1,10}$/.test(text)) seconds = Number(text);
  else if (text.length > 40 || !withUnits.test(text)) return undefined;
  else
    for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/gi))
      seconds += Number(count) * (unitSeconds[(unit ?? '').toLowerCase()] ?? 0);
  return seconds <= most ? seconds : undefined;
}
