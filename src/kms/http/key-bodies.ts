import type { CreateKeyRequest } from '#kms/api.ts';
import { KmsError } from '#kms/core/errors.ts';
import { parseBase64 } from '#kms/core/formats.ts';
import { parseHashAlgorithm } from '#kms/core/hash-algorithms.ts';
import type { NewKey } from '#kms/operations/create-key.ts';
import type { KeyCursor } from '#kms/ports/key-store.ts';

/** Read what to create. @throws KmsError payload-invalid, hash-invalid */
export function readNewKey({ importKeyMaterial, hashFunction, allowRotation, ...rest }: CreateKeyRequest): NewKey {
  if (importKeyMaterial === undefined) {
    // `allowRotation: true` says nothing of a key that is made here: it rotates anyway.
    if (hashFunction !== undefined)
      throw new KmsError('payload-invalid', 'hashFunction is for an import: there is no importKeyMaterial');
    return rest;
  }
  return {
    ...rest,
    import: {
      blob: parseBase64(importKeyMaterial, 'importKeyMaterial'),
      oaepHash: hashFunction === undefined ? undefined : parseHashAlgorithm(hashFunction, 'hashFunction'),
      allowRotation: allowRotation ?? false,
    },
  };
}

/** Collect `matchLabels[key]=value` of a query. A filter that cannot be read must not let everything through. @throws KmsError payload-invalid */
export function labelFilter(query: object): Readonly<Record<string, string>> {
  const given = Object.entries(query).filter(([name]) => name.startsWith('matchLabels'));
  return Object.fromEntries(
    given.map(([name, value]: [string, unknown]) => {
      const label = /^matchLabels\[(.+)\]$/s.exec(name)?.[1];
      if (label === undefined || typeof value !== 'string')
        throw new KmsError('payload-invalid', 'labels are asked for as matchLabels[key]=value, each key once');
      return [label, value];
    }),
  );
}

const cursorShape = /^(\d{1,15})\.([\w-]{1,80})$/;

export function formatKeyCursor({ createdAt, identity }: KeyCursor): string {
  return `${createdAt}.${identity}`;
}

/** @throws KmsError payload-invalid */
export function parseKeyCursor(text: string): KeyCursor {
  const [, createdAt, identity] = cursorShape.exec(text) ?? [];
  if (createdAt === undefined || identity === undefined)
    throw new KmsError('payload-invalid', 'after must be the X-Next-Cursor of an earlier page');
  return { createdAt: Number(createdAt), identity };
}
