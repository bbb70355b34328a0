import { describe, expect, test } from 'vitest';
import { makeSecure, settle } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'stuck.example';
const day = 86_400;

/** A zone that has long been secure, whose parent does nothing by itself from now on and cannot be asked. */
async function open(policy: object = {}): Promise<ManagedWorld> {
  const world = await ManagedWorld.open({ isTold: true });
  await makeSecure(world, name, policy);
  world.isParentPrompt = false;
  return world;
}

async function post(world: ManagedWorld, path: string, body?: object): Promise<void> {
  await world.call('POST', `/zones/${name}/dnssec/${path}`, body);
  await world.observe(name);
}

/** What was told of stuck rollovers, the newest first. */
async function stuck(world: ManagedWorld): Promise<readonly { text: string }[]> {
  const { body } = await world.call('GET', `/zones/${name}/dnssec/events?limit=1000`);
  return body.filter(({ kind }: { kind: string }) => kind === 'rollover-stuck');
}

describe('it is told once that a rollover is stuck', () => {
  test('whose parent does not exchange the DS, of each DS', async () => {
    await using world = await open();
    await post(world, 'rollovers');
    await world.until(name, async () => (await world.keys(name)).at(-1).records.ds.state === 'rumoured');
    const since = world.now;
    expect(await stuck(world)).toEqual([]);
    await world.until(name, async () => (await stuck(world)).length > 0);
    expect(world.now).toBe(since + 3 * day + day + 3600);
    const texts = async () => (await stuck(world)).map(({ text }) => text).toSorted();
    const both = [
      expect.stringContaining('the DS is not gone from all servers of the parent'),
      expect.stringContaining('the DS is not seen at all servers of the parent'),
    ];
    expect(await texts()).toEqual(expect.arrayContaining(both));
    const [old, successor] = await world.keys(name);
    for (const server of ['a', 'b'] as const) await world.setDs(name, server, [old.keyTag, successor.keyTag]);
    await post(world, 'ds-seen', { key: successor.key });
    await world.pass(name, 9 * day);
    expect(await stuck(world)).toHaveLength(2);
    world.isParentPrompt = true;
    await settle(world, name);
    expect(await stuck(world)).toHaveLength(2);
    expect((await world.zone(name)).signing).not.toHaveProperty('waits');
  });

  test('that nobody allows to go on', async () => {
    await using world = await open({ approval: true });
    await post(world, 'rollovers');
    await world.pass(name, 3 * day - 1);
    expect(await stuck(world)).toEqual([]);
    await world.pass(name, 1);
    expect((await stuck(world)).map(({ text }) => text)).toEqual([expect.stringContaining('a person has to allow it')]);
    await world.pass(name, 5 * day);
    expect(await stuck(world)).toHaveLength(1);
  });

  test('whose new key cannot be used for a day; without a rollover a failure is none', async () => {
    await using world = await open();
    const [{ kmsKeyIdentity }] = await world.keys(name);
    world.spoil = (url) => (url.endsWith('/sign') ? { status: 503 } : undefined);
    const { refreshAt = 0 } = await world.zone(name);
    world.clock.advance(refreshAt - world.now);
    expect(await world.tryToTend(name)).toContain('503');
    world.clock.advance(day);
    expect(await world.tryToTend(name)).toContain('503');
    expect(await stuck(world)).toEqual([]);
    await world.rotate(kmsKeyIdentity);
    for (const wait of [0, day - 1, 1, day]) {
      world.clock.advance(wait);
      expect(await world.tryToTend(name)).toContain('503');
    }
    expect(await stuck(world)).toHaveLength(1);
    expect(await stuck(world)).toMatchObject([{ text: expect.stringContaining('503') }]);
    world.spoil = undefined;
    world.isParentPrompt = true;
    await settle(world, name);
    expect(await stuck(world)).toHaveLength(1);
    expect(await world.faults(name)).toEqual([]);
  });
});
