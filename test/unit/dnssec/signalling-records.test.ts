import { describe, expect, test } from 'vitest';
import { formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { composeSignals, findSignallingName } from '#dnssec/core/bootstrap/signalling-records.ts';
import { keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { canonical, rdataOf } from '#test/support/dns.ts';
import { nsecPolicy, signText } from '#test/support/zones.ts';

const nameOf = (child: string, nameServer: string): string | undefined => {
  const found = findSignallingName(canonical(child), canonical(nameServer));
  return found && formatName(found);
};

describe('signalling names', () => {
  test('those of the example of RFC 9615 §4.1.1', () => {
    expect(nameOf('example.co.uk.', 'ns1.example.net.')).toBe('_dsboot.example.co.uk._signal.ns1.example.net.');
    expect(nameOf('example.co.uk.', 'ns2.example.org.')).toBe('_dsboot.example.co.uk._signal.ns2.example.org.');
    expect(nameOf('example.co.uk.', 'ns3.example.co.uk.')).toBeUndefined();
  });

  test('the apex as its own name server has none, a name that only ends alike has one', () => {
    expect(nameOf('example.net.', 'example.net.')).toBeUndefined();
    expect(nameOf('ample.net.', 'ns.example.net.')).toBe('_dsboot.ample.net._signal.ns.example.net.');
  });

  test('the root has none, and neither has a name without room', () => {
    expect(nameOf('.', 'ns.example.net.')).toBeUndefined();
    const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.`;
    expect(nameOf(long, `${'c'.repeat(40)}.${long}`)).toBeUndefined();
    expect(nameOf(`${'a'.repeat(63)}.`, `${'c'.repeat(63)}.net.`)).toBeDefined();
  });

  test('the same CDS and CDNSKEY stand at each name', () => {
    const cds = { owner: canonical('x.example.'), type: rrTypes.CDS, ttl: 60, rdatas: [rdataOf('CDS', '1 13 2 00')] };
    const cdnskey = { ...cds, type: rrTypes.CDNSKEY, rdatas: [rdataOf('CDNSKEY', '257 3 13 AAAA')] };
    const servers = ['ns.example.net.', 'ns.x.example.', 'ns.example.org.'].map(canonical);
    const signals = composeSignals(canonical('x.example.'), servers, [cds, cdnskey]);
    expect(signals).toEqual(
      ['net', 'org'].flatMap((top) => {
        const owner = canonical(`_dsboot.x.example._signal.ns.example.${top}.`);
        return [
          { ...cds, owner },
          { ...cdnskey, owner },
        ];
      }),
    );
  });
});

test('CDS of the input are replaced at the apex, and signed as data below it', async () => {
  const cds = `300 CDS 1 13 2 ${'00'.repeat(32)}\n`;
  const signed = await signText(`@ ${cds}_dsboot.c._signal.ns ${cds}`, nsecPolicy, ['ksk', 'zsk']);
  const owners = signed.filter(({ type }) => type === rrTypes.CDS).map(({ owner }) => formatName(owner));
  expect(owners).toEqual(['_dsboot.c._signal.ns.example.']);
  const keys = signed.filter(({ type }) => type === rrTypes.DNSKEY).map(({ rdata }) => rdata);
  const zsk = keys.find((rdata) => parseDnskey(rdata).flags === 256) as Rdata;
  const signers = signed
    .filter(({ type, rdata }) => type === rrTypes.RRSIG && parseRrsig(rdata).typeCovered === rrTypes.CDS)
    .map(({ rdata }) => parseRrsig(rdata).keyTag);
  expect(signers).toEqual([keyTagOf(zsk)]);
});
