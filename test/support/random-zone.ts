import { randomNumbers } from '#test/support/random-numbers.ts';

/** Make the text of a random but valid zone, the same for the same seed: every awkward thing a zone can hold, at random. */
export function randomZone(origin: string, seed: number, names: number): string {
  const random = randomNumbers(seed);
  const pick = <T>(items: readonly T[]): T => items[random() % items.length] as T;
  const lines = [
    `$ORIGIN ${origin}`,
    `$TTL ${pick([300, 3600, 86_400])}`,
    `@ IN SOA ns1 hostmaster ${1 + (random() % 1000)} 7200 3600 1209600 ${pick([60, 3600])}`,
    '@ IN NS ns1',
    'ns1 IN A 192.0.2.1',
  ];
  for (let index = 0; index < names; index++) {
    const label = `${pick(['a', 'B', 'xn--', '_srv', 'x-1', '\\.', '\\200', '0'])}${(random() % 1000).toString(36)}-${index}`;
    const kind = pick(kinds);
    const wildcard =
      kind === delegation || kind === insecureDelegation || kind === secureDelegation || kind === alias
        ? label
        : `*.${label}`;
    const owner = pick([label, label, `${label}.ent${random() % 7}`, `${label}.b.c.d${random() % 3}`, wildcard]);
    lines.push(...kind(owner, random));
  }
  return `${lines.join('\n')}\n`;
}

type Kind = (owner: string, random: () => number) => string[];

const delegation: Kind = (owner) => [`${owner} IN NS ns.${owner}`, `ns.${owner} IN A 192.0.2.53`];
const insecureDelegation: Kind = (owner) => [`${owner} IN NS ns.elsewhere.example.`];
const secureDelegation: Kind = (owner, random) => [
  `${owner} IN NS ns.elsewhere.example.`,
  `${owner} IN DS ${random() % 65_536} 13 2 ${'ab'.repeat(32)}`,
];
const alias: Kind = (owner) => [`${owner} IN DNAME other.example.`];

const kinds: readonly Kind[] = [
  delegation,
  insecureDelegation,
  secureDelegation,
  alias,
  (owner, random) => [
    `${owner} IN A 198.51.100.${random() % 256}`,
    `${owner} IN AAAA 2001:db8::${(random() % 65_536).toString(16)}`,
  ],
  (owner, random) => [`${owner} IN TXT "${random().toString(36)}" "second; string"`],
  (owner) => [`${owner} IN MX 10 Mail.${lastLabel(owner)}`, `${owner} IN MX 20 Other`],
  (owner) => [`${owner} IN CNAME target.example.`],
  (owner, random) => [`${owner} IN TYPE65280 \\# 4 ${(random() >>> 0).toString(16).padStart(8, '0')}`],
  (owner) => [`${owner} IN SVCB 1 svc.example. alpn="h2,h3" port=8443 ipv4hint=192.0.2.7`],
  (owner) => [`${owner} IN CAA 0 issue "ca.example"`],
];

/** A relative owner's own last label, so that RDATA names point into the zone with mixed case. */
function lastLabel(owner: string): string {
  return owner.split('.').at(-1) ?? owner;
}
