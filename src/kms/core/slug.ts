import { hash } from 'node:crypto';

const longest = 63;

/**
 * Derive a slug from a name: lower-case letters, digits and single dashes. Where little is left of the name, or too much,
 * a part of its SHA-256 keeps different names apart.
 */
export function slugOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  if (plain !== '' && plain.length <= longest) return plain;
  const mark = hash('sha256', name).slice(0, 8);
  return plain === '' ? `key-${mark}` : `${plain.slice(0, longest - 9).replace(/-$/, '')}-${mark}`;
}
