import type { CanonicalName } from '#dns/name.ts';
import type { ResourceRecord } from '#dns/rrset.ts';

/** A step from one version of a zone to the next. */
export interface ZoneDifference {
  /** The old SOA and the new one. */
  readonly from: ResourceRecord;
  readonly to: ResourceRecord;
  /** Without the SOA records. */
  readonly removed: readonly ResourceRecord[];
  readonly added: readonly ResourceRecord[];
}

/** One version of a zone, as secondaries get it. */
export interface PublishedZone {
  readonly apex: CanonicalName;
  readonly serial: number;
  readonly soa: ResourceRecord;
  /**
   * All records but the SOA, its signatures among them, of this one version.
   *
   * @throws DnssecError conflict when a newer version was published meanwhile: what was read is to be thrown away
   */
  records(): AsyncIterable<readonly ResourceRecord[]>;
  /** The steps from a serial to this version; undefined when they are not known, so that the whole zone is needed. */
  differencesSince(serial: number): Promise<readonly ZoneDifference[] | undefined>;
}

/** Zones that secondaries may have. */
export interface PublishedZones {
  findZone(apex: CanonicalName): Promise<PublishedZone | undefined>;
}
