import { describe, expect, test } from 'vitest';
import { rdataOf } from '#test/support/dns.ts';
import { makeSecure, settle, shownStates } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'commanded.example';
const day = 86_400;

/** A zone that has long been secure, and what is below its `/dnssec`. */
async function open(policy: object = {}) {
  const world = await ManagedWorld.open();
  await makeSecure(world, name, policy);
  const call = async (method: string, path: string, body?: object) => {
    const answer = await world.call(method, `/zones/${name}/dnssec${path}`, body);
    await world.observe(name);
    return answer;
  };
  return { world, call };
}

describe('people and programs', () => {
  test('start a rollover and turn it round, and it is not begun again by itself', async () => {
    const { world, call } = await open();
    await using _ = world;
    const started = await call('POST', '/rollovers');
    expect(started.body['signingKeys'].map(({ version }: { version: number }) => version)).toEqual([1, 2]);
    await world.pass(name, day / 4);
    expect((await call('DELETE', '/rollovers')).status).toBe(200);
    expect((await call('DELETE', '/rollovers')).status).toBe(400);
    await world.until(name, async () => (await world.keys(name)).length === 1);
    await world.look();
    await world.pass(name, 3 * day);
    expect(await world.keys(name)).toMatchObject([{ version: 1 }]);
    await call('POST', '/rollovers', { role: 'csk' });
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 3 }]);
    expect((await call('POST', '/rollovers', { role: 'zsk' })).status).toBe(400);
  });

  test('have the registrar remove the DS that the parent really has, of whatever digest type', async () => {
    const { world, call } = await open();
    await using _ = world;
    world.isParentPrompt = false;
    world.parent.digestTypes = [4];
    const [old] = await world.keys(name);
    const opaque = `${old.keyTag} 13 5 ABCDEF`;
    world.parent.foreign = [rdataOf('DS', opaque), rdataOf('DS', '1 13 5 ABCDEF')];
    await call('POST', '/rollovers');
    await world.pass(name, day);
    await world.restart();
    const { body } = await call('GET', '/registrar');
    const [removed, added] = body.keys;
    expect([removed.action, added.action]).toEqual(['remove', 'add']);
    expect(removed.parentDs).toEqual([removed.ds[1], expect.stringContaining(opaque)]);
    const epp = await world.picture(`/zones/${name}/dnssec/registrar?format=epp`);
    const [rem = '', add = ''] = epp.split('<secDNS:add>');
    expect([...rem.matchAll(/digestType>(\d)</g)].map(([, type]) => type)).toEqual(['4', '5']);
    expect([...add.matchAll(/digestType>(\d)</g)].map(([, type]) => type)).toEqual(['2']);
    const text = await world.picture(`/zones/${name}/dnssec/registrar?format=text`);
    expect(text).toContain(`  ${removed.ds[1]}`);
    expect(text).not.toContain(removed.ds[0]);
    world.parent.isReachable = false;
    await world.pass(name, day / 24);
    expect((await call('GET', '/registrar')).body.keys[0].parentDs).toHaveLength(2); // what was seen last counts
    world.parent.isReachable = true;
    world.parent.foreign = [];
    world.isParentPrompt = true;
    await settle(world, name);
    expect((await call('GET', '/registrar')).body.keys).toMatchObject([{ action: 'keep', parentDs: [{}] }]);
  });

  test('replace a lost key by a standby key, and no resolver notices', async () => {
    const { world, call } = await open();
    await using _ = world;
    expect((await call('POST', '/keys')).status).toBe(200);
    await world.until(name, async () =>
      (await world.keys(name)).some((key) => key.standby && shownStates(key) === 'ohho'),
    );
    const [lost, standby] = await world.keys(name);
    const replaced = await call('POST', `/keys/${lost.key}/replace`);
    expect(replaced.status).toBe(200);
    expect(replaced.body).not.toHaveProperty('outage');
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ key: standby.key, standby: false }]);
    expect(await world.faults(name)).toEqual([]);
  });

  test('replace a lost key at once where nothing stands by, and are told how long that hurts', async () => {
    const { world } = await open();
    await using _ = world;
    const [lost] = await world.keys(name);
    const { body } = await world.call('POST', `/zones/${name}/dnssec/keys/${lost.key}/replace`);
    expect(body['outage']).toEqual({ zoneSeconds: 3600 + 300, afterParentSeconds: day + 3600 });
    const [old, fresh] = await world.keys(name);
    expect([shownStates(old), shownStates(fresh)]).toEqual(['uuuu', 'rrrr']);
    expect(await world.text(name)).not.toContain(old.dnskey.split(' ').at(-1));
    expect(await world.faults(name)).toEqual([]);
  });

  test('let a standby key go, and keep those that are needed', async () => {
    const { world, call } = await open();
    await using _ = world;
    await call('POST', '/keys');
    const [needed, standby] = await world.keys(name);
    expect((await call('DELETE', `/keys/${needed.key}`)).status).toBe(400);
    expect((await call('DELETE', `/keys/none`)).status).toBe(404);
    expect((await call('DELETE', `/keys/${standby.key}`)).status).toBe(200);
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ key: needed.key }]);
  });

  test('hold every step of a rollover where the policy asks for their word', async () => {
    const { world, call } = await open({ approval: true });
    await using _ = world;
    await call('POST', '/rollovers');
    await world.pass(name, 5 * day);
    const [, held] = await world.keys(name);
    expect(shownStates(held)).toBe('hhhh');
    expect(held.waiting[0]).toMatchObject({ record: 'dnskey', to: 'rumoured', kind: 'human' });
    for (let count = 0; count < 8; count++) {
      await call('POST', '/approve');
      await world.pass(name, 3 * day);
    }
    expect(await world.keys(name)).toMatchObject([{ version: 2 }]);
  });
});

describe('what is seen of a rollover', () => {
  test('events tell of it in order, once each, to those of the zone and of all zones', async () => {
    const { world, call } = await open();
    await using _ = world;
    await call('POST', '/rollovers');
    await settle(world, name);
    const { body: events } = await call('GET', '/events?limit=1000');
    const kinds: string[] = events.map(({ kind }: { kind: string }) => kind);
    const inOrder = [
      'signing-on',
      'ds-needed',
      'ds-seen',
      'rollover-started',
      'ds-needed',
      'ds-unneeded',
      'rollover-done',
    ];
    let from = 0;
    for (const kind of inOrder) {
      const at = kinds.indexOf(kind, from);
      expect(at, `${kind} after ${kinds.slice(0, from).join(' ')}`).toBeGreaterThanOrEqual(0);
      from = at + 1;
    }
    const { body: second } = await call('GET', `/events?after=${events[0].number}&limit=1`);
    expect(second).toEqual([events[1]]);
    const { body: all } = await world.call('GET', '/events?limit=1000');
    const { body: zone } = await world.call('GET', `/zones/${name}`);
    expect(all).toEqual(events.map((event: object) => ({ ...event, zone: zone['identity'] })));
  });

  test('the timeline has the past and what is to come, as data and as a picture', async () => {
    const { world, call } = await open();
    await using _ = world;
    await call('POST', '/rollovers');
    const { body: timeline } = await call('GET', '/timeline');
    expect(timeline.keys).toHaveLength(2);
    const [old, successor] = timeline.keys;
    expect(timeline.past.at(-1)).toMatchObject({ key: successor.key, to: 'rumoured', at: timeline.now });
    const last = timeline.planned.at(-1);
    expect(last).toMatchObject({ key: old.key, to: 'hidden', atTheEarliest: true });
    await settle(world, name);
    // A prompt parent is as quick as the plan took it for.
    expect(world.now - Date.parse(last.at) / 1000).toBeLessThan(2 * 300);
    const picture = await world.picture(`/zones/${name}/dnssec/timeline?format=svg`);
    expect(picture).toMatch(/^<\?xml|^<svg/);
    expect(picture).toContain(name);
  });

  test('every key tells what it waits for, and until when', async () => {
    const { world, call } = await open();
    await using _ = world;
    world.isParentPrompt = false;
    await call('POST', '/rollovers');
    const [, successor] = await world.keys(name);
    const wait = successor.waiting.find(({ record }: { record: string }) => record === 'dnskey');
    expect(wait).toMatchObject({ to: 'omnipresent', kind: 'time' });
    expect(Date.parse(wait.until) / 1000 - world.now).toBe(3600 + 300 + 3600);
    await world.pass(name, day);
    const [, asked] = await world.keys(name);
    expect(asked.waiting).toEqual([expect.objectContaining({ record: 'ds', to: 'omnipresent', kind: 'parent' })]);
    const seen = await call('POST', '/ds-seen', { keyTag: asked.keyTag });
    expect(seen.body).toMatchObject({ dsDelegated: true });
    const [, sighted] = await world.keys(name);
    expect(sighted.waiting).toMatchObject([{ record: 'ds', kind: 'time' }]);
  });
});
