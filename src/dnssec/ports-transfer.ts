import type { CanonicalName, Name } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';

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

/** A piece of what a primary sent. */
export type TransferPart =
  /** The version that was said to be held is the newest one. */
  | { readonly kind: 'up-to-date'; readonly soa: ResourceRecord }
  /** Records of the whole zone without its SOA; one transfer comes in many such parts. */
  | { readonly kind: 'full'; readonly soa: ResourceRecord; readonly records: readonly ResourceRecord[] }
  /** One step from a version to the next, in order. */
  | ({ readonly kind: 'difference' } & ZoneDifference);

/** What must hold of a zone before it is changed. Source: RFC 2136 §2.4. */
export type Prerequisite =
  | { readonly kind: 'name-in-use' | 'name-not-in-use'; readonly owner: Name }
  | { readonly kind: 'rrset-exists' | 'rrset-absent'; readonly owner: Name; readonly type: RRType }
  | {
      /** The RRset holds these RDATA and no others, in any order. */
      readonly kind: 'rrset-equals';
      readonly owner: Name;
      readonly type: RRType;
      readonly rdatas: readonly Rdata[];
    };

/** One step of an update; steps are done in the order given. Source: RFC 2136 §2.5. */
export type UpdateStep =
  | { readonly kind: 'add'; readonly record: ResourceRecord }
  | { readonly kind: 'delete-record'; readonly owner: Name; readonly type: RRType; readonly rdata: Rdata }
  | { readonly kind: 'delete-rrset'; readonly owner: Name; readonly type: RRType }
  | { readonly kind: 'delete-name'; readonly owner: Name };

/** A change of a zone that somebody asks for in a DNS message. */
export interface ZoneUpdate {
  readonly apex: CanonicalName;
  readonly prerequisites: readonly Prerequisite[];
  readonly steps: readonly UpdateStep[];
}

/** How an update ended. Source: RFC 2136 §2.2. */
export type UpdateOutcome =
  | 'done'
  /** A prerequisite does not hold. */
  | 'name-exists'
  | 'name-missing'
  | 'rrset-exists'
  | 'rrset-missing'
  /** The key may not change the zone, or the zone would not be sound. */
  | 'refused'
  | 'no-such-zone';

/** A server that zones may come from. */
export interface ZonePrimary {
  /** As the settings name it: an address and a port. */
  readonly name: string;
  /** Address that its NOTIFYs come from. */
  readonly host: string;
  /**
   * Get a zone, or what changed in it since a serial. What is given out is whole only when the iteration ends by itself.
   *
   * @throws ServiceError that says what is wrong with the server or its answer
   */
  fetch(apex: CanonicalName, held: number | undefined, signal: AbortSignal): AsyncIterable<TransferPart>;
}

/** Where the contents of a zone come from besides the API, and how far they have come. */
export interface ZoneFeed {
  readonly zoneId: number;
  /** Names of primaries, the preferred one first; with any, the contents come from there alone. */
  readonly primaries: readonly string[];
  /** Names of the TSIG keys that dynamic updates are signed with. */
  readonly updateKeys: readonly string[];
  /** Of the newest version that the primaries gave. */
  readonly serial?: number;
  /** Milliseconds since the epoch; when a primary was last found to have nothing newer than what is published. */
  readonly freshAt?: number;
  /** Seconds since the epoch; when the primaries are asked next. Absent without any. */
  readonly dueAt?: number;
  /** Why the last try failed; absent after one that did not. */
  readonly lastError?: string;
}

/** Keeps the feeds of zones. A call that resolves is durable. */
export interface ZoneFeeds {
  findFeed(zoneId: number): Promise<ZoneFeed | undefined>;
  putFeed(feed: ZoneFeed): Promise<void>;
  deleteFeed(zoneId: number): Promise<void>;
  /** Feeds whose primaries are to be asked, the most urgent first. @param now seconds */
  dueFeeds(now: number, limit: number): Promise<readonly ZoneFeed[]>;
}

/** News of a zone at one of its primaries. */
export interface PrimaryNews {
  readonly apex: CanonicalName;
  /** Of the newest version there, when it was told. */
  readonly serial?: number;
  /** Address of whoever tells. */
  readonly address: string;
}
