import { describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { judge, judgeAll, judges } from '#test/support/judges.ts';
import { makeSecure, settle, type ShownKey, shownStates } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';
import { describeWith } from '#test/support/requirements.ts';

const name = 'living.example';
const day = 86_400;
/** Judges that can be told what time it is. */
const timed = ['ldns-verify-zone', 'kzonecheck'] as const;

describeWith([...timed], 'two years in the life of a zone', () => {
  test('keys rotate by their lifetimes, algorithms and denial change, and it is always valid', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    const accepted = async (): Promise<void> => {
      expect(await world.faults(name)).toEqual([]);
      const text = await world.text(name);
      const verdicts = await Promise.all(
        timed.map((one) => judge(one, { origin: `${name}.`, text, at: Math.floor(world.now) })),
      );
      for (const verdict of verdicts) expect(verdict.accepted, `${verdict.judge}: ${verdict.output}`).toBe(true);
    };
    const lifetimes = { keyLifetime: 180 * day, zskLifetime: 60 * day };
    await makeSecure(world, name, { keys: 'split', ...lifetimes });
    await accepted();

    /** Live some weeks; the KMS rotates what is due, and somebody changes a record now and then. */
    const live = async (weeks: number): Promise<void> => {
      for (let week = 0; week < weeks; week++) {
        await world.pass(name, 7 * day);
        await world.rotateDue();
        await world.tend(name);
        const record = { name: 'www', type: 'A', values: [`192.0.2.${1 + (week % 250)}`] };
        await world.call('POST', `/zones/${name}/changes`, { changes: [{ action: 'put', ...record }] });
        await world.observe(name);
        if (week % 4 === 0) await accepted();
      }
    };
    await live(40);
    const versions = async () => (await world.keys(name)).map(({ role, version }) => `${role} ${version}`);
    expect(await versions()).toEqual(expect.arrayContaining([expect.stringMatching(/^ksk [2-9]/)]));
    expect(await versions()).toEqual(expect.arrayContaining([expect.stringMatching(/^zsk [3-9]/)]));

    const put = (policy: object) => world.call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policy });
    expect((await put({ denial: 'nsec3', keyType: 'ed25519' })).status).toBe(200);
    await world.observe(name);
    await live(30);
    expect((await world.keys(name)).map(({ algorithm }) => algorithm)).toEqual([15, 15]);

    expect((await put({ keys: 'csk', denial: 'nsec' })).status).toBe(200);
    await world.observe(name);
    await live(30);
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ role: 'csk', algorithm: 15 }]);

    await world.call('DELETE', `/zones/${name}/dnssec`);
    await world.observe(name);
    await accepted();
    await world.until(name, async () => (await world.zone(name)).signing === undefined);
    expect((await world.call('GET', `/zones/${name}/dnssec`)).body).toEqual({ enabled: false, dsDelegated: false });
  }, 400_000);
});

/**
 * kzonecheck takes every SEP key of a zone without a ZSK for one that signs everything, also in zones that dnssec-signzone made:
 * it cannot judge while a CSK is published that doesn't sign the data.
 */
function doAllSign(keys: readonly ShownKey[]): boolean {
  return keys.every(({ role, records }) => {
    const isPublished = (state: string): boolean => state === 'rumoured' || state === 'omnipresent';
    return role !== 'csk' || isPublished(records.dnskey.state) === isPublished(records.zrrsig.state);
  });
}

describeWith([...judges], 'each step of a rollover', () => {
  test.each([
    ['of a CSK', {}, ['csk']],
    ['of a KSK and a ZSK', { keys: 'split', denial: 'nsec3' }, ['ksk', 'zsk']],
  ])('%s is accepted by all judges, who know no time but the present', async (_, policy, roles) => {
    // Signatures of all steps are valid now: the rollover takes less than the time that has passed since the start.
    await using world = await ManagedWorld.open({ start: systemClock.now() - 9 * day * 1000 });
    await makeSecure(world, name, policy);
    for (const role of roles) await world.call('POST', `/zones/${name}/dnssec/rollovers`, { role });
    const steps = new Map<string, { readonly keys: readonly ShownKey[]; readonly text: string }>();
    await world.until(name, async () => {
      const keys = await world.keys(name);
      const states = keys.map(shownStates).join(' ');
      if (!steps.has(states)) steps.set(states, { keys, text: await world.text(name) });
      return keys.every(({ version }) => version === 2);
    });
    for (const [states, { keys, text }] of steps) {
      const verdicts = await judgeAll({ origin: `${name}.`, text });
      const able = verdicts.filter((verdict) => verdict.judge !== 'kzonecheck' || doAllSign(keys));
      for (const { judge: who, accepted, output } of able) expect(accepted, `${who} ${states}: ${output}`).toBe(true);
    }
    expect(world.clock.now()).toBeLessThan(systemClock.now());
    expect(steps.size).toBeGreaterThan(4);
  });
});

describe('the state of a zone', () => {
  test('is the same after the service was stopped and started in the middle of a rollover', async () => {
    await using world = await ManagedWorld.open();
    await makeSecure(world, name);
    await world.call('POST', `/zones/${name}/dnssec/rollovers`);
    for (let count = 0; count < 4; count++) {
      const before = await world.keys(name);
      await world.restart();
      expect(await world.keys(name)).toEqual(before);
      await world.pass(name, day / 4);
    }
    await settle(world, name);
    expect(await world.keys(name)).toMatchObject([{ version: 2 }]);
  });
});
