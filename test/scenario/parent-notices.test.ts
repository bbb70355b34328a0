import { describe, expect, test } from 'vitest';
import { formatName } from '#dns/name.ts';
import type { ParentNotice } from '#dnssec/ports-parent.ts';
import { settle } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'told.example';
const day = 86_400;
/** Seconds, of the default policy. */
const propagationDelay = 300;

interface Told {
  readonly child: string;
  /** Seconds since the epoch. */
  readonly at: number;
}

const failed: ParentNotice = { kind: 'failed', why: 'nobody answered' };

/** Open a world whose parent answers notices so, all but the first ones. @returns it, and the notices that came */
async function openTold(notice: ParentNotice = { kind: 'told', where: 'scanner.example.' }, dropped = 0) {
  const told: Told[] = [];
  const world: ManagedWorld = await ManagedWorld.open({
    wrap: (ports) => ({
      ...ports,
      parentNotifier: {
        async notifyCds(child) {
          told.push({ child: formatName(child), at: ports.clock.now() / 1000 });
          return told.length > dropped ? notice : failed;
        },
      },
    }),
  });
  world.isParentPrompt = false;
  return { world, told };
}

async function noticesIn(world: ManagedWorld): Promise<string[]> {
  const { body } = await world.call('GET', `/zones/${name}/dnssec/events?limit=1000`);
  const events = body as readonly { readonly kind: string; readonly text: string }[];
  return events.filter(({ kind }) => /^parent-(?:not-)?told$/.test(kind)).map(({ kind, text }) => `${kind}: ${text}`);
}

/** Live until the zone asks its parent for something. @returns when, in seconds */
async function untilAsked(world: ManagedWorld): Promise<number> {
  const isAsking = async (): Promise<boolean> =>
    (await world.zone(name)).signing?.keys.some(({ records }) => records.ds?.state === 'rumoured') === true;
  await world.until(name, isAsking);
  return world.now;
}

describe('NOTIFY(CDS) (RFC 9859 §4.2)', () => {
  test('the parent is told once of new CDS, when all servers of the zone have them, and again of the next ones', async () => {
    const { world, told } = await openTold();
    await using _world = world;
    await world.signedZone(name);
    const asked = await untilAsked(world);
    expect(told).toEqual([]);
    await world.pass(name, day / 4);
    expect(told).toMatchObject([{ child: `${name}.` }]);
    expect(told[0]?.at).toBeGreaterThanOrEqual(asked + propagationDelay);
    expect(told[0]?.at).toBeLessThan(asked + propagationDelay + 600);
    expect(await noticesIn(world)).toEqual(['parent-told: scanner.example. was told of new CDS records']);

    world.isParentPrompt = true;
    await settle(world, name);
    world.isParentPrompt = false;
    const [{ kmsKeyIdentity }] = await world.keys(name);
    await world.rotate(kmsKeyIdentity);
    await world.tend(name);
    expect(told).toHaveLength(1);
    await untilAsked(world);
    await world.pass(name, day / 6);
    expect(told).toHaveLength(2);
  });

  test('a parent that drops the first notices gets others, after longer and longer pauses, through a restart', async () => {
    const { world, told } = await openTold(undefined, 3);
    await using _world = world;
    await world.signedZone(name);
    const asked = await untilAsked(world);
    await world.pass(name, 1200);
    expect(told).toHaveLength(2);
    await world.restart();
    await world.pass(name, day / 2);
    const pauses = told.slice(1).map(({ at }, index) => at - (told[index]?.at ?? 0));
    for (const [index, least] of [300, 1200, 4800].entries()) {
      expect(pauses[index]).toBeGreaterThanOrEqual(least);
      expect(pauses[index]).toBeLessThan(least + 600);
    }
    expect(told).toHaveLength(4);
    expect(told[0]?.at).toBeGreaterThanOrEqual(asked + propagationDelay);
    expect(await noticesIn(world)).toEqual([
      'parent-not-told: the parent could not be told of new CDS records, and is tried again: nobody answered',
      'parent-told: scanner.example. was told of new CDS records',
    ]);
  });

  test('a parent that has done as asked after a notice failed gets no other', async () => {
    const { world, told } = await openTold(failed);
    await using _world = world;
    await world.signedZone(name);
    await untilAsked(world);
    await world.pass(name, 400);
    expect(told).toHaveLength(1);
    const [{ keyTag }] = await world.keys(name);
    for (const server of ['a', 'b'] as const) await world.setDs(name, server, [keyTag]);
    await world.pass(name, day);
    expect(told).toHaveLength(1);
  });

  test('a parent that can never be told is left alone after five tries, and everything goes on', async () => {
    const { world, told } = await openTold(failed);
    await using _world = world;
    await world.signedZone(name);
    await untilAsked(world);
    await world.pass(name, 2 * day);
    expect(told).toHaveLength(5);
    expect(await noticesIn(world)).toEqual([
      'parent-not-told: the parent could not be told of new CDS records, and is tried again: nobody answered',
      'parent-not-told: the parent could not be told of new CDS records in 5 tries, and finds out by itself: nobody answered',
    ]);
    world.isParentPrompt = true;
    await settle(world, name);
    expect((await world.zone(name)).signing?.lastSignError).toBeUndefined();
  });

  test('a parent that wants no notices gets none worth telling of', async () => {
    const { world, told } = await openTold({ kind: 'unwanted' });
    await using _world = world;
    await world.signedZone(name);
    await untilAsked(world);
    await world.pass(name, day / 6);
    expect(told).toHaveLength(1);
    expect(await noticesIn(world)).toEqual([]);
  });

  test('a parent that has done as asked is not told', async () => {
    const { world, told } = await openTold();
    await using _world = world;
    world.isParentPrompt = true;
    await world.signedZone(name);
    await settle(world, name);
    await world.pass(name, 3 * day);
    expect(told).toEqual([]);
  });
});
