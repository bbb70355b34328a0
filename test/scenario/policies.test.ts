import { describe, expect, test } from 'vitest';
import { makeSecure, settle } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';

const name = 'ruled.example';

describe('policies', () => {
  test('are written in versions that stay, complete with defaults', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    const { body: before } = await world.call('GET', '/policies');
    expect(before).toMatchObject([{ name: 'default', version: 0, policy: { keyType: 'ecdsa-p256', keys: 'csk' } }]);
    expect((await world.call('PUT', '/policies/strict', { denial: 'nsec3' })).body).toMatchObject({
      name: 'strict',
      version: 1,
      policy: { denial: 'nsec3', validity: before[0].policy.validity },
    });
    expect((await world.call('PUT', '/policies/strict', { denial: 'nsec3' })).body).toMatchObject({ version: 1 });
    expect((await world.call('PUT', '/policies/strict', { jitter: 0 })).body).toMatchObject({
      version: 2,
      policy: { denial: 'nsec', jitter: 0 },
    });
    expect((await world.call('GET', '/policies/strict?version=1')).body).toMatchObject({ policy: { denial: 'nsec3' } });
    expect((await world.call('GET', '/policies/strict')).body).toMatchObject({ version: 2 });
    expect((await world.call('GET', '/policies')).body).toMatchObject([{ name: 'default' }, { name: 'strict' }]);
    await world.restart();
    expect((await world.call('GET', '/policies/strict')).body).toMatchObject({ version: 2, policy: { jitter: 0 } });
  });

  test.each([
    ['/policies/Bad', {}, 'name'],
    ['/policies/p', { validity: 10, refresh: 10 }, 'validity'],
    ['/policies/p', { refresh: 10_000, maxTtl: 86_400 }, 'refresh must be at least'],
    ['/policies/p', { optOut: true }, 'optOut'],
    ['/policies/p', { keyLifetime: 5 }, 'whole days'],
    ['/policies/p', { unknown: 1 }, 'unknown'],
  ])('%s %j is refused', async (path, body, message) => {
    await using world = await ManagedWorld.open({ isTold: true });
    const answer = await world.call('PUT', path, body);
    expect([answer.status, answer.body['message']]).toEqual([400, expect.stringContaining(message)]);
    expect((await world.call('GET', '/policies')).body).toHaveLength(1);
  });

  test('of the name default rule zones that name none', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await world.call('PUT', '/policies/default', { keyType: 'ed25519', denial: 'nsec3' });
    await world.signedZone(name, undefined);
    expect((await world.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({
      policyName: 'default',
      policyVersion: 1,
      policy: { keyType: 'ed25519', denial: 'nsec3' },
    });
    expect(await world.keys(name)).toMatchObject([{ algorithm: 15 }]);
  });

  test('are shown for what they would do to a zone, and then carried out by safe steps', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await world.call('PUT', '/policies/house', {});
    await makeSecure(world, name, undefined, { policyName: 'house' });
    const path = `/zones/${name}/dnssec`;
    const { serial } = await world.zone(name);

    const preview = await world.call('PUT', `${path}?dryRun=true`, {
      region: 'nl-01',
      policy: { keys: 'split', denial: 'nsec3', maxTtl: 60 },
    });
    expect(preview.body).toMatchObject({
      changes: [
        { field: 'denial', from: 'nsec', to: 'nsec3' },
        { field: 'keys', from: 'csk', to: 'split' },
        { field: 'maxTtl', from: 86_400, to: 60 },
      ],
      effects: ['key-rollover', 'signed-anew'],
      faults: expect.arrayContaining([expect.stringMatching(/www.*TTL/)]),
    });
    expect((await world.call('PUT', path, { region: 'nl-01', policy: { maxTtl: 60 } })).status).toBe(422);
    expect(await world.zone(name)).toMatchObject({ serial });

    await world.call('PUT', '/policies/house', { keys: 'split', denial: 'nsec3' });
    expect((await world.call('GET', path)).body).toMatchObject({ policyName: 'house', policyVersion: 1 });
    const shown = await world.call('POST', '/policies/house/apply?dryRun=true');
    expect(shown.body).toMatchObject({
      version: 2,
      dryRun: true,
      zones: [{ name, from: 1, effects: ['key-rollover', 'signed-anew'], faults: [] }],
      left: 1,
    });
    expect(await world.zone(name)).toMatchObject({ serial });
    const applied = await world.call('POST', '/policies/house/apply');
    await world.observe(name);
    expect(applied.body).toMatchObject({ version: 2, zones: [{ name, faults: [] }], left: 0 });
    expect((await world.call('GET', path)).body).toMatchObject({ policyName: 'house', policyVersion: 2 });
    expect(await world.text(name)).toContain('NSEC3PARAM');
    await settle(world, name);
    expect((await world.keys(name)).map(({ role }) => role)).toEqual(['ksk', 'zsk']);
    expect(await world.faults(name)).toEqual([]);
    expect((await world.call('POST', '/policies/house/apply')).body).toMatchObject({ zones: [], left: 0 });
  });

  test('that a zone cannot have are told of, and the zone keeps what it has', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await world.call('PUT', '/policies/house', {});
    const { body: key } = await world.call('POST', '/v1/kms/nl-01/keys', { name: 'mine', keyType: 'ecdsa-p256' });
    await makeSecure(world, name, undefined, { policyName: 'house', kmsKeyIdentity: key['identity'] });
    await world.call('PUT', '/policies/house', { keys: 'split' });
    const { body } = await world.call('POST', '/policies/house/apply');
    expect(body).toMatchObject({ zones: [{ name, faults: [expect.stringContaining('split')] }], left: 1 });
    expect((await world.call('GET', `/zones/${name}/dnssec`)).body).toMatchObject({ policyVersion: 1 });
    const both = { region: 'nl-01', policyName: 'house', policy: { jitter: 0 } };
    expect((await world.call('PUT', `/zones/${name}/dnssec`, both)).status).toBe(400);
    expect((await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policyName: 'no' })).status).toBe(404);
  });

  test('fields that are given one by one make a policy of the zone its own', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name, undefined);
    await world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policy: { retireSafety: 7200 } });
    const { body } = await world.call('GET', `/zones/${name}/dnssec`);
    expect(body).toMatchObject({ policy: { retireSafety: 7200 } });
    expect(body).not.toHaveProperty('policyName');
  });
});
