import { canonicalName, formatName, type Name } from '#dns/name.ts';
import type { KeyMaker } from '#dnssec/ports.ts';
import type { KeyChoice } from '#dnssec/operations/zone-keys.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { Role } from '#dnssec/core/keys/zone-key.ts';

/**
 * Return the keys of a zone that names none: one CSK, or a KSK and a ZSK, of the wanted type. They are found again by
 * their labels, and made where there are none.
 *
 * @throws DnssecError kms-refused, kms-unavailable
 */
export async function findOrCreateZoneKeys(
  apex: Name,
  keyType: string,
  split: boolean,
  maker: KeyMaker,
  algorithm?: number,
): Promise<KeyChoice[]> {
  const zone = formatName(canonicalName(apex));
  const choices: KeyChoice[] = [];
  for (const role of split ? (['ksk', 'zsk'] as const) : (['csk'] as const)) {
    const keyId = await maker.findOrCreateKey({
      name: `DNSSEC ${split ? `${role.toUpperCase()} ` : ''}${zone} ${keyType}`,
      keyType,
      labels: { 'zoneseal/zone': zone, 'zoneseal/role': role },
    });
    choices.push({ keyId, role, ...(algorithm === undefined ? {} : { algorithm }) });
  }
  return choices;
}

/**
 * Parse `KEY` or `KEY@VERSION[,VERSION…]` as a command line or query gives it.
 *
 * @throws DnssecError request-invalid
 */
function parseKeyChoice(text: string, role: Role, algorithm?: number): KeyChoice {
  const [keyId = '', versionList, ...rest] = text.split('@');
  const versions = versionList?.split(',').map(Number);
  if (
    keyId === '' ||
    rest.length > 0 ||
    versions?.some((version) => !Number.isSafeInteger(version) || version < 1) === true
  ) {
    throw new DnssecError(
      'request-invalid',
      `"${text.slice(0, 100)}" is not a key: write its identity, or identity@version[,version]`,
    );
  }
  return {
    keyId,
    role,
    ...(versions === undefined ? {} : { versions }),
    ...(algorithm === undefined ? {} : { algorithm }),
  };
}

/** The keys of a zone as a query or command line names them. */
export interface KeyOptions {
  readonly csk?: string | undefined;
  readonly ksk?: string | undefined;
  readonly zsk?: string | undefined;
  /** DNSSEC algorithm number. */
  readonly algorithm?: string | undefined;
}

/**
 * Parse the keys of a zone: a CSK, or a KSK and a ZSK.
 *
 * @throws DnssecError request-invalid
 */
export function parseKeyChoices({ csk, ksk, zsk, algorithm }: KeyOptions): KeyChoice[] {
  const number = algorithm === undefined ? undefined : Number(algorithm);
  if (csk !== undefined && ksk === undefined && zsk === undefined) return [parseKeyChoice(csk, 'csk', number)];
  if (csk === undefined && ksk !== undefined && zsk !== undefined)
    return [parseKeyChoice(ksk, 'ksk', number), parseKeyChoice(zsk, 'zsk', number)];
  throw new DnssecError(
    'request-invalid',
    'a zone is signed with one CSK (csk), or with a KSK and a ZSK (ksk and zsk)',
  );
}
