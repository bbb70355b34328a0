import { KmsError } from '#kms/core/errors.ts';
import { getVersion } from '#kms/core/key.ts';
import { assertUsable } from '#kms/core/life-cycle.ts';
import { auditedOnKey, type Caller, type KmsPorts } from '#kms/operations/context.ts';
import { type KeyAddress, storedVersion } from '#kms/operations/use-key.ts';
import type { SecretBytes } from '#lib/secret-bytes.ts';

/**
 * Export the material of a key version, in the encoding that an import takes. The caller wipes it.
 *
 * @throws KmsError export-not-allowed, wrong-state, version-unknown, not-found, …
 */
export async function exportKey(
  ports: KmsPorts,
  caller: Caller,
  { region, id }: KeyAddress,
  wanted?: number,
): Promise<{ readonly version: number; readonly material: SecretBytes }> {
  return auditedOnKey(ports, caller, { region, key: id }, 'Export', {
    check: (key) => {
      assertUsable(key);
      if (!key.exportAllowed)
        throw new KmsError(
          'export-not-allowed',
          `key ${key.identity} was created without exportAllowed: it stays here`,
        );
      return { version: getVersion(key, wanted).version };
    },
    carryOut: async ({ key }) => {
      const { version } = getVersion(key, wanted);
      return { version, material: await ports.provider.export(storedVersion(key, version)) };
    },
  });
}
