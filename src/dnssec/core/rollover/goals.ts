import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { hiddenRecords, type RolloverKey } from '#dnssec/core/rollover/key-state.ts';

/**
 * What people and policies ask for. Each function only sets goals; `advance` finds the way there, and finds it from any state,
 * so that a rollover may be started while another is under way, and be turned round at any point.
 */

/** Introduce a key that nothing is published of and nothing is wanted of yet. @param now seconds since the epoch */
export function introduceKey(
  { id, algorithm, role }: { id: string; algorithm: number; role: Role },
  now: number,
): RolloverKey {
  return { id, algorithm, role, goal: 'hidden', records: hiddenRecords(role, now) };
}

/**
 * Take a key for one that the zone has had elsewhere: all resolvers know it and, if it has one, its DS. Its signatures over the
 * data count as new, since others may have signed data that are in caches.
 *
 * @param now seconds since the epoch
 */
export function adoptKey(key: RolloverKey, now: number): RolloverKey {
  const adopted = Object.entries(key.records).filter(([name]) => name !== 'zrrsig');
  const known = adopted.map(([name]) => [name, { state: 'omnipresent', since: now }] as const);
  return { ...key, records: { ...key.records, ...Object.fromEntries(known) } };
}

/**
 * Replace a key by a successor of the same role and algorithm.
 *
 * Source: RFC 6781 §4.1.
 *
 * @throws DnssecError not-found, request-invalid when the successor is no fit
 */
export function startRollover(
  keys: readonly RolloverKey[],
  predecessor: string,
  successor: string,
): readonly RolloverKey[] {
  const [from, to] = [getKey(keys, predecessor), getKey(keys, successor)];
  if (from.id === to.id || from.role !== to.role || from.algorithm !== to.algorithm) {
    throw new DnssecError(
      'request-invalid',
      `key ${to.id} (${to.role}, algorithm ${to.algorithm}) cannot follow key ${from.id} (${from.role}, algorithm ${from.algorithm})`,
    );
  }
  return replaceKeys(keys, [predecessor], [successor]);
}

/**
 * Replace keys by others, of whatever roles and algorithms: an algorithm rollover, or a change from KSK and ZSK to a CSK. Each
 * new key follows the old one that its role is nearest to.
 *
 * Source: RFC 6781 §4.1.4.
 *
 * @throws DnssecError not-found, request-invalid when the keys that remain cannot sign the zone
 */
export function replaceKeys(
  keys: readonly RolloverKey[],
  old: readonly string[],
  successors: readonly string[],
): readonly RolloverKey[] {
  const outgoing = old.map((id) => getKey(keys, id));
  for (const id of successors) getKey(keys, id);
  const changed = keys.map((key) => {
    if (successors.includes(key.id)) return { ...active(key), ...successionOf(key, outgoing) };
    return old.includes(key.id) ? leaving(key) : key;
  });
  assertGoals(changed);
  return changed;
}

function successionOf(key: RolloverKey, outgoing: readonly RolloverKey[]): { predecessor?: string } {
  const nearest = outgoing.find(({ role }) => role === key.role) ?? outgoing[0];
  return nearest === undefined ? {} : { predecessor: nearest.id };
}

/**
 * Turn a replacement round, wherever it stands: the successors leave and the old keys stay, or come back.
 *
 * @throws DnssecError not-found, request-invalid when the keys that remain cannot sign the zone
 */
export function abortRollover(
  keys: readonly RolloverKey[],
  old: readonly string[],
  successors: readonly string[],
): readonly RolloverKey[] {
  for (const id of [...old, ...successors]) getKey(keys, id);
  const changed = keys.map((key) => {
    if (old.includes(key.id)) return active(key);
    return successors.includes(key.id) ? leaving(key) : key;
  });
  assertGoals(changed);
  return changed;
}

/**
 * Publish keys and sign with them; where they have a DS, the zone becomes secure.
 *
 * @throws DnssecError not-found, request-invalid when they cannot sign the zone
 */
export function goSecure(keys: readonly RolloverKey[], ids: readonly string[]): readonly RolloverKey[] {
  return replaceKeys(keys, [], ids);
}

/** Let all keys go: first their DS, and only when no cache has one any more their signatures and DNSKEYs. */
export function goInsecure(keys: readonly RolloverKey[]): readonly RolloverKey[] {
  return keys.map(leaving);
}

/** Let one key go that others make up for. @throws DnssecError not-found, request-invalid */
export function retireKey(keys: readonly RolloverKey[], id: string): readonly RolloverKey[] {
  getKey(keys, id);
  const changed = keys.map((key) => (key.id === id ? leaving(key) : key));
  assertGoals(changed);
  return changed;
}

/** Publish a key and its DS so that it can take over at any time. Source: RFC 7583 §4. @throws DnssecError not-found */
export function standBy(keys: readonly RolloverKey[], id: string): readonly RolloverKey[] {
  getKey(keys, id);
  return keys.map((key) => (key.id === id ? { ...key, goal: 'omnipresent', standby: true } : key));
}

/** @throws DnssecError not-found */
export function getKey(keys: readonly RolloverKey[], id: string): RolloverKey {
  const found = keys.find((key) => key.id === id);
  if (found === undefined) throw new DnssecError('not-found', `the zone has no key ${id}`);
  return found;
}

function active(key: RolloverKey): RolloverKey {
  const { standby: _, ...rest } = key;
  return { ...rest, goal: 'omnipresent' };
}

function leaving(key: RolloverKey): RolloverKey {
  return { ...key, goal: 'hidden' };
}

/**
 * Check that each algorithm that is to stay signs both the DNSKEY RRset and the data: else its keys would wait for ever.
 *
 * Source: RFC 4035 §2.2.
 *
 * @throws DnssecError request-invalid
 */
export function assertGoals(keys: readonly RolloverKey[]): void {
  const staying = keys.filter((key) => key.goal === 'omnipresent');
  for (const algorithm of new Set(staying.map((key) => key.algorithm))) {
    const roles = new Set(
      staying.filter((key) => key.algorithm === algorithm && key.standby !== true).map(({ role }) => role),
    );
    if (roles.has('csk') || (roles.has('ksk') && roles.has('zsk'))) continue;
    throw new DnssecError(
      'request-invalid',
      `algorithm ${algorithm} would be left with ${[...roles].join() || 'standby keys'} alone: it needs a CSK, or a KSK and a ZSK`,
    );
  }
}
