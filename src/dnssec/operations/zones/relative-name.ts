import { canonicalName, type CanonicalName, formatName, type Name } from '#dns/name.ts';

/** Write a name relative to the apex. */
export function relativeName(owner: Name, apex: CanonicalName): string {
  if (canonicalName(owner) === apex) return '@';
  const text = formatName(owner);
  const suffix = formatName(apex);
  return text.slice(0, text.length - suffix.length - 1);
}
