import { type Config, ConfigError } from '#app/config.ts';
import { type Role, type SettingName, settings } from '#app/settings.ts';

/** What a process does. `all` is a whole service in one; the others are the parts of one on several machines. */
interface RoleRule {
  readonly needs: readonly SettingName[];
  /** Settings that have no use there, so that somebody meant something else. */
  readonly refuses: readonly SettingName[];
}

/** A part that shares its zones with others needs what they share. */
const shared = ['kmsUrl', 'token', 'databaseUrl', 'redisUrl'] as const;
const ofTheKms = ['adminToken', 'serviceToken', 'jwtIssuer'] as const;
const ofTransfers = [
  'transfer',
  'transferTlsPort',
  'transferTlsCertificate',
  'transferTlsKey',
  'secondaries',
  'primaries',
  'primariesCa',
  'updateKeys',
  'tsigKeyFile',
  'zoneFiles',
] as const;

const rules: Readonly<Record<Role, RoleRule>> = {
  all: { needs: [], refuses: [] },
  kms: { needs: [], refuses: ['kmsUrl', 'token', 'redisUrl', ...ofTransfers] },
  api: { needs: shared, refuses: ofTheKms },
  worker: { needs: shared, refuses: [...ofTheKms, ...ofTransfers] },
};

/** Check that a process of this role can work with its settings. @throws ConfigError setting-invalid with all faults at once */
export function assertRoleFits(config: Config): void {
  const { role } = config;
  const { needs, refuses } = rules[role];
  const isSet = (name: SettingName) => Object.hasOwn(config, name);
  const faults = [
    ...needs
      .filter((name) => !isSet(name))
      .map((name) => `ZONESEAL_ROLE is ${role}, which needs ${settings[name].variable}: ${settings[name].summary}`),
    ...refuses
      .filter(isSet)
      .map((name) => `ZONESEAL_ROLE is ${role}, which has no use for ${settings[name].variable}: leave it out`),
  ];
  if (faults.length > 0) throw new ConfigError('setting-invalid', faults.join('\n'));
}
