import type { IdempotencyClaim } from '#lib/idempotency.ts';
import type { Octets } from '#lib/octets.ts';
import type { OrderKey } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import type { ChainLink, ChainView, SignedRRset, ZoneView } from '#dnssec/core/change/zone-view.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';

/** Whose zones are meant: without a project those of the organisation itself. */
export interface ZoneScope {
  readonly organisation: string;
  readonly project?: string;
}

/** A zone that the service holds. Times are milliseconds since the epoch. */
export interface ManagedZone {
  readonly id: number;
  /** `dnsz-…`. */
  readonly identity: string;
  readonly scope: ZoneScope;
  /** In lower case, without the final dot. */
  readonly name: string;
  readonly slug: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly updatedAt?: number;
  readonly objectVersion: number;
  /** 1, 2, 3, …: grows with every published change of the contents. */
  readonly version: number;
  readonly serial: number;
  /** Absent while the zone is not signed. */
  readonly signing?: ZoneSigning;
  /** Seconds; when the first signature is due for its renewal. */
  readonly refreshAt?: number;
  /** Seconds; when the scheduler has something to do for the zone: a renewal, a step of a rollover, another try. */
  readonly dueAt?: number;
  /** Grows with every `publish` and `noteSigning`. */
  readonly state: number;
}

/** What the API shows of an RRset, as it was given. */
export interface RecordContent {
  /** `dnsr-…`. */
  readonly identity: string;
  /** Relative to the zone: `@`, `*`, `www`. */
  readonly name: string;
  readonly values: readonly string[];
  readonly createdAt: number;
  readonly updatedAt?: number;
}

/** An RRset of a zone as it is kept. */
export interface StoredRRset extends SignedRRset {
  /** Absent for RRsets that the service makes. */
  readonly content?: RecordContent;
  /** Seconds; when its signatures are due for renewal. Absent while it has none. */
  readonly refreshAt?: number;
}

/** A link of the chain of denial as it is kept. */
export interface StoredLink extends ChainLink {
  readonly ttl: number;
  readonly rrsigs: readonly Rdata[];
  /** Seconds. */
  readonly refreshAt: number;
}

/** An RRset that is taken away, by its place. */
export interface RRsetPlace {
  readonly key: OrderKey;
  readonly type: RRType;
}

/** A record that a version took away or added. */
export interface DifferenceRecord extends ResourceRecord {
  /** What the API showed of its RRset. */
  readonly content?: RecordContent;
}

export interface ZoneVersion {
  readonly version: number;
  readonly serial: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Why there is this version, for people. */
  readonly reason: string;
  readonly principal?: string;
  /** Numbers of records; absent where the version has no list of them. */
  readonly removed?: number;
  readonly added?: number;
}

/** Everything that one version changes, written in one transaction. */
export interface VersionChange extends KeyNews {
  /** As it is after the change: its `version` and its `state` are one more than the stored ones. */
  readonly zone: ManagedZone;
  readonly rrsets: readonly StoredRRset[];
  readonly removedRRsets: readonly RRsetPlace[];
  readonly links: readonly StoredLink[];
  readonly removedLinks: readonly Octets[];
  readonly version: ZoneVersion;
  /** Absent where there is no list of the records. */
  readonly differences?: { readonly removed: readonly DifferenceRecord[]; readonly added: readonly DifferenceRecord[] };
}

/** A version whose contents take the place of all that the zone held. */
export type WholeVersion = Pick<VersionChange, 'zone' | 'version'> & KeyNews;

/**
 * Contents of a version on their way into the store, however many they are: nobody sees them until they are published.
 * Disposing of what was not published gives it up, and what a crash leaves of it is swept.
 */
export interface StagedContents extends AsyncDisposable {
  /** Add rows that are not among them yet; canonical order is cheapest. */
  add(rrsets: readonly StoredRRset[], links: readonly StoredLink[]): Promise<void>;
  /** Publish all that was added in one transaction. @throws DnssecError conflict */
  publish(version: WholeVersion): Promise<void>;
}

/** How far the making of a whole version has come. Times are milliseconds since the epoch. */
export interface ZoneWork {
  readonly begunAt: number;
  /** When this was so. */
  readonly at: number;
  /** RRsets that are ready, of all that the zone has besides its chain of denial. */
  readonly done: number;
  readonly total: number;
}

/** A KMS key that a zone uses, with what was last heard of it. */
export interface KmsKeyInUse {
  readonly region: string;
  readonly keyId: string;
  /** Absent until the KMS was asked. */
  readonly latestVersion?: number;
  readonly status?: string;
}

/** An event with its number in the order of all events. */
export interface NumberedZoneEvent extends ZoneEvent {
  readonly number: number;
  readonly zone: number;
}

/** A request that is not to be carried out twice, with its answer. */
export interface AnsweredClaim extends IdempotencyClaim {
  /** JSON. */
  readonly answer: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A zone with what is to be known to tend it. */
export interface KnownZone {
  readonly zone: ManagedZone;
  readonly kmsKeys: readonly KmsKeyInUse[];
  /** All RRsets without those of denial, and all links, each in canonical order; absent where they are many. */
  readonly contents?: { readonly rrsets: readonly StoredRRset[]; readonly links: readonly StoredLink[] };
}

/** What is written with a change of a zone's keys, in one transaction with it. */
export interface KeyNews {
  /** Of the request that asked for the change. */
  readonly claim?: AnsweredClaim;
  readonly events?: readonly ZoneEvent[];
  /** All KMS keys that the zone uses from now on; absent while they are the same. */
  readonly kmsKeys?: readonly Pick<KmsKeyInUse, 'region' | 'keyId'>[];
}

/** A version of a zone as the store has it, with what the API shows. */
export interface StoredZoneView extends ZoneView, ChainView {
  rrsetsAt(key: OrderKey): Promise<readonly StoredRRset[]>;
  findLink(place: Octets): Promise<StoredLink | undefined>;
  linkBefore(place: Octets): Promise<StoredLink | undefined>;
  linkAfter(place: Octets): Promise<StoredLink | undefined>;
  firstLink(): Promise<StoredLink | undefined>;
  lastLink(): Promise<StoredLink | undefined>;
}

/** A zone with something due. */
export interface DueZone {
  readonly id: number;
  /** Seconds. */
  readonly dueAt: number;
}

export interface ZoneFilter {
  readonly name?: string | undefined;
  readonly identity?: string | undefined;
  readonly slug?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface RecordFilter {
  readonly name?: string | undefined;
  readonly type?: RRType | undefined;
}

/** Zones as they are at one moment, however long they are read. */
export interface ZoneSnapshot extends Pick<ZoneStore, 'getZone' | 'readRRsets' | 'readLinks'> {
  close(): Promise<void>;
}

/**
 * Holds zones: their contents, signatures and chain of denial, keyed in canonical order, and their versions.
 *
 * - A call that resolves is durable; one that rejects has changed nothing.
 * - `publish` is one transaction, and succeeds only on the version that it was made for: `conflict` otherwise. Whoever
 *   reads sees a version whole or not at all.
 * - A claim that is taken makes a write a `conflict` that changes nothing.
 * - The cost of a call follows what it reads or writes, not the size of the zone.
 */
export interface ZoneStore {
  /** Add a zone with its first version. @throws DnssecError conflict when there is one of that name */
  insertZone(zone: Omit<ManagedZone, 'id'>, change: Omit<VersionChange, 'zone'>): Promise<ManagedZone>;
  findZone(scope: ZoneScope, identityOrName: string): Promise<ManagedZone | undefined>;
  /** Whatever its scope. */
  findZoneByName(name: string): Promise<ManagedZone | undefined>;
  getZone(id: number): Promise<ManagedZone>;
  /**
   * Read a zone, its KMS keys, and its contents if they are few. What is published meanwhile may be among the contents, but
   * then a `publish` for the zone as it was read is a conflict.
   *
   * @param most RRsets, and links, that are few
   */
  readSmallZone(id: number, most: number): Promise<KnownZone>;
  listZones(scope: ZoneScope, filter: ZoneFilter): Promise<readonly ManagedZone[]>;
  /** Zones of all scopes by their ids, those after one. */
  listAllZones(
    limit: number,
    afterId: number,
  ): Promise<readonly Pick<ManagedZone, 'id' | 'name' | 'version' | 'serial'>[]>;
  /** Change description, labels and annotations. @throws DnssecError conflict when `objectVersion` is not one more than the stored one */
  describeZone(zone: ManagedZone): Promise<void>;
  /**
   * Write down how the signing of the newest version stands, and when it goes on.
   *
   * @param zone its `state` is one more than the stored one
   * @throws DnssecError conflict when somebody else wrote meanwhile
   */
  noteSigning(zone: ManagedZone, news?: KeyNews): Promise<void>;
  deleteZone(zone: ManagedZone): Promise<void>;
  /** @throws DnssecError conflict */
  publish(change: VersionChange): Promise<void>;
  /**
   * Begin to put contents beside those that are published.
   *
   * @param now milliseconds
   */
  stage(now: number): StagedContents;
  /** Let others see how far the making of a whole version has come; undefined when it has ended. */
  noteWork(zoneId: number, work: ZoneWork | undefined): Promise<void>;
  findWork(zoneId: number): Promise<ZoneWork | undefined>;
  /** Hold the zones still for whoever reads much of them; others go on writing. To be closed soon. */
  snapshot(): Promise<ZoneSnapshot>;
  /** Whether somebody does, and work that can wait should. */
  isHeldStill(): boolean;
  /**
   * Delete some of the rows that zones and versions have left behind.
   *
   * @param now seconds
   * @returns whether there are more
   */
  sweep(now: number, limit: number): Promise<boolean>;
  viewOf(zoneId: number): StoredZoneView;
  findRecord(zoneId: number, identity: string): Promise<StoredRRset | undefined>;
  /** RRsets that the API shows, in canonical order. */
  listRecords(zoneId: number, filter: RecordFilter, limit: number, after?: RRsetPlace): Promise<readonly StoredRRset[]>;
  /** All RRsets in canonical order, without those of denial. */
  readRRsets(zoneId: number, limit: number, after?: RRsetPlace): Promise<readonly StoredRRset[]>;
  /** Tell whether a zone has more RRsets than a number, without counting them all. */
  hasMoreRRsets(zoneId: number, than: number): Promise<boolean>;
  readLinks(zoneId: number, limit: number, after?: Octets): Promise<readonly StoredLink[]>;
  /** What is due for a renewal of its signatures first. @param before seconds */
  dueRRsets(zoneId: number, before: number, limit: number): Promise<readonly StoredRRset[]>;
  dueLinks(zoneId: number, before: number, limit: number): Promise<readonly StoredLink[]>;
  /** Zones with something due, the most urgent first. @param before seconds */
  dueZones(before: number, limit: number): Promise<readonly DueZone[]>;
  /** Read several zones, in no particular order; those that were deleted are not among them. */
  readZones(ids: readonly number[]): Promise<readonly ManagedZone[]>;
  /** When the next zone has something due, in seconds. */
  nextDue(): Promise<number | undefined>;
  /** When the first signature of a zone is due, in seconds. */
  firstRefresh(zoneId: number): Promise<number | undefined>;
  listVersions(zoneId: number, limit: number, before?: number): Promise<readonly ZoneVersion[]>;
  readDifferences(
    zoneId: number,
    version: number,
  ): Promise<
    { readonly removed: readonly DifferenceRecord[]; readonly added: readonly DifferenceRecord[] } | undefined
  >;
  /** Forget the differences of versions up to one. */
  dropDifferences(zoneId: number, upTo: number): Promise<void>;
  /** The KMS keys that a zone uses. */
  kmsKeysOf(zoneId: number): Promise<readonly KmsKeyInUse[]>;
  /** Each KMS key that zones use once, with the scope of one of these zones. */
  kmsKeysInUse(): Promise<readonly (KmsKeyInUse & Pick<ManagedZone, 'scope'>)[]>;
  /** Tell whether zones use a KMS key that the KMS was not asked about yet. */
  hasUnknownKmsKey(): Promise<boolean>;
  /** Numbers of the zones that use a KMS key. */
  zonesUsingKey(region: string, keyId: string): Promise<readonly number[]>;
  /**
   * Write down what was heard of a KMS key, and let every zone that uses it be due where that is news.
   *
   * @param now seconds
   */
  noteKmsKey(key: Required<KmsKeyInUse>, now: number): Promise<void>;
  /** Return the answer to an earlier request with a claim. @throws DnssecError conflict when that asked for something else */
  findClaim(claim: IdempotencyClaim): Promise<string | undefined>;
  /** Write down a request that changed nothing. @throws DnssecError conflict when the claim is taken */
  insertClaim(claim: AnsweredClaim): Promise<void>;
  /** Forget claims from before a time, in milliseconds since the epoch. */
  dropClaims(before: number): Promise<void>;
  /** Events of a zone, the newest first. */
  listEvents(zoneId: number, limit: number, before?: number): Promise<readonly NumberedZoneEvent[]>;
  /** Events of a zone, or of all zones of a scope, after one, oldest first. */
  eventsAfter(of: number | ZoneScope, number: number, limit: number): Promise<readonly NumberedZoneEvent[]>;
}
