import { encodeBase64, encodeHex } from '#lib/encoding.ts';
import { bytesFrom } from '#lib/octets.ts';
import { element, type XmlDocument, xmlDocument, type XmlElement } from '#lib/xml-tree.ts';
import { type CanonicalName, formatName, rootName } from '#dns/name.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { keysToDo, type RegistrarKey, type RegistrarReport } from '#dnssec/core/export/registrar-report.ts';
import { parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { composeDs, type DigestType, parseDs } from '#dnssec/core/keys/ds.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';

export interface EppOptions {
  /** What the registry takes: DS records, or keys that it makes DS records of. Source: RFC 5910 §4. */
  readonly form: 'ds' | 'key';
  /** Digest types of the DS records. */
  readonly digestTypes: readonly DigestType[];
  /** Seconds for which a signature of the parent over the DS should be valid at most. Source: RFC 5910 §3.3. */
  readonly maxSigLife?: number;
}

const eppNamespace = 'urn:ietf:params:xml:ns:epp-1.0';
const domainNamespace = 'urn:ietf:params:xml:ns:domain-1.0';
const secDnsNamespace = { 'xmlns:secDNS': 'urn:ietf:params:xml:ns:secDNS-1.1' };

/**
 * Compose the extension that goes with the creation, or the transfer in, of a domain: all that its parent should have now.
 *
 * Source: RFC 5910 §5.2.1.
 *
 * @throws DnssecError conflict when there is nothing that the parent should have
 */
export function composeEppCreate(report: RegistrarReport, options: EppOptions): XmlDocument {
  const keys = keysToDo(report, 'add', 'keep');
  if (keys.length === 0) throw nothingToDo(report, 'the parent should have no DS');
  const data = keys.flatMap((key) => dataOf(report.apex, key, options));
  return xmlDocument(element('secDNS:create', secDnsNamespace, ...lifeOf(options), ...data));
}

/**
 * Compose the command that takes away and adds in one step what a rollover asks for; additions that have to wait are not in it.
 * What is taken away is named in full, since key tags are not unique: the DS that the parent was seen with, of whatever digest
 * types these are, or else those that we would have asked for.
 *
 * Source: RFC 5910 §5.2.5.
 *
 * @throws DnssecError conflict when there is nothing to be changed
 */
export function composeEppUpdate(report: RegistrarReport, options: EppOptions): XmlDocument {
  const gone = report.keys.filter(({ action }) => action === 'remove');
  const removed = report.removesAll
    ? [element('secDNS:all', {}, 'true')]
    : gone.flatMap((one) => removalOf(report.apex, one, options));
  const added = keysToDo(report, 'add').flatMap((key) => dataOf(report.apex, key, options));
  if (removed.length === 0 && added.length === 0) throw nothingToDo(report, 'the parent needs no change');
  const changes = [
    ...(removed.length === 0 ? [] : [element('secDNS:rem', {}, ...removed)]),
    ...(added.length === 0 ? [] : [element('secDNS:add', {}, ...lifeOf(options), ...added)]),
  ];
  const domain = element('domain:name', {}, eppName(report.apex));
  const update = element('update', {}, element('domain:update', { 'xmlns:domain': domainNamespace }, domain));
  const extension = element('extension', {}, element('secDNS:update', secDnsNamespace, ...changes));
  return xmlDocument(element('epp', { xmlns: eppNamespace }, element('command', {}, update, extension)));
}

function nothingToDo({ keys }: RegistrarReport, what: string): DnssecError {
  const waiting = keys.filter(({ action }) => action === 'wait');
  const why = waiting.map(({ key, reason }) => `; the DS of key ${key.keyTag} waits: ${reason}`);
  return new DnssecError('conflict', `${what} now${why.join('')}`);
}

function lifeOf({ maxSigLife }: EppOptions): XmlElement[] {
  return maxSigLife === undefined ? [] : [element('secDNS:maxSigLife', {}, maxSigLife)];
}

function dataOf(apex: CanonicalName, { dnskey }: ZoneKey, { form, digestTypes }: EppOptions): XmlElement[] {
  if (form === 'key') return [keyData(parseDnskey(dnskey))];
  return digestTypes.map((digestType) => dsData(parseDs(composeDs(apex, dnskey, digestType))));
}

function removalOf(apex: CanonicalName, { key, found = [] }: RegistrarKey, options: EppOptions): XmlElement[] {
  if (options.form === 'key' || found.length === 0) return dataOf(apex, key, options);
  return found.map((ds) => dsData(parseDs(ds)));
}

function dsData({ keyTag, algorithm, digestType, digest }: ReturnType<typeof parseDs>): XmlElement {
  return element(
    'secDNS:dsData',
    {},
    element('secDNS:keyTag', {}, keyTag),
    element('secDNS:alg', {}, algorithm),
    element('secDNS:digestType', {}, digestType),
    element('secDNS:digest', {}, encodeHex(bytesFrom(digest)).toUpperCase()),
  );
}

function keyData({ flags, protocol, algorithm, publicKey }: ReturnType<typeof parseDnskey>): XmlElement {
  return element(
    'secDNS:keyData',
    {},
    element('secDNS:flags', {}, flags),
    element('secDNS:protocol', {}, protocol),
    element('secDNS:alg', {}, algorithm),
    element('secDNS:pubKey', {}, encodeBase64(bytesFrom(publicKey))),
  );
}

/** EPP writes names without the final dot. Source: RFC 5731 §2.1. */
function eppName(apex: CanonicalName): string {
  const name = formatName(apex);
  return apex === rootName ? name : name.slice(0, -1);
}
