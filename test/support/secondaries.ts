import { writeFileSync } from 'node:fs';
import { knotKeySection, startKnotServer } from '#test/support/knot.ts';
import { type PrivateServer, startServer } from '#test/support/servers.ts';

/** What a secondary gets from whom. */
export interface SecondaryPlan {
  /** Absolute, in presentation form. */
  readonly zone: string;
  /** Port of the primary on 127.0.0.1. */
  readonly primary: number;
  readonly key: { readonly name: string; readonly algorithm: string; readonly secret: string };
}

/** Start BIND as a secondary. */
export function startNamedSecondary({ zone, primary, key }: SecondaryPlan): Promise<PrivateServer> {
  return startServer({
    tool: 'named',
    ready: /\brunning$/m,
    signal: 'SIGTERM',
    prepare(dir, port) {
      const options = `directory "${dir.path}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
        pid-file none; session-keyfile none; recursion no; max-ixfr-ratio unlimited; dnssec-validation no;
        notify no; allow-transfer { any; };`;
      const tsig = `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };`;
      const statement = `zone "${zone}" { type secondary; file "${dir.at('zone')}"; masterfile-format text;
        primaries { 127.0.0.1 port ${primary} key "${key.name}"; }; allow-notify { 127.0.0.1; }; };`;
      writeFileSync(dir.at('named.conf'), `options { ${options} };\ncontrols { };\n${tsig}\n${statement}\n`);
      return ['-g', '-c', dir.at('named.conf')];
    },
  });
}

/** Start Knot DNS as a secondary. @param more lines about the zone */
export function startKnotSecondary(
  { zone, primary, key }: SecondaryPlan,
  ...more: readonly string[]
): Promise<PrivateServer> {
  return startKnotServer((dir) =>
    [
      `${knotKeySection(key)}
remote:
  - id: primary
    address: 127.0.0.1@${primary}
    key: "${key.name}"
acl:
  - id: notify
    address: 127.0.0.1
    action: notify
  - id: keyed
    key: "${key.name}"
    action: notify
  - id: transfer
    address: 127.0.0.1
    action: transfer
zone:
  - domain: "${zone}"
    storage: "${dir.path}"
    master: primary
    acl: [notify, keyed, transfer]
    semantic-checks: on`,
      ...more.map((line) => `    ${line}`),
    ].join('\n'),
  );
}

/** Start NSD as a secondary. */
export function startNsdSecondary({ zone, primary, key }: SecondaryPlan): Promise<PrivateServer> {
  return startServer({
    tool: 'nsd',
    ready: /nsd started/,
    signal: 'SIGTERM',
    prepare(dir, port) {
      const paths = [
        `zonesdir: "${dir.path}"`,
        `pidfile: "${dir.at('pid')}"`,
        `xfrdfile: "${dir.at('xfrd')}"`,
        `xfrdir: "${dir.path}"`,
      ];
      const server = [...paths, `zonelistfile: "${dir.at('list')}"`, `ip-address: 127.0.0.1@${port}`, 'username: ""'];
      const lines = [
        'server:',
        ...[...server, 'database: ""', 'server-count: 1', 'verbosity: 1'].map((line) => `  ${line}`),
        'remote-control:',
        '  control-enable: no',
        'key:',
        `  name: "${key.name}"`,
        `  algorithm: ${key.algorithm}`,
        `  secret: "${key.secret}"`,
        'zone:',
        `  name: "${zone}"`,
        '  zonefile: "zone"',
        `  allow-notify: 127.0.0.1 ${key.name}`,
        '  allow-notify: 127.0.0.1 NOKEY',
        `  request-xfr: 127.0.0.1@${primary} ${key.name}`,
        '  provide-xfr: 127.0.0.1 NOKEY',
      ];
      writeFileSync(dir.at('nsd.conf'), `${lines.join('\n')}\n`);
      return ['-d', '-c', dir.at('nsd.conf')];
    },
  });
}
