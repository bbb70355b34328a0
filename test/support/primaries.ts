import { writeFileSync } from 'node:fs';
import { knotKeySection, startKnotServer } from '#test/support/knot.ts';
import { type PrivateServer, startServer } from '#test/support/servers.ts';

/** What a primary gives to whom. */
export interface PrimaryPlan {
  /** Absolute, in presentation form. */
  readonly zone: string;
  readonly text: string;
  /** Signs transfers and NOTIFYs; nobody gets the zone without it. */
  readonly key: { readonly name: string; readonly algorithm: string; readonly secret: string };
  /** Port on 127.0.0.1 that is told of versions. */
  readonly notify: number;
  /** Speak TLS alone: PEM files. */
  readonly tls?: { readonly keyFile: string; readonly certFile: string };
}

/** Start BIND as a hidden primary. */
export function startNamedPrimary({ zone, text, key, notify, tls }: PrimaryPlan): Promise<PrivateServer> {
  return startServer({
    tool: 'named',
    ready: /\brunning$/m,
    signal: 'SIGTERM',
    prepare(dir, port) {
      writeFileSync(dir.at('zone'), text, 'latin1');
      const secured = tls === undefined ? '' : `tls own { key-file "${tls.keyFile}"; cert-file "${tls.certFile}"; };`;
      const options = `directory "${dir.path}"; listen-on port ${port}${tls === undefined ? '' : ' tls own'} { 127.0.0.1; }; listen-on-v6 { none; };
        pid-file none; session-keyfile none; recursion no; dnssec-validation no; allow-transfer { key "${key.name}"; };`;
      const tsig = `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };`;
      const statement = `zone "${zone}" { type primary; file "${dir.at('zone')}"; check-names ignore; check-integrity no;
        allow-update { key "${key.name}"; }; notify explicit; notify-delay 0; also-notify { 127.0.0.1 port ${notify} key "${key.name}"; }; };`;
      writeFileSync(
        dir.at('named.conf'),
        `options { ${options} };\ncontrols { };\n${secured}\n${tsig}\n${statement}\n`,
      );
      return ['-g', '-c', dir.at('named.conf')];
    },
  });
}

/** Start NSD as a hidden primary. */
export function startNsdPrimary({ zone, text, key, notify, tls }: PrimaryPlan): Promise<PrivateServer> {
  return startServer({
    tool: 'nsd',
    ready: /nsd started/,
    signal: 'SIGTERM',
    prepare(dir, port) {
      writeFileSync(dir.at('zone'), text, 'latin1');
      const paths = [`zonesdir: "${dir.path}"`, `pidfile: "${dir.at('pid')}"`, `xfrdfile: "${dir.at('xfrd')}"`];
      const secured =
        tls === undefined
          ? []
          : [`tls-service-key: "${tls.keyFile}"`, `tls-service-pem: "${tls.certFile}"`, `tls-port: ${port}`];
      const server = [...paths, `zonelistfile: "${dir.at('list')}"`, `ip-address: 127.0.0.1@${port}`, 'username: ""'];
      const lines = [...server, ...secured, 'database: ""', 'server-count: 1'].map((line) => `  ${line}`);
      const tsig = ['key:', `  name: "${key.name}"`, `  algorithm: ${key.algorithm}`, `  secret: "${key.secret}"`];
      const peers = [`  provide-xfr: 127.0.0.1 ${key.name}`, `  notify: 127.0.0.1@${notify} ${key.name}`];
      const served = ['zone:', `  name: "${zone}"`, `  zonefile: "${dir.at('zone')}"`, ...peers];
      const config = ['server:', ...lines, 'remote-control:', '  control-enable: no', ...tsig, ...served];
      writeFileSync(dir.at('nsd.conf'), `${config.join('\n')}\n`);
      return ['-d', '-c', dir.at('nsd.conf')];
    },
  });
}

/** Start Knot DNS as a hidden primary. */
export function startKnotPrimary({ zone, text, key, notify }: PrimaryPlan): Promise<PrivateServer> {
  return startKnotServer((dir) => {
    writeFileSync(dir.at('zone'), text, 'latin1');
    return `${knotKeySection(key)}
remote:
  - id: secondary
    address: 127.0.0.1@${notify}
    key: "${key.name}"
acl:
  - id: transfer
    key: "${key.name}"
    action: transfer
zone:
  - domain: "${zone}"
    file: "${dir.at('zone')}"
    zonefile-sync: -1
    semantic-checks: off
    notify: secondary
    acl: [transfer]`;
  });
}
