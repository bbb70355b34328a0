import { describe, expect, test } from 'vitest';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'rolling.example';
const day = 86_400;

const statesOf = (key: { records: Record<string, { state: string }> }): string =>
  ['dnskey', 'zrrsig', 'krrsig', 'ds'].map((record) => key.records[record]?.state[0] ?? '-').join('');

describe('a managed zone whose KMS key is rotated', () => {
  test('goes secure, rolls its CSK over, and goes insecure, with a chain of trust at every instant', async () => {
    await using world = await ManagedWorld.open();
    await world.signedZone(name);
    expect(await world.faults(name)).toEqual([]);
    expect(await world.text(name)).not.toContain('CDS');
    await world.until(name, async () => statesOf((await world.keys(name))[0]) === 'oooo');
    expect(await world.text(name)).toContain('CDS');
    const [first] = await world.keys(name);

    await world.rotate(first.kmsKeyIdentity);
    await world.tend(name);
    const [old, successor] = await world.keys(name);
    expect(statesOf(old)).toBe('oooo');
    expect(statesOf(successor)).toBe('rhrh');
    expect(successor).toMatchObject({ version: 2, predecessor: old.key, goal: 'omnipresent' });
    await world.until(name, async () => (await world.keys(name)).length === 1);
    expect(statesOf((await world.keys(name))[0])).toBe('oooo');
    expect(await world.faults(name)).toEqual([]);

    expect((await world.call('DELETE', `/zones/${name}/dnssec`)).status).toBe(204);
    await world.observe(name);
    await world.until(name, async () => (await world.zone(name)).signing === undefined);
    expect(await world.text(name)).not.toMatch(/RRSIG|DNSKEY|CDS/);
    await world.pass(name, 3 * day);
  });
});
