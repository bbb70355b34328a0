import { chownSync, writeFileSync } from 'node:fs';
import { freePort } from '#test/support/free-port.ts';
import { type ProcessOptions, run, start, type StartedProcess } from '#test/support/process.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool, type Tool } from '#test/support/tools.ts';

/** A server of our own on a free port of 127.0.0.1, with its data in a temporary folder. Stopped by its process id. */
export interface PrivateServer extends AsyncDisposable {
  readonly port: number;
  readonly dir: TempDir;
  readonly process: StartedProcess;
  /** End it as an operator would, and remove its data. */
  stop(): Promise<void>;
}

export interface PrivateDatabase extends PrivateServer {
  readonly url: string;
}

interface ServerPlan {
  readonly tool: Tool;
  /** Output that shows that it answers. */
  readonly ready: RegExp;
  /** Signal that ends it cleanly. */
  readonly signal: NodeJS.Signals;
  /** Write what it needs into `dir` and return its command line. */
  prepare(dir: TempDir, port: number): string[] | Promise<string[]>;
  readonly user?: ProcessOptions['user'];
  /** Milliseconds until it has to be ready. */
  readonly patience?: number;
}

/** Start a server; a port that another process took in between is answered by another try on another port. */
export async function startServer(plan: ServerPlan): Promise<PrivateServer> {
  for (let attempt = 1; ; attempt++) {
    const dir = makeTempDir();
    const port = await freePort();
    const args = await plan.prepare(dir, port);
    const process = start(getTool(plan.tool), args, {
      cwd: dir.path,
      ...(plan.user !== undefined && { user: plan.user }),
    });
    const stop = async () => {
      await process.stop(plan.signal);
      dir[Symbol.dispose]();
    };
    try {
      await process.waitFor(plan.ready, plan.patience);
      return { port, dir, process, stop, [Symbol.asyncDispose]: stop };
    } catch (error) {
      await stop();
      if (attempt === 3) throw error;
    }
  }
}

/** Start Redis. Data survive only what `save` says: by default they are gone when it stops. */
export async function startRedis(...extra: string[]): Promise<PrivateDatabase> {
  const server = await startServer({
    tool: 'redis-server',
    ready: /Ready to accept connections/,
    signal: 'SIGTERM',
    prepare: (dir, port) => {
      const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir.path];
      return [...place, '--save', '', '--appendonly', 'no', ...extra];
    },
  });
  return { ...server, url: `redis://127.0.0.1:${server.port}` };
}

/** Start PostgreSQL with an empty database `zoneseal` of the user `zoneseal`, who needs no password from this machine. */
export async function startPostgres(): Promise<PrivateDatabase> {
  const user = await unprivilegedUser();
  const server = await startServer({
    tool: 'postgres',
    ready: /database system is ready to accept connections/,
    signal: 'SIGINT', // "fast": does not wait for clients to leave
    ...(user !== undefined && { user }),
    prepare: async (dir, port) => {
      if (user !== undefined) chownSync(dir.path, user.uid, user.gid);
      const data = dir.at('data');
      const args = ['-D', data, '-U', 'zoneseal', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
      const made = await run(getTool('initdb'), args, { cwd: dir.path, ...(user !== undefined && { user }) });
      if (made.code !== 0) throw new Error(`initdb failed:\n${made.stdout}${made.stderr}`);
      const settings = [
        `port=${port}`,
        'listen_addresses=127.0.0.1',
        `unix_socket_directories=${dir.path}`,
        'fsync=off',
      ];
      return ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    },
  });
  return { ...server, url: `postgresql://zoneseal@127.0.0.1:${server.port}/postgres` };
}

/** PostgreSQL refuses to run as root. */
async function unprivilegedUser(): Promise<ProcessOptions['user']> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const { code, stdout } = await run('id', [name]);
    const [, uid, gid] = /uid=(\d+).* gid=(\d+)/.exec(stdout) ?? [];
    if (code === 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('there is no user to run PostgreSQL as: neither postgres nor nobody exists');
}

/** A zone that an authoritative server of the tests serves. */
export interface ServedZone {
  /** Absolute, in presentation form. */
  readonly origin: string;
  readonly text: string;
}

/** Write zones into a server's folder. */
export function writeZones(
  dir: TempDir,
  zones: readonly ServedZone[],
): { readonly origin: string; readonly file: string }[] {
  return zones.map(({ origin, text }, index) => {
    const file = dir.at(`zone-${index}`);
    writeFileSync(file, text, 'latin1');
    return { origin, file };
  });
}

/** Start BIND as an authoritative server that does not sign. @param extra further statements of `named.conf` */
export function startNamed(zones: readonly ServedZone[], extra = ''): Promise<PrivateServer> {
  return startServer({
    tool: 'named',
    ready: /\brunning$/m,
    signal: 'SIGTERM',
    prepare: (dir, port) => {
      const served = writeZones(dir, zones).map(
        ({ origin, file }) => `zone "${origin}" { type primary; file "${file}"; check-names ignore; };`,
      );
      const options = `directory "${dir.path}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
        pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no; allow-transfer { any; };`;
      writeFileSync(dir.at('named.conf'), `options { ${options} };\ncontrols { };\n${served.join('\n')}\n${extra}\n`);
      return ['-g', '-c', dir.at('named.conf')];
    },
  });
}

/** Start NSD as an authoritative server. */
export function startNsd(zones: readonly ServedZone[]): Promise<PrivateServer> {
  return startServer({
    tool: 'nsd',
    ready: /nsd started/,
    signal: 'SIGTERM',
    prepare: (dir, port) => {
      const served = writeZones(dir, zones).map(
        ({ origin, file }) => `zone:\n  name: "${origin}"\n  zonefile: "${file}"`,
      );
      const paths = [`zonesdir: "${dir.path}"`, `pidfile: "${dir.at('pid')}"`, `xfrdfile: "${dir.at('xfrd')}"`];
      const server = [...paths, `zonelistfile: "${dir.at('list')}"`, `ip-address: 127.0.0.1@${port}`, 'username: ""'];
      const lines = [...server, 'database: ""', 'server-count: 1', 'verbosity: 1'].map((line) => `  ${line}`);
      const config = ['server:', ...lines, 'remote-control:', '  control-enable: no', ...served];
      writeFileSync(dir.at('nsd.conf'), `${config.join('\n')}\n`);
      return ['-d', '-c', dir.at('nsd.conf')];
    },
  });
}

export interface ResolverZone {
  readonly origin: string;
  /** Port of the authoritative server on 127.0.0.1. */
  readonly port: number;
  /** DS or DNSKEY records of the zone, as master-file lines; with none it is taken as insecure. Absent: its parent tells. */
  readonly anchors?: readonly string[];
}

const unboundSettings = [
  'do-daemonize: no',
  'chroot: ""',
  'username: ""',
  'pidfile: ""',
  'use-syslog: no',
  'logfile: ""',
  'verbosity: 1',
  'val-log-level: 2',
  'do-not-query-localhost: no',
  'do-ip6: no',
  'module-config: "validator iterator"',
  'num-threads: 1',
  'outgoing-range: 64',
];

/** Start Unbound as a validating resolver that knows these zones and nothing else. */
export function startUnbound(zones: readonly ResolverZone[]): Promise<PrivateServer> {
  return startServer({
    tool: 'unbound',
    ready: /start of service/,
    signal: 'SIGTERM',
    prepare: (dir, port) => {
      const anchors = zones.flatMap(({ anchors: lines = [] }) =>
        lines.map((line) => `  trust-anchor: "${line.replaceAll('"', '')}"`),
      );
      const insecure = zones.filter((zone) => zone.anchors?.length === 0);
      const stubs = zones.map((zone) => `stub-zone:\n  name: "${zone.origin}"\n  stub-addr: 127.0.0.1@${zone.port}`);
      const server = [
        `interface: 127.0.0.1`,
        `port: ${port}`,
        ...unboundSettings,
        `directory: "${dir.path}"`,
        ...insecure.map((zone) => `domain-insecure: "${zone.origin}"`),
        ...zones.map((zone) => `local-zone: "${zone.origin}" nodefault`),
      ].map((line) => `  ${line}`);
      const control = 'remote-control:\n  control-enable: no';
      writeFileSync(dir.at('unbound.conf'), ['server:', ...server, ...anchors, control, ...stubs, ''].join('\n'));
      return ['-d', '-c', dir.at('unbound.conf')];
    },
  });
}
