import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import {
  type AddressAndPort,
  type OtherServer,
  type PrimaryServer,
  type ParentServer,
  type LogLevel,
  type Role,
  type Setting,
  type SettingName,
  settings,
} from '#app/settings.ts';
import { ServiceError } from '#lib/errors.ts';
import type { SecretText } from '#lib/secret-text.ts';

/** Where the root key comes from. A secret stays in its variable until the KMS takes it out of there. */
export type RootKeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment' | 'passphrase'; readonly variable: string };

/** Everything that an operator can set, checked. */
export interface Config {
  readonly role: Role;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Absolute path. */
  readonly dataDirectory: string;
  /** Without one, the token in the data folder counts. */
  readonly adminToken?: SecretText;
  /** What commands show to the KMS, instead of the admin token. */
  readonly token?: SecretText;
  /** What DNSSEC services elsewhere show to the KMS of this process. */
  readonly serviceToken?: SecretText;
  readonly rootKey: RootKeySource;
  readonly organisation: string;
  readonly regions: readonly string[];
  /** The KMS that signs. Without one it is the one in this process. */
  readonly kmsUrl?: string;
  /** Milliseconds of core time a second for each caller of the KMS; 0 for no limit. */
  readonly rateLimit: number;
  /** Absolute, in presentation form. */
  readonly nameServers: readonly string[];
  /** Where zones are served to secondaries. */
  readonly transfer?: AddressAndPort;
  readonly secondaries?: readonly OtherServer[];
  readonly tsigKeyFile?: string;
  /** Names of TSIG keys, absolute, in presentation form. */
  readonly updateKeys?: readonly string[];
  readonly primaries?: readonly PrimaryServer[];
  /** Absolute path. */
  readonly primariesCa?: string;
  /** Who tells where parents are; absent: parents are not asked, but for those whose servers are known. */
  readonly resolvers?: 'system' | 'none' | readonly AddressAndPort[];
  readonly parentServers?: readonly ParentServer[];
  /** Absolute path. */
  readonly zoneFiles?: string;
  readonly transferTlsPort?: number;
  readonly transferTlsCertificate?: string;
  readonly transferTlsKey?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience: string;
  readonly databaseUrl?: SecretText;
  readonly redisUrl?: SecretText;
  /** Zones that are re-signed at the same time. */
  readonly concurrency: number;
  /** Zones whose re-signing may begin in a second; 0 for no limit. */
  readonly queueRate: number;
  /** Seconds. */
  readonly jobLease: number;
  readonly logLevel: LogLevel;
}

/** A setting stopped the start; the message has one line for each fault. */
export class ConfigError extends ServiceError<'setting-invalid'> {}

/**
 * Read and check the settings. A flag wins over its variable. Every fault is named at once, and no secret is repeated.
 *
 * @param flags values from the command line by setting
 * @throws ConfigError setting-invalid
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Partial<Record<SettingName, string>>> = {},
): Config {
  const faults = unknownVariables(environment);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const [name, setting] of Object.entries(settings) as [SettingName, Setting][]) {
    const flag = flags[name];
    const inFile = flag === undefined ? readSettingFile(setting, environment, faults) : undefined;
    const text = flag ?? environment[setting.variable] ?? inFile ?? setting.default;
    if (text === undefined) continue;
    const value = text === '' ? undefined : setting.read(text);
    if (value === undefined) faults.push(faultOf(setting, text, flag !== undefined));
    else values[name] = value;
  }
  const keys = (['rootKeyFile', 'rootKey', 'rootKeyPassphrase'] as const).filter((name) => values[name] !== undefined);
  if (keys.length > 1) {
    faults.push(
      `${keys.map((name) => settings[name].variable).join(' and ')} are both set: the root key has one source`,
    );
  }
  if (faults.length > 0) throw new ConfigError('setting-invalid', faults.join('\n'));
  const { rootKeyFile, rootKey, rootKeyPassphrase, ...rest } = values;
  const source = rootKeySource(
    rest.dataDirectory as string,
    rootKeyFile as string | undefined,
    rootKey,
    rootKeyPassphrase,
  );
  return Object.freeze({ ...rest, rootKey: Object.freeze(source) }) as Config;
}

/** Secrets are better in files than in variables, which every child process inherits. */
function readSettingFile(
  { variable, mayBeInFile }: Setting,
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): string | undefined {
  const path = mayBeInFile === true ? environment[`${variable}_FILE`] : undefined;
  if (path === undefined) return undefined;
  if (environment[variable] !== undefined) {
    faults.push(`${variable} and ${variable}_FILE are both set: one of them is one too many`);
    return undefined;
  }
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    faults.push(`${variable}_FILE names ${JSON.stringify(path)}, which cannot be read: ${code}`);
    return undefined;
  }
}

function rootKeySource(data: string, file: string | undefined, key: unknown, passphrase: unknown): RootKeySource {
  if (key !== undefined) return { kind: 'environment', variable: settings.rootKey.variable };
  if (passphrase !== undefined) return { kind: 'passphrase', variable: settings.rootKeyPassphrase.variable };
  return { kind: 'file', path: file ?? join(data, 'root.key') };
}

function faultOf(setting: Setting, text: string, isFlag: boolean): string {
  const name = isFlag ? `--${setting.flag}` : setting.variable;
  if (text === '') return `${name} is empty: give ${setting.allowed}, or leave it out`;
  const shown = setting.flag === undefined ? 'has a value that is not allowed' : `is ${JSON.stringify(text)}`;
  return `${name} ${shown}: it must be ${setting.allowed}`;
}

/** A misspelt variable would silently leave the default in force, so it is a fault. */
function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const all: readonly Setting[] = Object.values(settings);
  const known = new Set(
    all.flatMap(({ variable, mayBeInFile }) => (mayBeInFile === true ? [variable, `${variable}_FILE`] : [variable])),
  );
  return Object.keys(environment)
    .filter((variable) => variable.startsWith('ZONESEAL_') && !known.has(variable))
    .toSorted()
    .map((variable) => {
      const names = [...known].filter((name) => name.startsWith('ZONESEAL_')).join(', ');
      return `${variable} is not a setting: known are ${names}`;
    });
}
