import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs that tests measure us against, and the Debian package that has each. */
export const toolPackages = {
  'dnssec-verify': 'bind9-utils',
  'dnssec-signzone': 'bind9-utils',
  'dnssec-dsfromkey': 'bind9-utils',
  'dnssec-keygen': 'bind9-utils',
  'named-checkzone': 'bind9-utils',
  dig: 'bind9-dnsutils',
  delv: 'bind9-dnsutils',
  nsupdate: 'bind9-dnsutils',
  named: 'bind9',
  'ldns-verify-zone': 'ldnsutils',
  'ldns-signzone': 'ldnsutils',
  'ldns-keygen': 'ldnsutils',
  kzonecheck: 'knot-dnssecutils',
  kzonesign: 'knot-dnssecutils',
  kdig: 'knot-dnsutils',
  knotd: 'knot',
  nsd: 'nsd',
  unbound: 'unbound',
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  initdb: 'postgresql',
  postgres: 'postgresql',
  psql: 'postgresql',
  openssl: 'openssl',
  'docker-compose': 'docker-compose',
  strace: 'strace',
} as const;

export type Tool = keyof typeof toolPackages;

/** Find a program on the PATH or where Debian keeps those that are not on a user's PATH. */
export function findTool(tool: Tool): string | undefined {
  return directories()
    .map((directory) => join(directory, tool))
    .find(isExecutable);
}

/** @throws Error when it is not installed; tests that may run without it ask `describeWith` first. */
export function getTool(tool: Tool): string {
  const path = findTool(tool);
  if (path === undefined) throw new Error(`${tool} is not installed (Debian package ${toolPackages[tool]})`);
  return path;
}

function directories(): string[] {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...onPath, '/usr/local/sbin', '/usr/sbin', '/sbin', ...postgresDirectories()];
}

/** Newest first. */
function postgresDirectories(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(root).toSorted((one, other) => Number(other) - Number(one));
    return versions.map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
