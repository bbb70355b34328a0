import { goalOf, isPublished, type Move, type RolloverKey, spansOf, stateOf } from '#dnssec/core/rollover/key-state.ts';
import type { RolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import { isCovered, overlapOf, type Span } from '#dnssec/core/rollover/spans.ts';

/**
 * The three rules: the parent has a DS; every DS set in a cache leads to every DNSKEY RRset in a cache; every DNSKEY RRset
 * leads to every signed RRset. The last two are asked of each algorithm.
 *
 * The published rules name pairs of predecessor and successor. We ask instead that at every instant of the past at least one
 * of the keys that count was published: that is what makes such a pair safe, it holds for any number of keys
 * that replace each other and turn back, and it doesn't take one good pair for proof that all are good.
 *
 * Source: RFC 4035 §2.2, RFC 6840 §5.11.
 */
export interface BrokenRule {
  readonly rule: 'ds' | 'dnskey' | 'rrsig';
  /** DNSSEC algorithm number; none for the first rule. */
  readonly algorithm?: number;
}

type SafetyPolicy = Pick<RolloverPolicy, 'algorithmRollover'>;

/** Return the rules that do not hold. */
export function brokenRules(keys: readonly RolloverKey[], policy: SafetyPolicy): readonly BrokenRule[] {
  const broken: BrokenRule[] = [];
  if (!isGoingInsecure(keys) && !keys.some((key) => isPublished(key, 'ds'))) broken.push({ rule: 'ds' });
  for (const algorithm of new Set(keys.map((key) => key.algorithm))) {
    const own = keys.filter((key) => key.algorithm === algorithm);
    if (!isDnskeyFound(own)) broken.push({ rule: 'dnskey', algorithm });
    const trusted = policy.algorithmRollover === 'liberal' ? own : keys;
    if (!trusted.every(isDsHidden) && !isRrsigFound(own)) broken.push({ rule: 'rrsig', algorithm });
  }
  return broken;
}

/** Tell whether no key is to keep or get a DS. */
export function isGoingInsecure(keys: readonly RolloverKey[]): boolean {
  return keys.every((key) => key.records.ds === undefined || goalOf(key, 'ds') === 'hidden');
}

const isDsHidden = (key: RolloverKey): boolean => stateOf(key, 'ds') === 'hidden';
const isEverywhere = (key: RolloverKey, ...records: ('dnskey' | 'zrrsig' | 'krrsig' | 'ds')[]): boolean =>
  records.every((record) => stateOf(key, record) === 'omnipresent');

/** Whichever DS set and DNSKEY RRset meet, a key is in both and signs the latter. */
function isDnskeyFound(keys: readonly RolloverKey[]): boolean {
  if (keys.some((key) => isEverywhere(key, 'dnskey', 'krrsig', 'ds'))) return true;
  if (keys.every((key) => isDsHidden(key) || isEverywhere(key, 'dnskey', 'krrsig'))) return true;
  const inEveryDsSet = keys.filter((key) => isEverywhere(key, 'ds'));
  return isCovered(
    {},
    inEveryDsSet.flatMap((key) => overlapOf(spansOf(key, 'dnskey'), spansOf(key, 'krrsig'))),
  );
}

/** Whichever DNSKEY RRset and signed RRset meet, a key is in the former and signs the latter. */
function isRrsigFound(keys: readonly RolloverKey[]): boolean {
  if (keys.some((key) => isEverywhere(key, 'dnskey', 'zrrsig'))) return true;
  const inEveryKeySet = keys.filter((key) => isEverywhere(key, 'dnskey'));
  if (isCovered({}, publishedSpans(inEveryKeySet, 'zrrsig'))) return true;
  const onEveryRRset = keys.filter((key) => isEverywhere(key, 'zrrsig'));
  const signing = publishedSpans(onEveryRRset, 'dnskey');
  return publishedSpans(keys, 'dnskey').every((span) => isCovered(span, signing));
}

function publishedSpans(keys: readonly RolloverKey[], record: 'dnskey' | 'zrrsig'): readonly Span[] {
  return keys.flatMap((key) => spansOf(key, record));
}

/**
 * Return the rules that forbid a move: those that hold before it and not after it, and, for a withdrawal, those that hold
 * neither before nor after it. Without a DS nothing is bogus, so that the first rule is asked of a DS's own moves alone.
 */
export function rulesAgainst(
  before: readonly RolloverKey[],
  after: readonly RolloverKey[],
  { record, to }: Pick<Move, 'record' | 'to'>,
  policy: SafetyPolicy,
): readonly BrokenRule[] {
  const brokenAfter = brokenRules(after, policy).filter(({ rule }) => rule !== 'ds' || record === 'ds');
  if (brokenAfter.length === 0 || to === 'unretentive') return brokenAfter;
  const brokenBefore = brokenRules(before, policy);
  return brokenAfter.filter(
    (broken) => !brokenBefore.some(({ rule, algorithm }) => rule === broken.rule && algorithm === broken.algorithm),
  );
}

/** Return for people what a broken rule would mean. */
export function describeBrokenRule({ rule, algorithm }: BrokenRule): string {
  if (rule === 'ds') return 'the parent would be left without a DS';
  const where = `with algorithm ${algorithm}`;
  return rule === 'dnskey'
    ? `resolvers could hold a DS set and a DNSKEY RRset that share no signing key ${where}`
    : `resolvers could hold a DNSKEY RRset and data that share no signing key ${where}`;
}
