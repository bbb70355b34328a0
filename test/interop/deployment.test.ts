import { cpSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '#app/config.ts';
import { assertRoleFits } from '#app/roles.ts';
import { projectRoot } from '#test/support/commands.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

interface ComposeService {
  readonly build?: string;
  readonly user: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck: object;
  readonly cap_drop: readonly string[];
  readonly read_only: boolean;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** A copy of what is needed, so that the secrets that are made lie nowhere else. */
let dir: TempDir;
let compose: ComposeFile;
beforeAll(async () => {
  dir = makeTempDir();
  for (const name of ['docker-compose.yml', 'Dockerfile', 'deploy']) {
    cpSync(join(projectRoot, name), dir.at(name), {
      recursive: true,
      filter: (source) => !source.endsWith('deploy/secrets'),
    });
  }
  compose = parse(readFileSync(dir.at('docker-compose.yml'), 'utf8'), { merge: true }) as ComposeFile;
  const made = await run(dir.at('deploy/make-secrets.sh'), []);
  if (made.code !== 0) throw new Error(made.stderr);
});
afterAll(() => dir[Symbol.dispose]());

const ours = () => Object.entries(compose.services).filter(([, { build }]) => build !== undefined);

describe('the parts of a service in containers', () => {
  test('are KMS, API, two workers, PostgreSQL and Redis', () => {
    expect(Object.keys(compose.services)).toEqual(['kms', 'api', 'worker-1', 'worker-2', 'postgres', 'redis']);
    expect(ours().map(([, { environment }]) => environment?.['ZONESEAL_ROLE'])).toEqual([
      'kms',
      'api',
      'worker',
      'worker',
    ]);
  });

  test('none runs as root, may become it, or writes into its image; each tells whether it is healthy', () => {
    for (const service of Object.values(compose.services)) {
      expect(service).toMatchObject({
        user: expect.not.stringMatching(/^(?:root|0)(?::|$)/),
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        read_only: true,
        healthcheck: { test: expect.any(Array) },
      });
    }
    expect(readFileSync(dir.at('Dockerfile'), 'utf8')).toMatch(/^USER 1000:1000$/m);
  });

  test('each has the settings that its role needs, and no other', () => {
    for (const [name, { environment = {}, secrets = [] }] of ours()) {
      const settings = Object.fromEntries(
        Object.entries(environment).map(([variable, value]) => [variable, secretPath(value, secrets)]),
      );
      const config = readConfig(settings);
      expect(() => assertRoleFits(config), name).not.toThrow();
    }
  });

  test('no secret is in a variable, and who has no use for one does not get it', () => {
    const holders = (secret: string) =>
      Object.entries(compose.services).flatMap(([name, { secrets = [] }]) => (secrets.includes(secret) ? [name] : []));
    expect(holders('admin-token')).toEqual(['kms']);
    expect(holders('service-token')).toEqual(['kms', 'api', 'worker-1', 'worker-2']);
    expect(holders('postgres-password')).toEqual(['postgres']);
    expect(holders('redis-password')).toEqual(['redis']);
    expect(holders('database-url')).toEqual(['api', 'worker-1', 'worker-2']);
    const variables = Object.values(compose.services).flatMap(({ environment = {} }) => Object.entries(environment));
    const secrets = variables.filter(([variable]) => /TOKEN|PASSWORD|DATABASE_URL|REDIS_URL/.test(variable));
    expect(secrets.length).toBeGreaterThan(10);
    expect(secrets.filter(([name, value]) => !name.endsWith('_FILE') || !value.startsWith('/run/secrets/'))).toEqual(
      [],
    );
  });

  test('what must not be lost is on volumes, and the keys are on one that only the KMS mounts', () => {
    const mounts = Object.entries(compose.services).flatMap(([name, { volumes = [] }]) =>
      volumes.filter((volume) => !volume.startsWith('.')).map((volume) => [volume.split(':')[0] ?? '', name] as const),
    );
    expect(Object.keys(compose.volumes).toSorted()).toEqual(mounts.map(([volume]) => volume).toSorted());
    expect(mounts.filter(([volume]) => volume === 'kms-data')).toEqual([['kms-data', 'kms']]);
  });

  test('nothing listens beyond the machine itself, and neither database nor queue does at all', () => {
    const ports = Object.values(compose.services).flatMap((service) => service.ports ?? []);
    expect(ports.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
    expect([compose.services['postgres']?.networks, compose.services['redis']?.networks]).toEqual([
      ['zones'],
      ['zones'],
    ]);
    expect(compose.services['kms']?.networks).not.toContain('zones');
  });

  test('secrets are made once, are long, and only their owner may enter the folder', async () => {
    const folder = dir.at('deploy/secrets');
    const read = () => Object.keys(compose.secrets).map((name) => readFileSync(join(folder, name), 'utf8'));
    const before = read();
    expect(before.every((secret) => secret.length >= 64)).toBe(true);
    expect(new Set(before).size).toBe(before.length);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(await run(dir.at('deploy/make-secrets.sh'), [])).toMatchObject({ code: 0 });
    expect(read()).toEqual(before);
  });
});

describeWith(['docker-compose'], 'the compose file', () => {
  test('is accepted by docker compose', async () => {
    const checked = await run(getTool('docker-compose'), ['config', '-q'], { cwd: dir.path });
    expect(checked).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });
});

/** Where a secret of a container lies here; one that the container is not given lies nowhere. */
function secretPath(value: string, given: readonly string[]): string {
  const [, name] = /^\/run\/secrets\/(.+)$/.exec(value) ?? [];
  if (name === undefined) return value;
  return given.includes(name) ? join(dir.path, compose.secrets[name]?.file ?? '') : value;
}
