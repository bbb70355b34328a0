import type { Octets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { ZoneDigest } from '#dnssec/core/signing/zonemd.ts';

/** An RRset with its RRSIG RDATA. */
export interface DigestedRRset {
  readonly rrset: RRset;
  readonly rrsigs: readonly Rdata[];
}

/**
 * Digests a signed zone whose RRsets come by owner in canonical order, those of one owner together and in any order. The
 * RRSIGs of an owner take the place of their type.
 *
 * Source: RFC 8976 §3.3.1.
 */
export class SignedZoneDigest {
  readonly #digest: ZoneDigest;
  #owner: CanonicalName | undefined;
  #waiting: DigestedRRset[] = [];

  constructor(apex: CanonicalName) {
    this.#digest = new ZoneDigest(apex);
  }

  add(entry: DigestedRRset): void {
    const owner = canonicalName(entry.rrset.owner);
    if (owner !== this.#owner) this.#flush();
    this.#owner = owner;
    this.#waiting.push(entry);
  }

  /** Return the digest; nothing can be added after it. */
  finish(): Octets {
    this.#flush();
    return this.#digest.finish();
  }

  #flush(): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    const sorted = this.#waiting.toSorted((left, right) => left.rrset.type - right.rrset.type);
    const rrsigs = sorted.flatMap(({ rrset, rrsigs: rdatas }) => rdatas.map((rdata) => ({ ttl: rrset.ttl, rdata })));
    const before = sorted.filter(({ rrset }) => rrset.type < rrTypes.RRSIG);
    const after = sorted.filter(({ rrset }) => rrset.type > rrTypes.RRSIG);
    for (const { rrset } of before) this.#digest.add(owner, rrset.type, rrset.ttl, rrset.rdatas);
    this.#digest.addRrsigs(owner, rrsigs);
    for (const { rrset } of after) this.#digest.add(owner, rrset.type, rrset.ttl, rrset.rdatas);
    this.#waiting = [];
  }
}
