import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { SecretText } from '#lib/secret-text.ts';

/** What a process does: everything, or one part of a service that runs on several machines. */
const roles = ['all', 'kms', 'api', 'worker'] as const;
export type Role = (typeof roles)[number];

const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Something that can be set. `read` returns undefined for what is not allowed. */
export interface Setting {
  readonly variable: string;
  /** Long flag without the dashes; a setting with a secret has none, since command lines are seen by every user. */
  readonly flag?: string;
  readonly summary: string;
  readonly allowed: string;
  readonly default?: string;
  /** Whether it may come from a file, whose path is in the variable with `_FILE` at its end. */
  readonly mayBeInFile?: boolean;
  read(text: string): unknown;
}

const slug = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;

/** Every setting there is. The command line and its help are made of this table. */
export const settings = {
  role: {
    variable: 'ZONESEAL_ROLE',
    flag: 'role',
    summary: 'what this process does: the KMS, the API, work on the queue, or all of it',
    allowed: `one of ${roles.join(', ')}`,
    default: 'all',
    read: (text) => roles.find((role) => role === text),
  },
  host: {
    variable: 'ZONESEAL_HOST',
    flag: 'host',
    summary: 'address to listen on',
    allowed: 'an IP address or a host name',
    default: '127.0.0.1',
    read: (text) => (isIP(text) !== 0 || hostName.test(text) ? text : undefined),
  },
  port: {
    variable: 'ZONESEAL_PORT',
    flag: 'port',
    summary: 'TCP port to listen on, 0 for any free one',
    allowed: 'a number from 0 to 65535',
    default: '8080',
    read: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
  },
  dataDirectory: {
    variable: 'ZONESEAL_DATA',
    flag: 'data',
    summary: 'folder of the keys and of everything else that must not be lost',
    allowed: 'the path of a folder',
    default: './data',
    read: (text) => (text.includes('\0') ? undefined : resolve(text)),
  },
  adminToken: {
    variable: 'ZONESEAL_ADMIN_TOKEN',
    summary: 'token that may do everything; without it one is made in the data folder',
    allowed: 'up to 4096 printable ASCII characters without spaces',
    mayBeInFile: true,
    read: readToken,
  },
  token: {
    variable: 'ZONESEAL_TOKEN',
    summary: 'token that commands show to the KMS; without it the admin token',
    allowed: 'up to 4096 printable ASCII characters without spaces',
    mayBeInFile: true,
    read: readToken,
  },
  serviceToken: {
    variable: 'ZONESEAL_SERVICE_TOKEN',
    summary: 'token with which DNSSEC services elsewhere find keys of this KMS, read them and sign, and no more',
    allowed: '32 to 4096 printable ASCII characters without spaces',
    mayBeInFile: true,
    read: (text) => (text.length >= 32 ? readToken(text) : undefined),
  },
  rootKeyFile: {
    variable: 'ZONESEAL_ROOT_KEY_FILE',
    flag: 'root-key-file',
    summary: 'file of the root key; made on the first start, in the data folder unless set',
    allowed: 'the path of a file of 32 octets with mode 0600',
    read: (text) => (text.includes('\0') ? undefined : resolve(text)),
  },
  rootKey: {
    variable: 'ZONESEAL_ROOT_KEY',
    summary: 'the root key itself, instead of a file',
    allowed: '32 octets in base64 or hexadecimal',
    read: (text) => (/^(?:[A-Za-z0-9+/]{43}=|[0-9A-Fa-f]{64})$/.test(text.trim()) ? true : undefined),
  },
  rootKeyPassphrase: {
    variable: 'ZONESEAL_ROOT_KEY_PASSPHRASE',
    summary: 'a passphrase that gives the root key, instead of a file',
    allowed: 'at least 12 characters',
    read: (text) => (text.length >= 12 ? true : undefined),
  },
  organisation: {
    variable: 'ZONESEAL_ORGANISATION',
    flag: 'organisation',
    summary: 'organisation that exists from the first start',
    allowed: '1 to 63 letters, digits, dots, dashes and underscores',
    default: 'o-default',
    read: (text) => (/^[A-Za-z0-9][\w.-]{0,62}$/.test(text) ? text : undefined),
  },
  regions: {
    variable: 'ZONESEAL_REGIONS',
    flag: 'regions',
    summary: 'regions of this KMS, with commas between them',
    allowed: 'slugs of lower-case letters, digits and dashes, each once, such as nl-01,nl-02',
    default: 'nl-01',
    read: readRegions,
  },
  kmsUrl: {
    variable: 'ZONESEAL_KMS_URL',
    flag: 'kms',
    summary: 'KMS that holds the keys, instead of the one in this process',
    allowed: 'an http or https URL without credentials, query and fragment',
    read: readKmsUrl,
  },
  databaseUrl: {
    variable: 'DATABASE_URL',
    summary: 'PostgreSQL database, instead of files in the data folder',
    allowed: 'a postgres:// or postgresql:// URL',
    mayBeInFile: true,
    read: (text) => readSecretUrl(text, ['postgres:', 'postgresql:']),
  },
  rateLimit: {
    variable: 'ZONESEAL_RATE_LIMIT',
    flag: 'rate-limit',
    summary: 'core time that each caller of the KMS may use, in milliseconds a second, 0 for no limit',
    allowed: 'a number from 0 to 1000000',
    default: '4000',
    read: (text) => (/^\d{1,7}$/.test(text) && Number(text) <= 1_000_000 ? Number(text) : undefined),
  },
  jwtIssuer: {
    variable: 'ZONESEAL_JWT_ISSUER',
    flag: 'jwt-issuer',
    summary: 'issuer whose JWTs the KMS accepts as well; its keys are looked up in its OpenID configuration',
    allowed: 'an http or https URL without credentials, query and fragment',
    read: readKmsUrl,
  },
  jwtAudience: {
    variable: 'ZONESEAL_JWT_AUDIENCE',
    flag: 'jwt-audience',
    summary: 'audience that such a JWT must name',
    allowed: '1 to 255 printable ASCII characters without spaces',
    default: 'zoneseal',
    read: (text) => (/^[\x21-\x7e]{1,255}$/.test(text) ? text : undefined),
  },
  nameServers: {
    variable: 'ZONESEAL_NAME_SERVERS',
    flag: 'name-servers',
    summary: 'name servers of zones that name none themselves, with commas between them',
    allowed: 'host names such as ns1.example.net,ns2.example.net',
    default: 'ns.invalid',
    read: readNameServers,
  },
  transfer: {
    variable: 'ZONESEAL_TRANSFER',
    flag: 'transfer',
    summary: 'address and port where secondaries get zones by AXFR and IXFR; without it nowhere',
    allowed: 'an address with a port, such as 192.0.2.1:53 or [::1]:5300',
    read: readAddress,
  },
  secondaries: {
    variable: 'ZONESEAL_SECONDARIES',
    flag: 'secondaries',
    summary: 'secondaries that are told of new versions and may transfer zones, with commas between them',
    allowed: 'addresses with ports, each with @ and the name of its TSIG key if it has one: 192.0.2.1:53@key',
    read: readSecondaries,
  },
  tsigKeyFile: {
    variable: 'ZONESEAL_TSIG_KEY_FILE',
    flag: 'tsig-key-file',
    summary: 'file of TSIG keys: on each line a name, an algorithm and the secret in base64',
    allowed: 'the path of a file with mode 0600',
    read: (text) => (text.includes('\0') ? undefined : resolve(text)),
  },
  updateKeys: {
    variable: 'ZONESEAL_UPDATE_KEYS',
    flag: 'update-keys',
    summary: 'TSIG keys for dynamic updates, with commas between them; each counts for the zones that name it alone',
    allowed: 'names of keys in the file of TSIG keys',
    read: readNameServers,
  },
  primaries: {
    variable: 'ZONESEAL_PRIMARIES',
    flag: 'primaries',
    summary: 'primaries that zones may come from to be signed here, with commas between them',
    allowed:
      'addresses with ports, each with @ and the name of its TSIG key, and with # and the name in its certificate to speak TLS: 192.0.2.1:853@key#ns1.example.net',
    read: readPrimaries,
  },
  primariesCa: {
    variable: 'ZONESEAL_PRIMARIES_CA',
    flag: 'primaries-ca',
    summary: 'certificates in PEM that vouch for primaries that speak TLS; without it those that Node trusts',
    allowed: 'the path of a file',
    read: (text) => (text.includes('\0') ? undefined : resolve(text)),
  },
  transferTlsPort: {
    variable: 'ZONESEAL_TRANSFER_TLS_PORT',
    flag: 'transfer-tls-port',
    summary: 'port where secondaries get zones over TLS, at the address of the other transfers; needs the two below',
    allowed: 'a number from 0 to 65535',
    read: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
  },
  transferTlsCertificate: {
    variable: 'ZONESEAL_TRANSFER_TLS_CERTIFICATE',
    flag: 'transfer-tls-certificate',
    summary: 'certificate chain for that in PEM',
    allowed: 'the path of a file',
    read: (text) => (text.includes('\0') ? undefined : resolve(text)),
  },
  transferTlsKey: {
    variable: 'ZONESEAL_TRANSFER_TLS_KEY',
    flag: 'transfer-tls-key',
    summary: 'private key for that in PEM',
    allowed: 'the path of a file',
    read: (text) => (text.includes('\0') ? undefined : resolve(text)),
  },
  resolvers: {
    variable: 'ZONESEAL_RESOLVERS',
    flag: 'resolvers',
    summary:
      'resolvers that tell who the parents of zones are, with commas between them; parents are then asked for DS',
    allowed: 'system for those of this machine, none to ask no parent, or addresses with ports, such as 192.0.2.53:53',
    read: (text) => (text === 'system' || text === 'none' ? text : readAddresses(text)),
  },
  parentServers: {
    variable: 'ZONESEAL_PARENT_SERVERS',
    flag: 'parent-servers',
    summary: 'servers of parent zones that no resolver is asked about, with commas between them',
    allowed: 'zones with addresses and ports, such as corp.example=192.0.2.1:53, a zone again for each of its servers',
    read: readParentServers,
  },
  zoneFiles: {
    variable: 'ZONESEAL_ZONE_FILES',
    flag: 'zone-files',
    summary: 'folder where the newest version of each zone is kept as a master file, signatures and all',
    allowed: 'the path of a folder',
    read: (text) => (text.includes('\0') ? undefined : resolve(text)),
  },
  redisUrl: {
    variable: 'REDIS_URL',
    summary: 'Redis for the queue of re-signing, instead of the embedded queue',
    allowed: 'a redis:// or rediss:// URL',
    mayBeInFile: true,
    read: (text) => readSecretUrl(text, ['redis:', 'rediss:']),
  },
  concurrency: {
    variable: 'ZONESEAL_CONCURRENCY',
    flag: 'concurrency',
    summary: 'zones that are re-signed by this process at the same time',
    allowed: 'a number from 1 to 1000',
    default: '8',
    read: (text) => readNumber(text, 1, 1000),
  },
  queueRate: {
    variable: 'ZONESEAL_QUEUE_RATE',
    flag: 'queue-rate',
    summary: 'zones whose re-signing may begin in a second, so that the KMS is not overrun, 0 for no limit',
    allowed: 'a number from 0 to 1000000',
    default: '500',
    read: (text) => readNumber(text, 0, 1_000_000),
  },
  jobLease: {
    variable: 'ZONESEAL_JOB_LEASE',
    flag: 'job-lease',
    summary: 'seconds after which the zone of a worker that died falls to another one',
    allowed: 'a number from 2 to 3600',
    default: '30',
    read: (text) => readNumber(text, 2, 3600),
  },
  logLevel: {
    variable: 'ZONESEAL_LOG_LEVEL',
    flag: 'log-level',
    summary: 'how much is logged on stderr',
    allowed: `one of ${logLevels.join(', ')}`,
    default: 'info',
    read: (text) => logLevels.find((level) => level === text),
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

function readNumber(text: string, least: number, most: number): number | undefined {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  return number >= least && number <= most ? number : undefined;
}

function readToken(text: string): SecretText | undefined {
  return /^[\x21-\x7e]{1,4096}$/.test(text) ? new SecretText(text) : undefined;
}

function readRegions(text: string): readonly string[] | undefined {
  const regions = text.split(',').map((region) => region.trim());
  const sound = regions.every((region) => slug.test(region)) && new Set(regions).size === regions.length;
  return sound ? Object.freeze(regions) : undefined;
}

function readNameServers(text: string): readonly string[] | undefined {
  const names = text.split(',').map((name) => name.trim().replace(/\.$/, ''));
  return names.every((name) => hostName.test(name)) ? Object.freeze(names.map((name) => `${name}.`)) : undefined;
}

/** An address and a port of DNS. */
export interface AddressAndPort {
  readonly host: string;
  readonly port: number;
}

function readAddress(text: string): AddressAndPort | undefined {
  const [, six, four, port] = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = six ?? four ?? '';
  if (isIP(host) !== (six === undefined ? 4 : 6) || Number(port) > 65_535) return undefined;
  // As the system writes it, since it is compared with what the system says of connections.
  return { host: six === undefined ? host : new URL(`http://[${six}]`).hostname.slice(1, -1), port: Number(port) };
}

function readAddresses(text: string): readonly AddressAndPort[] | undefined {
  const places = text.split(',').map((one) => readAddress(one.trim()));
  return places.every((place) => place !== undefined) ? Object.freeze(places) : undefined;
}

/** A zone and one of its servers. */
export interface ParentServer extends AddressAndPort {
  /** Absolute, in presentation form. */
  readonly zone: string;
}

function readParentServers(text: string): readonly ParentServer[] | undefined {
  const servers = text.split(',').map((one) => {
    const [zone = '', place = '', ...rest] = one.trim().split('=');
    const name = zone.replace(/\.$/, '');
    const address = rest.length > 0 || !(zone === '.' || hostName.test(name)) ? undefined : readAddress(place);
    return address && { zone: `${name}.`, ...address };
  });
  return servers.every((server) => server !== undefined) ? Object.freeze(servers) : undefined;
}

/** Another name server, with the name of the TSIG key that it shares with us. */
export interface OtherServer extends AddressAndPort {
  readonly key?: string;
}

/** A primary; one that speaks TLS has the name that is in its certificate. */
export interface PrimaryServer extends OtherServer {
  readonly serverName?: string;
}

function readSecondaries(text: string): readonly OtherServer[] | undefined {
  const secondaries = text.split(',').map((one) => readServer(one.trim()));
  return secondaries.every((one) => one !== undefined) ? Object.freeze(secondaries) : undefined;
}

function readServer(text: string): OtherServer | undefined {
  const [place = '', key, ...rest] = text.split('@');
  const address =
    rest.length > 0 || key === '' || (key !== undefined && !hostName.test(key)) ? undefined : readAddress(place);
  return address && { ...address, ...(key === undefined ? {} : { key }) };
}

function readPrimaries(text: string): readonly PrimaryServer[] | undefined {
  const primaries = text.split(',').map((one) => {
    const [place = '', serverName, ...rest] = one.trim().split('#');
    const isName = serverName === undefined || hostName.test(serverName);
    const server = rest.length > 0 || !isName ? undefined : readServer(place);
    return server && { ...server, ...(serverName === undefined ? {} : { serverName }) };
  });
  return primaries.every((one) => one !== undefined) ? Object.freeze(primaries) : undefined;
}

function readKmsUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return undefined;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  return url.href.replace(/\/+$/, '');
}

function readSecretUrl(text: string, protocols: readonly string[]): SecretText | undefined {
  const url = URL.parse(text);
  return url !== null && protocols.includes(url.protocol) ? new SecretText(text) : undefined;
}
