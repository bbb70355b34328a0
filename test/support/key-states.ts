import type { ManagedWorld } from '#test/support/managed-world.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- keys as the API shows them
export type ShownKey = any;

/** `dnskey zrrsig krrsig ds` by their first letters, `-` for what the role does not have. */
export function shownStates(key: ShownKey): string {
  return ['dnskey', 'zrrsig', 'krrsig', 'ds'].map((record) => key.records[record]?.state[0] ?? '-').join('');
}

/** Tell whether every key is to stay and known to all resolvers. */
export function areSettled(keys: readonly ShownKey[]): boolean {
  return keys.every((key) => key.goal === 'omnipresent' && (key.standby || /^[o-]+$/.test(shownStates(key))));
}

/** Live on until all rollovers of a zone are over. */
export async function settle(world: ManagedWorld, name: string): Promise<void> {
  await world.tend(name);
  await world.until(name, async () => areSettled(await world.keys(name)));
}

/** Make a zone that has long been secure. */
export async function makeSecure(world: ManagedWorld, name: string, policy?: object, more: object = {}): Promise<void> {
  await world.signedZone(name, policy, more);
  await settle(world, name);
}
