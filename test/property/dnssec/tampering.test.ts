import { describe, expect, test } from 'vitest';
import { canonicalName, formatName } from '#dns/name.ts';
import { canonicalRdata } from '#dns/rdata/rdata.ts';
import { formatRRType, rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { verifyZone } from '#dnssec/operations/verify-zone.ts';
import { inOnePiece, recordsOf } from '#test/support/dns.ts';
import { localVerifier } from '#test/support/local-signer.ts';
import { apex, coveredBy, nsec3Policy, nsecPolicy, optOutPolicy, signingTime, signText } from '#test/support/zones.ts';

const text =
  'www 300 A 192.0.2.2\nwww 300 A 192.0.2.3\n*.wild 300 TXT x\na.ent 300 A 192.0.2.4\nsub 300 NS ns.sub\nns.sub 300 A 192.0.2.5\n' +
  'sec 300 NS ns.sub\nsec 300 DS 1 13 2 00\nz.only.ent2 300 NS x.\n';

/** Every so many bits are flipped; the start differs from record to record. */
const bitStep = 9;

const policies = {
  nsec: nsecPolicy,
  nsec3: nsec3Policy,
  'opt-out': optOutPolicy,
  'nsec with zonemd': { ...nsecPolicy, zonemd: true },
};

async function errorsOf(records: readonly ResourceRecord[]): Promise<string[]> {
  const { faults } = await verifyZone(apex, inOnePiece(records), { at: signingTime }, localVerifier);
  return faults.filter((fault) => fault.severity === 'error').map(formatFault);
}

describe.each(Object.entries(policies))('a zone signed with %s', (_, policy) => {
  test('is at fault when any one record is taken away', async () => {
    const records = await signText(text, policy);
    const harmless = new Set(['ns.sub.example. A', 'sub.example. NS', 'sec.example. NS', 'z.only.ent2.example. NS']);
    for (const [index, record] of records.entries()) {
      const name = `${formatName(record.owner)} ${formatRRType(record.type)}`;
      if (harmless.has(name) && !policy.zonemd) continue;
      const remaining = records.filter((_record, other) => other !== index);
      expect([name, await errorsOf(remaining)], name).not.toEqual([name, []]);
    }
  });

  test('is at fault, with the record named, when any one bit of a signed record is flipped', async () => {
    const records = await signText(text, policy);
    const covered = coveredBy(records);
    const undetected: string[] = [];
    const unnamed: string[] = [];
    for (const [index, record] of records.entries()) {
      const owner = formatName(record.owner);
      const isSigned = record.type === rrTypes.RRSIG || covered.has(`${canonicalName(record.owner)} ${record.type}`);
      for (let bit = index % bitStep; bit < record.rdata.length * 8; bit += bitStep) {
        const changed = isSigned || policy.zonemd ? withFlippedBit(record, bit) : undefined;
        if (changed === undefined) continue;
        const errors = await errorsOf(records.with(index, changed));
        if (errors.length === 0) undetected.push(`${owner} ${formatRRType(record.type)} bit ${bit}`);
        else if (isSigned && !errors.some((error) => error.startsWith(owner))) unnamed.push(`${owner} bit ${bit}`);
      }
    }
    expect({ undetected, unnamed }).toEqual({ undetected: [], unnamed: [] });
  });
});

/** Flip a bit. What has the same canonical form is no change, and what is no RDATA any more never gets as far. */
function withFlippedBit(record: ResourceRecord, bit: number): ResourceRecord | undefined {
  const code = record.rdata.charCodeAt(bit >>> 3) ^ (0x80 >>> (bit & 7));
  const rdata = (record.rdata.slice(0, bit >>> 3) +
    String.fromCharCode(code) +
    record.rdata.slice((bit >>> 3) + 1)) as Rdata;
  try {
    const [parsed] = recordsOf(
      `${formatName(record.owner)} ${record.ttl} TYPE${record.type} \\# ${rdata.length} ${Buffer.from(rdata, 'latin1').toString('hex')}\n`,
    );
    return parsed !== undefined &&
      canonicalRdata(record.type, parsed.rdata) !== canonicalRdata(record.type, record.rdata)
      ? parsed
      : undefined;
  } catch {
    return undefined;
  }
}
