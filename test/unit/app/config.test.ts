import { writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Config, ConfigError, readConfig } from '#app/config.ts';
import { assertRoleFits } from '#app/roles.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

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
    role: 'all',
    host: '127.0.0.1',
    port: 8080,
    dataDirectory: resolve('data'),
    rootKey: { kind: 'file', path: resolve('data/root.key') },
    organisation: 'o-default',
    regions: ['nl-01'],
    rateLimit: 4000,
    jwtAudience: 'zoneseal',
    nameServers: ['ns.invalid.'],
    concurrency: 8,
    queueRate: 500,
    jobLease: 30,
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

test('a primary has a TSIG key, and a name in its certificate where it speaks TLS', () => {
  const read = (text: string) => readConfig({ ZONESEAL_PRIMARIES: text }).primaries;
  const place = { host: '192.0.2.1', port: 853 };
  expect(read('192.0.2.1:853@key#ns1.example.net, [::1]:53, 192.0.2.1:853#ns')).toEqual([
    { ...place, key: 'key', serverName: 'ns1.example.net' },
    { host: '::1', port: 53 },
    { ...place, serverName: 'ns' },
  ]);
  for (const bad of [
    '192.0.2.1:853@key#',
    '192.0.2.1:853#a#b',
    '192.0.2.1:853#a b',
    '192.0.2.1#ns',
    '192.0.2.1:853#ns@key',
  ])
    expect(faultsOf({ ZONESEAL_PRIMARIES: bad })).toContain('ZONESEAL_PRIMARIES');
  expect(faultsOf({ ZONESEAL_SECONDARIES: '192.0.2.1:853#ns' })).toContain('ZONESEAL_SECONDARIES');
  expect(readConfig({ ZONESEAL_PRIMARIES_CA: 'ca.pem' }).primariesCa).toBe(resolve('ca.pem'));
});

test.each([
  ['system', 'system'],
  ['none', 'none'],
  [
    '192.0.2.53:53, [2001:db8::53]:5300',
    [
      { host: '192.0.2.53', port: 53 },
      { host: '2001:db8::53', port: 5300 },
    ],
  ],
])('resolvers are %s', (text, expected) => {
  expect(readConfig({ ZONESEAL_RESOLVERS: text }).resolvers).toEqual(expected);
});

test('without a word about resolvers none is asked: only the command that serves has a default', () => {
  expect(readConfig({})).not.toHaveProperty('resolvers');
});

test('servers of parents are read, several of a zone', () => {
  const text = 'corp.example=192.0.2.1:53,corp.example.=[2001:db8::1]:53,.=192.0.2.2:53';
  expect(readConfig({ ZONESEAL_PARENT_SERVERS: text }).parentServers).toEqual([
    { zone: 'corp.example.', host: '192.0.2.1', port: 53 },
    { zone: 'corp.example.', host: '2001:db8::1', port: 53 },
    { zone: '.', host: '192.0.2.2', port: 53 },
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
    ['ZONESEAL_ROLE', 'signer', 'one of all, kms, api, worker'],
    ['ZONESEAL_CONCURRENCY', '0', 'a number from 1 to 1000'],
    ['ZONESEAL_QUEUE_RATE', 'fast', 'a number from 0 to 1000000'],
    ['ZONESEAL_JOB_LEASE', '1', 'a number from 2 to 3600'],
    ['ZONESEAL_RESOLVERS', '192.0.2.53', 'addresses with ports, such as 192.0.2.53:53'],
    ['ZONESEAL_PARENT_SERVERS', '192.0.2.1:53', 'zones with addresses and ports'],
    ['ZONESEAL_PARENT_SERVERS', 'a b=192.0.2.1:53', 'zones with addresses and ports'],
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

describe('secrets in files', () => {
  test('a secret may be in a file, without the line end after it', () => {
    using dir = makeTempDir();
    writeFileSync(dir.at('token'), 'abc\n');
    writeFileSync(dir.at('redis'), 'redis://:x@h\n');
    const config = readConfig({ ZONESEAL_ADMIN_TOKEN_FILE: dir.at('token'), REDIS_URL_FILE: dir.at('redis') });
    expect(config.adminToken?.reveal()).toBe('abc');
    expect(config.redisUrl?.reveal()).toBe('redis://:x@h');
  });

  test('a file that cannot be read is named, with why', () => {
    expect(faultsOf({ DATABASE_URL_FILE: '/no/such/file' })).toBe(
      'DATABASE_URL_FILE names "/no/such/file", which cannot be read: ENOENT',
    );
  });

  test('a secret has one source', () => {
    const faults = faultsOf({ ZONESEAL_TOKEN: 'a', ZONESEAL_TOKEN_FILE: '/etc/hostname' });
    expect(faults).toContain('ZONESEAL_TOKEN and ZONESEAL_TOKEN_FILE are both set');
  });

  test('what is wrong in a file is not repeated', () => {
    using dir = makeTempDir();
    writeFileSync(dir.at('token'), 'hunter2 with space');
    const faults = faultsOf({ ZONESEAL_TOKEN_FILE: dir.at('token') });
    expect(faults).toContain('ZONESEAL_TOKEN');
    expect(faults).not.toContain('hunter2');
  });
});

describe('roles', () => {
  const parts = {
    ZONESEAL_KMS_URL: 'http://kms',
    ZONESEAL_TOKEN: 'abc',
    DATABASE_URL: 'postgres://h/d',
    REDIS_URL: 'redis://h',
  };
  const faultsOfRole = (role: string, environment: Record<string, string>) => {
    const config = readConfig({ ZONESEAL_ROLE: role, ...environment });
    try {
      assertRoleFits(config);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.message.split('\n');
      throw error;
    }
  };

  test.each(['api', 'worker'])(
    '%s needs the KMS, a token for it, the database and the queue that it shares',
    (role) => {
      expect(faultsOfRole(role, parts)).toEqual([]);
      for (const variable of Object.keys(parts)) {
        const { [variable as keyof typeof parts]: _, ...rest } = parts;
        expect(faultsOfRole(role, rest)).toEqual([expect.stringMatching(`is ${role}, which needs ${variable}: `)]);
      }
    },
  );

  test.each([
    ['kms', 'ZONESEAL_KMS_URL', 'http://kms'],
    ['kms', 'REDIS_URL', 'redis://h'],
    ['kms', 'ZONESEAL_TRANSFER', '192.0.2.1:53'],
    ['api', 'ZONESEAL_ADMIN_TOKEN', 'abc'],
    ['api', 'ZONESEAL_SERVICE_TOKEN', 'a'.repeat(32)],
    ['worker', 'ZONESEAL_ADMIN_TOKEN', 'abc'],
    ['worker', 'ZONESEAL_TRANSFER', '192.0.2.1:53'],
  ])('%s has no use for %s', (role, variable, value) => {
    const needed = role === 'kms' ? {} : parts;
    expect(faultsOfRole(role, { ...needed, [variable]: value })).toEqual([
      `ZONESEAL_ROLE is ${role}, which has no use for ${variable}: leave it out`,
    ]);
  });

  test('a whole service needs nothing', () => {
    expect(faultsOfRole('all', {})).toEqual([]);
  });
});
