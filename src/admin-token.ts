import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '#app/config.ts';
import { createSecretFile } from '#lib/durable-file.ts';
import { ServiceError } from '#lib/errors.ts';
import { SecretText } from '#lib/secret-text.ts';

export interface AdminToken {
  readonly token: SecretText;
  /** Where it is kept, unless the operator gave it. */
  readonly file?: string;
}

/**
 * Take the token that the operator gave, or the one in the data folder, which is made on the first start.
 *
 * @throws ServiceError admin-token-unusable when others may read its file or it holds no token
 */
export async function openAdminToken(config: Config): Promise<AdminToken> {
  if (config.adminToken !== undefined) return { token: config.adminToken };
  const file = join(config.dataDirectory, 'admin-token');
  await createSecretFile(file, `zs_${randomBytes(32).toString('base64url')}\n`);
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) {
    throw new ServiceError('admin-token-unusable', `others may read the admin token in ${file}: chmod 600 it`);
  }
  const text = (await readFile(file, 'utf8')).trim();
  if (!/^[\x21-\x7e]{16,4096}$/.test(text)) {
    throw new ServiceError('admin-token-unusable', `${file} holds no admin token: remove it to have a new one made`);
  }
  return { token: new SecretText(text), file };
}
