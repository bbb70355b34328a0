import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { toXml } from 'xast-util-to-xml';
import { validateXML } from 'xmllint-wasm';
import { decodeBase64, decodeHex, encodeHex } from '#lib/encoding.ts';
import { bytesFrom, octetsFrom } from '#lib/octets.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { DsAction, RegistrarKey, RegistrarReport } from '#dnssec/core/export/registrar-report.ts';
import { planRegistrar } from '#dnssec/core/export/registrar-report.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { composeDs, dsMatches, parseDs } from '#dnssec/core/keys/ds.ts';
import { composeZoneKey, type Role } from '#dnssec/core/keys/zone-key.ts';
import { composeRegistrarExport, type RegistrarExportOptions } from '#dnssec/operations/compose-registrar-export.ts';
import { canonical, rdataOf } from '#test/support/dns.ts';
import { findElements, shapeOf, textIn, type Tree, treeOf } from '#test/support/xml.ts';

const apex = canonical('xn--exmple-cua.example.');

function keyOf(keyId: string, role: Role = 'csk', version = 1) {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return composeZoneKey(role, getAlgorithm(13), pem, { keyId, version });
}

const old = keyOf('old');
const fresh = keyOf('new');

function reportOf(...actions: [RegistrarKey['key'], DsAction][]): RegistrarReport {
  return { apex, removesAll: false, keys: actions.map(([key, action]) => ({ key, action, reason: 'a reason' })) };
}

function textOf(report: RegistrarReport, options: RegistrarExportOptions): string {
  const exported = composeRegistrarExport(report, options);
  if (exported.kind === 'json') return JSON.stringify(exported.items);
  return exported.kind === 'text' ? exported.text : toXml(exported.document);
}

const eppOf = (report: RegistrarReport, options: RegistrarExportOptions = {}): string =>
  textOf(report, { format: 'epp', ...options });

const schema = readFileSync('fixtures/epp/secDNS-1.1.xsd', 'utf8');

/** Validate what a document has of secDNS-1.1 against the schema of RFC 5910. @returns what is wrong */
async function faultsOf(xml: string): Promise<string[]> {
  const [part] = /<secDNS:(create|update)[\s\S]*<\/secDNS:\1>/.exec(xml) ?? [];
  if (part === undefined) throw new Error('there is no secDNS element');
  const { errors } = await validateXML({ xml: [{ fileName: 'epp.xml', contents: part }], schema: [schema] });
  return errors.map(({ message }) => message);
}

describe('EPP secDNS-1.1 (RFC 5910)', () => {
  const rollover = reportOf([old, 'remove'], [fresh, 'add']);

  test.each<RegistrarExportOptions>([
    {},
    { eppForm: 'key' },
    { digest: 'both' },
    { digest: 'sha384', maxSigLife: 604_800 },
    { eppCommand: 'create' },
    { eppCommand: 'create', eppForm: 'key', maxSigLife: 1 },
    { eppCommand: 'create', digest: 'both' },
  ])('what is composed with %j is valid against the schema', async (options) => {
    expect(await faultsOf(eppOf(rollover, options))).toEqual([]);
  });

  test('the schema that judges does refuse: another order, both forms at once, a lifetime of 0', async () => {
    const xml = eppOf(rollover, { maxSigLife: 5 });
    const swapped = xml.replace(/(<secDNS:keyTag>\d+<\/secDNS:keyTag>)\s*(<secDNS:alg>\d+<\/secDNS:alg>)/, '$2$1');
    const lifeless = xml.replace('<secDNS:maxSigLife>5<', '<secDNS:maxSigLife>0<');
    const key = /<secDNS:keyData>[\s\S]*?<\/secDNS:keyData>/.exec(eppOf(rollover, { eppForm: 'key' }))?.[0] ?? '';
    const mixed = xml.replace('</secDNS:add>', `${key}</secDNS:add>`);
    for (const bad of [swapped, lifeless, mixed]) {
      expect(bad).not.toBe(xml);
      expect(await faultsOf(bad)).not.toEqual([]);
    }
  });

  test('an update removes the old DS, named in full, before it adds the new one, in one command for the domain', () => {
    const tree = treeOf(eppOf(rollover));
    expect(shapeOf(tree)).toMatchObject([
      'epp',
      [
        'command',
        ['update', ['domain:update', ['domain:name', 'xn--exmple-cua.example']]],
        [
          'extension',
          [
            'secDNS:update',
            ['secDNS:rem', ['secDNS:dsData', ...fourFields]],
            ['secDNS:add', ['secDNS:dsData', ...fourFields]],
          ],
        ],
      ],
    ]);
    const [removed] = findElements(tree, 'secDNS:rem');
    const [added] = findElements(tree, 'secDNS:add');
    expect([removed, added].map((one) => Number(textIn(one as Tree, 'secDNS:keyTag')))).toEqual([
      old.keyTag,
      fresh.keyTag,
    ]);
    expect(tree.attributes).toEqual({ xmlns: 'urn:ietf:params:xml:ns:epp-1.0' });
    expect(findElements(tree, 'domain:update')[0]?.attributes).toEqual({
      'xmlns:domain': 'urn:ietf:params:xml:ns:domain-1.0',
    });
    expect(findElements(tree, 'secDNS:update')[0]?.attributes).toEqual({
      'xmlns:secDNS': 'urn:ietf:params:xml:ns:secDNS-1.1',
    });
  });

  const fourFields = ['keyTag', 'alg', 'digestType', 'digest'].map((name) => [`secDNS:${name}`, expect.anything()]);

  test('dsData is a DS that names the DNSKEY, its digest in upper case', () => {
    const [data] = findElements(treeOf(eppOf(reportOf([fresh, 'add']))), 'secDNS:dsData');
    const [tag, alg, type, digest] = ['keyTag', 'alg', 'digestType', 'digest'].map((name) =>
      textIn(data as Tree, `secDNS:${name}`),
    );
    expect(digest).toMatch(/^[0-9A-F]{64}$/);
    expect(dsMatches(rdataOf('DS', `${tag} ${alg} ${type} ${digest}`), apex, fresh.dnskey)).toBe(true);
  });

  test('keyData has the fields of the DNSKEY, and no dsData stands beside it', () => {
    const tree = treeOf(eppOf(rollover, { eppForm: 'key' }));
    expect(findElements(tree, 'secDNS:dsData')).toEqual([]);
    const [, added] = findElements(tree, 'secDNS:keyData');
    const fields = ['flags', 'protocol', 'alg', 'pubKey'].map((name) => textIn(added as Tree, `secDNS:${name}`));
    expect(fields.slice(0, 3)).toEqual(['257', '3', '13']);
    const publicKey = octetsFrom(decodeBase64(fields[3] ?? '') ?? new Uint8Array());
    expect(publicKey).toBe(parseDnskey(fresh.dnskey).publicKey);
  });

  test('maxSigLife comes before the data, and only where it is asked for', () => {
    const [added] = findElements(treeOf(eppOf(rollover, { maxSigLife: 9 })), 'secDNS:add');
    expect(shapeOf(added as Tree).slice(0, 2)).toEqual(['secDNS:add', ['secDNS:maxSigLife', '9']]);
    expect(eppOf(rollover)).not.toContain('maxSigLife');
  });

  test('a creation has all keys that the parent should have, and none that waits or leaves', () => {
    const later = keyOf('later');
    const kept = keyOf('kept');
    const tree = treeOf(
      eppOf(reportOf([old, 'remove'], [kept, 'keep'], [fresh, 'add'], [later, 'wait']), { eppCommand: 'create' }),
    );
    expect(tree.name).toBe('secDNS:create');
    expect(findElements(tree, 'secDNS:keyTag').map(({ children }) => Number(children[0]))).toEqual([
      kept.keyTag,
      fresh.keyTag,
    ]);
  });

  test('a DS that has to wait is in no update, and the error tells why nothing is left', () => {
    const waiting = {
      apex,
      removesAll: false,
      keys: [{ key: fresh, action: 'wait', from: 9, reason: 'caches' }],
    } as const;
    expect(() => eppOf(waiting)).toThrow(`the parent needs no change now; the DS of key ${fresh.keyTag} waits: caches`);
    expect(() => eppOf(reportOf([old, 'none']), { eppCommand: 'create' })).toThrow('the parent should have no DS now');
  });

  test('a zone that goes insecure has everything removed, whatever the parent has', async () => {
    const xml = eppOf({ ...reportOf([old, 'remove']), removesAll: true });
    expect(findElements(treeOf(xml), 'secDNS:rem').map(shapeOf)).toEqual([['secDNS:rem', ['secDNS:all', 'true']]]);
    expect(await faultsOf(xml)).toEqual([]);
  });

  describe('of a key whose DS the parent was seen with', () => {
    const found = ([4, 2] as const).map((digestType) => composeDs(apex, old.dnskey, digestType));
    const opaque = rdataOf('DS', `${old.keyTag} 13 5 ABCDEF`);
    const seen: RegistrarReport = {
      ...rollover,
      keys: rollover.keys.map((one) => (one.key === old ? { ...one, found: [found[0]!, opaque] } : one)),
    };
    const removedIn = (xml: string) => findElements(treeOf(xml), 'secDNS:rem').flatMap(shapeOf).slice(1);

    test('just that is removed, whatever digest types are asked for, and named in full', async () => {
      for (const digest of ['sha256', 'both'] as const) {
        const xml = eppOf(seen, { digest });
        expect(removedIn(xml)).toEqual(
          [found[0]!, opaque].map((ds) => {
            const { keyTag, algorithm, digestType, digest: octets } = parseDs(ds);
            const fields = { keyTag, alg: algorithm, digestType, digest: encodeHex(bytesFrom(octets)).toUpperCase() };
            return [
              'secDNS:dsData',
              ...Object.entries(fields).map(([name, value]) => [`secDNS:${name}`, String(value)]),
            ];
          }),
        );
        expect(await faultsOf(xml)).toEqual([]);
      }
    });

    test('a registry that takes keys is told the key', () => {
      expect(removedIn(eppOf(seen, { eppForm: 'key' }))).toEqual(removedIn(eppOf(rollover, { eppForm: 'key' })));
    });

    test('people and programs are told which DS these are', () => {
      const lines = [found[0]!, opaque].map((ds) => `IN\tDS\t${formatRdata(rrTypes.DS, ds)}\n`);
      for (const format of ['text', 'ds'] as const) {
        const text = textOf(seen, { format });
        for (const line of lines) expect(text).toContain(line);
        expect(text).not.toContain(formatRdata(rrTypes.DS, found[1]!));
      }
      const { keys } = JSON.parse(textOf(seen, {}));
      expect(keys[0].parentDs.map((line: string) => line.slice(line.indexOf('IN')) + '\n')).toEqual(lines);
      expect(keys[1]).not.toHaveProperty('parentDs');
    });
  });

  test('characters that mean something in XML are data in a name', () => {
    const strange = { ...reportOf([fresh, 'add']), apex: canonical('a&b<c.example.') };
    expect(textIn(treeOf(eppOf(strange)), 'domain:name')).toBe('a\\&b\\<c.example');
  });
});

describe('what the parent is told', () => {
  const none = { wanted: [], add: [], remove: [], lingering: [] };
  const plan = (
    ds: Partial<typeof none>,
    keys = [
      { id: 'old', key: old },
      { id: 'new', key: fresh },
    ],
  ) => planRegistrar(apex, keys, { ...none, ...ds }).keys.map(({ action }) => action);

  test('a DS that is wanted is added until all servers of the parent have it, and kept then', () => {
    expect(plan({ wanted: ['old', 'new'] as never, add: ['new'] as never })).toEqual(['keep', 'add']);
  });

  test('a DS that is not wanted is removed, and one that never was has nothing to be done about', () => {
    expect(plan({ wanted: ['new'] as never, remove: ['old'] as never })).toEqual(['remove', 'keep']);
    expect(plan({})).toEqual(['none', 'none']);
  });

  test('a DS waits as long as it is not wanted yet, with its time and its reason', () => {
    const keys = [{ id: 'new', key: fresh, wait: { from: 1_800_000_000, reason: 'caches' } }];
    expect(planRegistrar(apex, keys, none).keys).toEqual([
      { key: fresh, action: 'wait', from: 1_800_000_000, reason: 'caches' },
    ]);
  });

  test('nothing is asked for a ZSK', () => {
    const zsk = keyOf('zsk', 'zsk');
    expect(plan({}, [{ id: 'zsk', key: zsk }])).toEqual(['none']);
    expect(textOf(reportOf([zsk, 'none']), { format: 'ds' })).toBe('');
    expect(textOf(reportOf([zsk, 'none']), { format: 'dnskey' })).toContain('DNSKEY\t256 3 13 ');
  });
});

describe('text for people', () => {
  const report: RegistrarReport = {
    apex,
    removesAll: false,
    keys: [
      { key: old, action: 'remove', reason: 'it has been replaced' },
      { key: fresh, action: 'wait', from: 1_800_000_000, reason: 'caches hold the old keys' },
    ],
  };

  test('the text tells what to do with which key, from when and why, with both digests', () => {
    const text = textOf(report, { format: 'text' });
    expect(text).toContain(
      `REMOVE: CSK ${old.keyTag}, algorithm 13 (ECDSAP256SHA256)\n  because it has been replaced\n`,
    );
    expect(text).toContain(`WAIT, add not before 2027-01-15T08:00:00.000Z: CSK ${fresh.keyTag}`);
    expect(text.match(/IN\tDS\t/g)).toHaveLength(4);
  });

  test('what is to be added stands first', () => {
    const text = textOf(reportOf([old, 'remove'], [fresh, 'add']), { format: 'text' });
    expect(text.indexOf('ADD')).toBeLessThan(text.indexOf('REMOVE'));
  });

  test('of the DS lines only those are records that the parent should have now', () => {
    const lines = textOf(
      { ...report, keys: [...report.keys, { key: keyOf('kept'), action: 'keep', reason: '' }] },
      { format: 'ds' },
    )
      .trim()
      .split('\n');
    const records = lines.filter((line) => !line.startsWith(';'));
    expect(records).toHaveLength(2);
    expect(lines).toHaveLength(2 + 2 * 3);
    expect(records.map((line) => line.split('\t').slice(0, 4))).toEqual(
      records.map(() => ['xn--exmple-cua.example.', '3600', 'IN', 'DS']),
    );
    expect(decodeHex(records[1]?.split(' ').at(-1) ?? '')).toHaveLength(48);
  });

  test('a zone that goes insecure publishes the CDS and CDNSKEY that ask for removal', () => {
    expect(textOf({ ...report, removesAll: true }, { format: 'cds' })).toBe(
      'xn--exmple-cua.example.\t0\tIN\tCDS\t0 0 0 00\nxn--exmple-cua.example.\t0\tIN\tCDNSKEY\t0 3 0 AA==\n',
    );
  });
});

describe('one key of a zone', () => {
  const second = keyOf('old', 'csk', 2);
  const report = reportOf([old, 'keep'], [second, 'add'], [fresh, 'none']);
  const shown = (key: string): number[] => {
    const exported = composeRegistrarExport(report, { key });
    return exported.kind === 'json' ? exported.items.keys.map(({ keyTag }) => keyTag) : [];
  };

  test('it is named by its tag, its identity, or its identity and version', () => {
    expect(shown(String(fresh.keyTag))).toEqual([fresh.keyTag]);
    expect(shown('old')).toEqual([old.keyTag, second.keyTag]);
    expect(shown('old@2')).toEqual([second.keyTag]);
    expect(() => shown('other')).toThrow('the zone has no key other');
  });

  test('an export of one key does not ask for the removal of all others', () => {
    const exported = composeRegistrarExport({ ...report, removesAll: true }, { key: 'new' });
    expect(exported).toMatchObject({ items: { removesAll: false } });
  });
});
