import { randomNumbers } from '#test/support/random-numbers.ts';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';

/** `ent`: an enterprise, mostly authoritative data. `tld`: a registry, mostly delegations, every tenth of them secure. */
export type ZoneShape = 'ent' | 'tld';

/**
 * Write a generated zone of `names` owner names below `origin` as a master file. The same arguments give the same file.
 * Owner names come in no order, as they do in files that people keep.
 */
export async function writeZone(path: string, origin: string, shape: ZoneShape, names: number): Promise<void> {
  const file = createWriteStream(path, { highWaterMark: 1 << 20 });
  const random = randomNumbers(names);
  file.write(
    `$ORIGIN ${origin}\n$TTL 3600\n@ IN SOA ns1 hostmaster 2026010101 7200 3600 1209600 3600\n@ IN NS ns1\n@ IN NS ns2\n` +
      `ns1 IN A 192.0.2.1\nns1 IN AAAA 2001:db8::1\nns2 IN A 192.0.2.2\nns2 IN AAAA 2001:db8::2\n`,
  );
  let chunk = '';
  for (let index = 0; index < names; index++) {
    const label = `${random().toString(36)}${index.toString(36)}`;
    chunk += shape === 'ent' ? enterpriseName(label, random) : delegation(label, random);
    if (chunk.length > 1 << 18) {
      if (!file.write(chunk)) await once(file, 'drain');
      chunk = '';
    }
  }
  file.end(chunk);
  await finished(file);
}

function enterpriseName(label: string, random: () => number): string {
  const host = random();
  const kind = random() % 100;
  let text = `${label} IN A 10.${(host >>> 16) & 255}.${(host >>> 8) & 255}.${host & 255}\n`;
  if (kind < 44) text += `${label} IN AAAA 2001:db8:${(host >>> 16).toString(16)}:${(host & 0xffff).toString(16)}::1\n`;
  if (kind % 5 === 0) text += `${label} IN TXT "v=spf1 ip4:192.0.2.0/24 -all" "${host.toString(36)}"\n`;
  if (kind % 5 === 0) text += `${label} IN MX 10 mail.${label}\n`;
  return text;
}

function delegation(label: string, random: () => number): string {
  const kind = random() % 100;
  let text = `${label} IN NS ns1.${label}\n${label} IN NS ns.hoster${kind}.example.\nns1.${label} IN A 192.0.2.${kind}\n`;
  if (kind < 10) {
    const digest = Array.from({ length: 8 }, () => random().toString(16).padStart(8, '0')).join('');
    text += `${label} IN DS ${random() % 65_536} 13 2 ${digest}\n`;
  }
  return text;
}
