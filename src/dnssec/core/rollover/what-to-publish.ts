import { isPublished, type RolloverKey, stateOf } from '#dnssec/core/rollover/key-state.ts';
import { isGoingInsecure } from '#dnssec/core/rollover/safety.ts';
import type { ParentSightings } from '#dnssec/core/rollover/sightings.ts';

/** What the zone asks of its parent: nothing, a DS for each of these keys, or to remove all. Source: RFC 8078 §4. */
export type CdsRequest =
  | { readonly kind: 'none' }
  | { readonly kind: 'set'; readonly keys: readonly string[] }
  | { readonly kind: 'delete' };

/** What is to be published of the keys, by key id; each list in the order of the keys. */
export interface Publication {
  readonly dnskeys: readonly string[];
  /** The keys that sign the DNSKEY RRset, and with it CDS and CDNSKEY. Source: RFC 7344 §4.1. */
  readonly dnskeySigners: readonly string[];
  /** The keys that sign all other RRsets. */
  readonly dataSigners: readonly string[];
  readonly cds: CdsRequest;
  readonly ds: WantedDs;
}

/** The keys whose DS the parent should have, and what is to be done for that; all that is to be added before all else. */
export interface WantedDs {
  readonly wanted: readonly string[];
  /** Wanted and not seen at all servers of the parent. */
  readonly add: readonly string[];
  /** Not wanted and not seen to be gone. */
  readonly remove: readonly string[];
  /** To be removed, of keys whose DNSKEY is not published any more: harmless beside others, and to be warned of. */
  readonly lingering: readonly string[];
}

/** Tell what a zone version publishes of its keys, and what its parent should have, from the states of the keys alone. */
export function whatToPublish(keys: readonly RolloverKey[], parent: ParentSightings = new Map()): Publication {
  const idsOf = (chosen: (key: RolloverKey) => boolean): string[] => keys.filter(chosen).map(({ id }) => id);
  const isUnwanted = (key: RolloverKey): boolean =>
    stateOf(key, 'ds') === 'unretentive' && parent.get(key.id)?.kind !== 'nowhere';
  return {
    dnskeys: idsOf((key) => isPublished(key, 'dnskey')),
    // A signature by a key that is not in the RRset is of no use to anyone.
    dnskeySigners: idsOf((key) => isPublished(key, 'krrsig') && isPublished(key, 'dnskey')),
    dataSigners: idsOf((key) => isPublished(key, 'zrrsig')),
    cds: cdsOf(keys, idsOf(isWanted)),
    ds: {
      wanted: idsOf(isWanted),
      add: idsOf((key) => isWanted(key) && parent.get(key.id)?.kind !== 'everywhere'),
      remove: idsOf(isUnwanted),
      lingering: idsOf((key) => isUnwanted(key) && !isPublished(key, 'dnskey')),
    },
  };
}

function isWanted(key: RolloverKey): boolean {
  return isPublished(key, 'ds');
}

/**
 * A key is asked for as long as its DS is published, be it on its way out: safety still needs it. With nothing to ask for, a
 * zone that goes insecure asks for removal, until no cache has a DS.
 */
function cdsOf(keys: readonly RolloverKey[], wanted: readonly string[]): CdsRequest {
  if (wanted.length > 0) return { kind: 'set', keys: wanted };
  const isLeft = keys.some((key) => stateOf(key, 'ds') === 'unretentive');
  return isLeft && isGoingInsecure(keys) ? { kind: 'delete' } : { kind: 'none' };
}
