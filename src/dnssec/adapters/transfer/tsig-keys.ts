import { createSecretKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { canonicalName, parseName } from '#dns/name.ts';
import { type TsigAlgorithm, tsigAlgorithms, type TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import { decodeBase64 } from '#lib/encoding.ts';
import { messageOf, ServiceError } from '#lib/errors.ts';

/**
 * Read TSIG keys: on each line a name, an algorithm and the secret in base64; `#` begins a comment.
 *
 * @throws ServiceError tsig-keys-unusable, naming the line
 */
export function readTsigKeys(path: string): TsigKey[] {
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw new Error('others may read it: chmod 600 it');
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ServiceError('tsig-keys-unusable', `the TSIG keys in ${path} cannot be used: ${messageOf(error)}`);
  }
  const keys: TsigKey[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === '') continue;
    const fault = (what: string) =>
      new ServiceError('tsig-keys-unusable', `${path}:${index + 1}: ${what}; write: name algorithm base64-secret`);
    const [name = '', algorithm = '', secret = '', ...rest] = words;
    const octets = decodeBase64(secret);
    if (rest.length > 0 || octets === undefined || octets.length < 16)
      throw fault('the secret is not base64 of at least 16 octets');
    if (!tsigAlgorithms.includes(algorithm as TsigAlgorithm))
      throw fault(`the algorithm is none of ${tsigAlgorithms.join(', ')}`);
    keys.push({
      name: canonicalName(parseName(name)),
      algorithm: algorithm as TsigAlgorithm,
      secret: createSecretKey(octets),
    });
  }
  return keys;
}
