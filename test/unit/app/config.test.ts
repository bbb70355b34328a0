import { inspect } from 'node:util';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Config, ConfigError, readConfig } from '#app/config.ts';

function faultsOf(environment: Record<string, string>, flags: Parameters<typeof readConfig>[1] = {}): string {
  try {
    readConfig(environment, flags);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('without any setting the documented defaults hold', () => {
  expect(readConfig({ PATH: '/bin', HOME: '/root' })).toEqual({
    host: '127.0.0.1',
    port: 8080,
    dataDirectory: resolve('data'),
    rootKey: { kind: 'file', path: resolve('data/root.key') },
    organisation: 'o-default',
    regions: ['nl-01'],
    rateLimit: 4000,
    jwtAudience: 'zoneseal',
    nameServers: ['ns.invalid.'],
    logLevel: 'info',
  } satisfies Config);
});

test('every variable is read', () => {
  const config = readConfig({
    ZONESEAL_HOST: '::1',
    ZONESEAL_PORT: '0',
    ZONESEAL_DATA: '/var/lib/zoneseal',
    ZONESEAL_ADMIN_TOKEN: 'abc',
    ZONESEAL_ROOT_KEY_FILE: '/etc/zoneseal/root.key',
    ZONESEAL_ORGANISATION: 'o-acme',
    ZONESEAL_REGIONS: 'nl-01, de-02',
    ZONESEAL_KMS_URL: 'https://kms.example:8443/base/',
    ZONESEAL_LOG_LEVEL: 'warn',
    DATABASE_URL: 'postgres://u:p@h/d',
    REDIS_URL: 'redis://h',
  });
  expect(config).toMatchObject({
    host: '::1',
    port: 0,
    dataDirectory: '/var/lib/zoneseal',
    rootKey: { kind: 'file', path: '/etc/zoneseal/root.key' },
    organisation: 'o-acme',
    regions: ['nl-01', 'de-02'],
    kmsUrl: 'https://kms.example:8443/base',
    logLevel: 'warn',
  });
  expect([config.adminToken, config.databaseUrl, config.redisUrl].map((secret) => secret?.reveal())).toEqual([
    'abc',
    'postgres://u:p@h/d',
    'redis://h',
  ]);
});

test('a flag wins over its variable', () => {
  expect(readConfig({ ZONESEAL_PORT: '1' }, { port: '2' }).port).toBe(2);
});

test('the configuration cannot be changed', () => {
  const config = readConfig({});
  expect([config, config.regions, config.rootKey].every((part) => Object.isFrozen(part))).toBe(true);
});

describe('a wrong value stops the start with the variable, the fault and what is allowed', () => {
  test.each([
    ['ZONESEAL_PORT', '65536', 'ZONESEAL_PORT is "65536": it must be a number from 0 to 65535'],
    ['ZONESEAL_PORT', '-1', 'a number from 0 to 65535'],
    ['ZONESEAL_PORT', '80a', 'a number from 0 to 65535'],
    ['ZONESEAL_PORT', '', 'ZONESEAL_PORT is empty: give a number from 0 to 65535, or leave it out'],
    ['ZONESEAL_HOST', 'a b', 'an IP address or a host name'],
    ['ZONESEAL_ORGANISATION', '../x', 'letters, digits, dots, dashes'],
    ['ZONESEAL_REGIONS', 'nl-01,nl-01', 'each once'],
    ['ZONESEAL_REGIONS', 'NL', 'lower-case'],
    ['ZONESEAL_KMS_URL', 'ftp://kms', 'an http or https URL'],
    ['ZONESEAL_KMS_URL', 'http://kms/?x=1', 'without credentials, query'],
    ['ZONESEAL_LOG_LEVEL', 'loud', 'one of silent, error, warn, info, debug'],
    ['DATABASE_URL', 'mysql://x', 'a postgres:// or postgresql:// URL'],
    ['REDIS_URL', 'x', 'a redis:// or rediss:// URL'],
  ])('%s=%s', (variable, value, expected) => {
    const faults = faultsOf({ [variable]: value });
    expect(faults).toContain(variable);
    expect(faults).toContain(expected);
  });

  test('a wrong flag is named as the flag', () => {
    expect(faultsOf({}, { port: 'x' })).toBe('--port is "x": it must be a number from 0 to 65535');
  });

  test('all faults are told at once, one a line', () => {
    expect(faultsOf({ ZONESEAL_PORT: 'x', ZONESEAL_REGIONS: 'Y' }).split('\n')).toHaveLength(2);
  });

  test('a misspelt variable is named, with those that exist', () => {
    expect(faultsOf({ ZONESEAL_PROT: '80' })).toMatch(/^ZONESEAL_PROT is not a setting: .*ZONESEAL_PORT/);
  });

  test('two sources of the root key are one too many', () => {
    const faults = faultsOf({ ZONESEAL_ROOT_KEY_FILE: '/k', ZONESEAL_ROOT_KEY_PASSPHRASE: 'a long enough phrase' });
    expect(faults).toContain('ZONESEAL_ROOT_KEY_FILE and ZONESEAL_ROOT_KEY_PASSPHRASE are both set');
  });
});

describe('secrets', () => {
  test.each([
    ['ZONESEAL_ADMIN_TOKEN', 'hunter2 with space'],
    ['DATABASE_URL', 'hunter2'],
    ['REDIS_URL', 'hunter2'],
    ['ZONESEAL_ROOT_KEY', 'hunter2'],
    ['ZONESEAL_ROOT_KEY_PASSPHRASE', 'hunter2'],
  ])('a wrong %s is not repeated', (variable, value) => {
    expect(faultsOf({ [variable]: value })).not.toContain('hunter2');
  });

  test('a configuration prints without them', () => {
    const config = readConfig({ ZONESEAL_ADMIN_TOKEN: 'hunter2', DATABASE_URL: 'postgres://u:hunter2@h/d' });
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config) + String(config.adminToken)).not.toContain('hunter2');
  });

  test.each([
    ['environment', 'ZONESEAL_ROOT_KEY', 'ab'.repeat(32)],
    ['passphrase', 'ZONESEAL_ROOT_KEY_PASSPHRASE', 'correct horse battery'],
  ] as const)('the root key stays in its variable: %s', (kind, variable, value) => {
    const config = readConfig({ [variable]: value });
    expect(config.rootKey).toEqual({ kind, variable });
    expect(JSON.stringify(config)).not.toContain(value);
  });
});
