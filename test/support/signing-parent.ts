import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '#test/support/process.ts';
import { type PrivateServer, startServer } from '#test/support/servers.ts';
import { getTool } from '#test/support/tools.ts';

/** A parent zone that BIND signs by itself, and whose DS records a test puts in and takes out. */
export interface SigningParent extends AsyncDisposable {
  readonly server: PrivateServer;
  /** Its DNSKEY records, as master-file lines. */
  readonly anchors: readonly string[];
  /** Give a child exactly these DS records. @param records RDATA in presentation form */
  setDs(child: string, records: readonly string[]): Promise<void>;
}

const keyPolicy = 'dnssec-policy "parent" { keys { csk lifetime unlimited algorithm ecdsap256sha256; }; };';

/**
 * Start BIND as the parent of some children that a server on another port serves.
 *
 * @param zone absolute, in presentation form
 * @param ttl seconds, of the DS records and of everything else
 */
export async function startSigningParent(
  zone: string,
  children: readonly string[],
  ttl: number,
): Promise<SigningParent> {
  const server = await startServer({
    tool: 'named',
    ready: /\brunning$/m,
    signal: 'SIGTERM',
    prepare(dir, port) {
      const delegations = children.map((child) => `${child} NS ns.${child}\nns.${child} A 127.0.0.1\n`).join('');
      const head = `$ORIGIN ${zone}\n$TTL ${ttl}\n@ SOA ns host 1 60 60 86400 ${ttl}\n@ NS ns\nns A 127.0.0.1\n`;
      writeFileSync(dir.at('zone'), head + delegations);
      const options = `directory "${dir.path}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
        pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;`;
      const statement = `zone "${zone}" { type primary; file "${dir.at('zone')}"; allow-update { 127.0.0.1; };
        dnssec-policy "parent"; key-directory "${dir.path}"; };`;
      writeFileSync(dir.at('named.conf'), `options { ${options} };\ncontrols { };\n${keyPolicy}\n${statement}\n`);
      return ['-g', '-c', dir.at('named.conf')];
    },
  });
  return {
    server,
    anchors: await anchorsOf(zone, server.port),
    async setDs(child, records) {
      const adds = records.map((record) => `update add ${child} ${ttl} DS ${record}`);
      const lines = [
        `server 127.0.0.1 ${server.port}`,
        `zone ${zone}`,
        `update delete ${child} DS`,
        ...adds,
        'send',
        '',
      ];
      const { code, stderr } = await run(getTool('nsupdate'), [], { input: lines.join('\n') });
      if (code !== 0) throw new Error(`nsupdate failed: ${stderr}`);
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Wait until the zone is signed. */
async function anchorsOf(zone: string, port: number): Promise<string[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const args = ['@127.0.0.1', '-p', String(port), '+noall', '+answer', '+dnssec', zone, 'DNSKEY'];
    const { stdout } = await run(getTool('dig'), args);
    const lines = stdout.split('\n');
    const keys = lines.filter((line) => /\sDNSKEY\s/.test(line) && !/\sRRSIG\s/.test(line));
    if (keys.length > 0 && lines.some((line) => /\sRRSIG\s/.test(line))) return keys;
    await sleep(100);
  }
  throw new Error(`BIND did not sign ${zone}`);
}
