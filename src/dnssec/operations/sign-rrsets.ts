import { canonicalName, type CanonicalName, formatName, isWithin, type Name, parseName } from '#dns/name.ts';
import { formatRRType, isMetaType, parseRRType, rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { canonicalRdata, formatRdata, parseRdataText } from '#dns/rdata/rdata.ts';
import { messageOf } from '#lib/errors.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { planRRset, type SigningContext } from '#dnssec/core/signing/plan.ts';
import { assertValidityPolicy, type ValidityPolicy } from '#dnssec/core/signing/validity.ts';
import { getZoneKeys, type KeyChoice } from '#dnssec/operations/zone-keys.ts';
import { type SigningPorts, signPlanned } from '#dnssec/operations/sign-planned.ts';

/** An RRset in presentation form; names are relative to the zone unless they end in a dot. */
export interface RRsetText {
  readonly name: string;
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  readonly rdata: readonly string[];
}

export interface SignedRRsetText extends RRsetText {
  /** RDATA of the RRSIGs in presentation form. */
  readonly rrsigs: readonly string[];
}

export interface SignRRsetsRequest {
  readonly zone: string;
  readonly keys: readonly KeyChoice[];
  readonly validity: ValidityPolicy;
  readonly rrsets: readonly RRsetText[];
}

/**
 * Sign single RRsets of a zone that somebody else holds. Which of its RRsets are due a signature (not those at and below
 * a delegation, save DS) is for the caller to know.
 *
 * Source: RFC 4035 §2.2.
 *
 * @param now seconds since the epoch
 * @throws DnssecError request-invalid with a JSON pointer in `details`, key-invalid, kms-refused, kms-unavailable, …
 */
export async function signRRsets(
  request: SignRRsetsRequest,
  now: number,
  ports: SigningPorts,
): Promise<{ zone: string; keys: readonly ZoneKey[]; rrsets: SignedRRsetText[] }> {
  const apex = parseZoneName(request.zone, '/zone');
  assertValidityPolicy(request.validity);
  const rrsets = parseRRsets(request.rrsets, apex);
  const keys = await getZoneKeys(ports.signer, ports.verifier, request.keys);
  assertDnskeysPublished(rrsets, keys, apex);
  const context: SigningContext = { apex, keys, validity: request.validity, now };
  const signed = await signPlanned(
    rrsets.map((rrset) => planRRset(context, canonicalName(rrset.owner), rrset)),
    ports,
  );
  return {
    zone: formatName(apex),
    keys,
    rrsets: signed.map(({ rrset, rrsigs }) => ({
      name: formatName(rrset.owner),
      type: formatRRType(rrset.type),
      ttl: rrset.ttl,
      rdata: rrset.rdatas.map((rdata) => formatRdata(rrset.type, rdata)),
      rrsigs: rrsigs.map((rdata) => formatRdata(rrTypes.RRSIG, rdata)),
    })),
  };
}

/** Parse the name of a zone, absolute with or without its final dot. @throws DnssecError request-invalid */
export function parseZoneName(text: string, pointer: string): CanonicalName {
  return canonicalName(located(pointer, () => parseName(text)));
}

function parseRRsets(texts: readonly RRsetText[], apex: CanonicalName): RRset[] {
  const seen = new Set<string>();
  return texts.map((text, index) => {
    const pointer = `/rrsets/${index}`;
    const owner = located(`${pointer}/name`, () => parseName(text.name, apex));
    const type = located(`${pointer}/type`, () => parseRRType(text.type));
    if (!isWithin(canonicalName(owner), apex))
      throw invalid(`${pointer}/name`, `${formatName(owner)} is not within ${formatName(apex)}`);
    if (type === rrTypes.RRSIG || isMetaType(type))
      throw invalid(`${pointer}/type`, `${formatRRType(type)} records are never signed`);
    const id = `${canonicalName(owner)} ${type}`;
    if (seen.has(id))
      throw invalid(pointer, `${formatName(owner)} ${formatRRType(type)} stands twice: an RRset is signed as a whole`);
    seen.add(id);
    return { owner, type, ttl: text.ttl, rdatas: parseRdatas(type, text.rdata, apex, pointer) };
  });
}

function parseRdatas(type: RRType, texts: readonly string[], apex: Name, pointer: string): Rdata[] {
  const rdatas = new Map<Rdata, Rdata>();
  for (const [index, text] of texts.entries()) {
    const rdata = located(`${pointer}/rdata/${index}`, () => parseRdataText(type, text, apex));
    const canonical = canonicalRdata(type, rdata);
    if (!rdatas.has(canonical)) rdatas.set(canonical, rdata);
  }
  return [...rdatas.values()];
}

/** A DNSKEY RRset that lacks the key which signs the zone would make the zone bogus. Source: RFC 4035 §2.1. */
function assertDnskeysPublished(rrsets: readonly RRset[], keys: readonly ZoneKey[], apex: CanonicalName): void {
  const index = rrsets.findIndex((rrset) => rrset.type === rrTypes.DNSKEY && canonicalName(rrset.owner) === apex);
  const missing = index < 0 ? undefined : keys.find((key) => !rrsets[index]?.rdatas.includes(key.dnskey));
  if (missing !== undefined) {
    const { keyId, version } = missing.kmsKey;
    throw invalid(
      `/rrsets/${index}/rdata`,
      `the DNSKEY of KMS key ${keyId} version ${version} (key tag ${missing.keyTag}), which signs, is not in the DNSKEY RRset`,
    );
  }
}

function located<Value>(pointer: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw invalid(pointer, messageOf(error), error);
  }
}

function invalid(pointer: string, message: string, cause?: unknown): DnssecError {
  return new DnssecError('request-invalid', `${pointer}: ${message}`, {
    details: { pointer },
    ...(cause === undefined ? {} : { cause }),
  });
}
