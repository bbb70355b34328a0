import { writeFileSync } from 'node:fs';
import { type PrivateServer, type ServedZone, startServer, writeZones } from '#test/support/servers.ts';
import type { TempDir } from '#test/support/temp-dir.ts';

/** What `knot.conf` says of a key that signs messages. */
export interface KnotKey {
  readonly name: string;
  readonly algorithm: string;
  readonly secret: string;
}

/**
 * Start Knot DNS on a free port of 127.0.0.1.
 *
 * @param sections the rest of `knot.conf`; may write files into the folder
 * @param patience milliseconds until it has to be ready
 */
export function startKnotServer(
  sections: (dir: TempDir) => string | Promise<string>,
  patience?: number,
): Promise<PrivateServer> {
  return startServer({
    tool: 'knotd',
    ready: /server started/,
    signal: 'SIGTERM',
    ...(patience === undefined ? {} : { patience }),
    async prepare(dir, port) {
      const text = `server:
  listen: 127.0.0.1@${port}
  rundir: "${dir.path}"
  pidfile: "${dir.at('pid')}"
database:
  storage: "${dir.path}"
log:
  - target: stdout
    any: info
${await sections(dir)}
`;
      writeFileSync(dir.at('knot.conf'), text);
      return ['-c', dir.at('knot.conf')];
    },
  });
}

/** The section that makes a key known. */
export function knotKeySection({ name, algorithm, secret }: KnotKey): string {
  return `key:
  - id: "${name}"
    algorithm: ${algorithm}
    secret: "${secret}"`;
}

/** Start Knot DNS as an authoritative server that does not sign. @param extra further sections of `knot.conf` */
export function startKnot(zones: readonly ServedZone[], extra = ''): Promise<PrivateServer> {
  return startKnotServer((dir) => {
    const served = writeZones(dir, zones).map(
      ({ origin, file }) =>
        `  - domain: "${origin}"\n    file: "${file}"\n    zonefile-sync: -1\n    semantic-checks: off`,
    );
    return [extra, ...(served.length > 0 ? ['zone:', ...served] : [])].join('\n');
  });
}
