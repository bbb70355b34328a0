import type { CanonicalName } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';

/** What the authoritative servers of the parent show of a key's DS; `unknown` where not all of them could be asked. */
export type DsShown = 'everywhere' | 'nowhere' | 'somewhere' | 'unknown';

/** A delegation, and the keys whose DS is looked for there. */
export interface DsQuestion {
  /** Of the child. */
  readonly apex: CanonicalName;
  /** DNSKEY RDATA; a DS of any digest type that can be computed stands for its key. */
  readonly dnskeys: readonly Rdata[];
}

export interface DsAnswer {
  /** One for each DNSKEY of the question, in its order. */
  readonly shown: readonly DsShown[];
  /** The DS RDATA that servers showed for each DNSKEY, in the order of the question; none where none did. */
  readonly found: readonly (readonly Rdata[])[];
  /** The largest TTL of a DS RRset that a server showed, in seconds; absent where none did. */
  readonly ttl?: number;
  /** DS RDATA that a server showed and that stands for none of the keys. */
  readonly others: readonly Rdata[];
  /** Whether every server could be asked; else there may be DS that nobody showed. */
  readonly isComplete: boolean;
  /** What went wrong with single servers, for people. */
  readonly problems: readonly string[];
  /** Whether a validating resolver vouches for who the parent's servers are; absent where nobody was asked. */
  readonly isValidated?: boolean;
}

/** Asks all authoritative servers of a parent, each at all of its addresses, and never a cache. */
export interface ParentProbe {
  /** A server that cannot be asked makes `unknown` of what depends on it, and is no error. */
  lookUpDs(question: DsQuestion): Promise<DsAnswer>;
}

/** What one name server of a zone shows as its DNSKEY RRset. */
export interface ShownKeySet {
  /** Who shows it, for people. */
  readonly server: string;
  /** DNSKEY RDATA; none where the server says that there is none. */
  readonly dnskeys: readonly Rdata[];
}

/** Asks the name servers of a zone that is signed elsewhere. */
export interface KeySetProbe {
  /** Return what those servers show that can be found and asked; who cannot is no error, and left out. */
  lookUpKeySets(apex: CanonicalName): Promise<readonly ShownKeySet[]>;
}

/** What became of a notice: a parent may not want any. */
export type ParentNotice =
  | { readonly kind: 'told'; readonly where: string }
  | { readonly kind: 'unwanted' }
  | { readonly kind: 'failed'; readonly why: string };

/**
 * Tells parents that the CDS and CDNSKEY of a child are new. A notice is a hint that makes a parent look sooner, and may be
 * lost or repeated.
 */
export interface ParentNotifier {
  /** Tell once that all servers of the child have them: before, the parent would find the old ones. */
  notifyCds(child: CanonicalName): Promise<ParentNotice>;
}
