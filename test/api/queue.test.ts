import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '#test/support/fake-clock.ts';
import { type OpenService, openService } from '#test/support/open-service.ts';
import { patience } from '#test/support/patience.ts';
import { testToken } from '#test/support/zoneseal.ts';

let opened: OpenService;
const clock = new FakeClock();
const day = 86_400;

beforeAll(async () => {
  opened = await openService({ clock });
});
afterAll(() => opened[Symbol.asyncDispose]());

const call = (method: string, path: string, body?: object, token = testToken) =>
  opened.call(method, path, body, { authorization: `Bearer ${token}` });

async function zoneseal(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await opened.zoneseal(['queue', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Make a signed zone, and let its signatures become due. @returns the identity of its key */
async function makeDueZone(name: string): Promise<string> {
  await call('POST', '/dns/zones', { zoneName: name });
  const key = await call('POST', '/kms/nl-01/keys', { name: `key of ${name}`, keyType: 'ecdsa-p256' });
  const kmsKeyIdentity: string = key.body['identity'];
  expect((await call('PUT', `/dns/zones/${name}/dnssec`, { region: 'nl-01', kmsKeyIdentity })).status).toBe(200);
  return kmsKeyIdentity;
}

const status = async () => (await call('GET', '/dns/jobs')).body;
async function isIdle(): Promise<void> {
  await expect.poll(status, { timeout: patience }).toMatchObject({ waiting: 0, delayed: 0, active: 0 });
}

describe('the queue over the API', () => {
  test('is for those who run the service alone', async () => {
    const make = (body: object) => call('POST', '/admin/tokens', { name: 'x', ...body });
    const full = ['kms:FullAccess', 'iam:FullAccess', 'dns:FullAccess'];
    const some = [
      await make({ policies: full, organisation: 'o-default' }),
      await make({ policies: ['dns:FullAccess'] }),
      await make({ policies: ['iam:FullAccess'] }),
    ];
    for (const { body } of some) {
      expect((await call('GET', '/dns/jobs', undefined, body['secret'])).status).toBe(404);
      expect((await call('POST', '/dns/jobs/pause', {}, body['secret'])).status).toBe(404);
    }
    expect((await call('GET', '/dns/jobs', undefined, 'nobody')).status).toBe(401);
    const operator = await make({ policies: full });
    expect((await call('GET', '/dns/jobs', undefined, operator.body['secret'])).status).toBe(200);
  });

  test('tells how it stands, and starts nothing while it is paused', async () => {
    await makeDueZone('paused.example');
    await isIdle();
    const before = (await call('GET', '/dns/zones/paused.example')).body['version'];
    expect(await zoneseal('pause')).toMatch(/^paused since /m);
    clock.advance(10 * day);
    await expect
      .poll(status, { timeout: patience })
      .toMatchObject({ waiting: 1, active: 0, pausedAt: expect.any(String) });
    expect(await zoneseal('status')).toMatch(/^1 waiting, 0 under way, 0 to be tried again, 0 failed\npaused since /);
    expect(await zoneseal('resume')).not.toContain('paused');
    await isIdle();
    expect((await call('GET', '/dns/zones/paused.example')).body['version']).toBeGreaterThan(before);
  });

  test('shows what failed again and again, and tries it again when asked', async () => {
    const key = await makeDueZone('failing.example');
    await isIdle();
    expect((await call('POST', `/kms/nl-01/keys/${key}/disable`)).status).toBe(200);
    clock.advance(10 * day);
    for (let attempt = 1; attempt <= 5; attempt++) {
      await expect.poll(status, { timeout: patience }).toMatchObject({ waiting: 0, active: 0, delayed: 1 });
      clock.advance(20 * 60); // longer than any wait between attempts
    }
    await expect.poll(status, { timeout: patience }).toMatchObject({ waiting: 0, active: 0, delayed: 0, failed: 1 });
    const { body: failed } = await call('GET', '/dns/jobs/failed');
    expect(failed).toMatchObject([
      { zoneName: 'failing.example', attempts: 6, error: expect.stringContaining('disabled') },
    ]);
    expect(await zoneseal('failed')).toMatch(/failing\.example +\w+ +6 /);
    expect((await call('GET', '/dns/zones/failing.example/dnssec')).body['lastSignError']).toContain('disabled');
    expect((await call('POST', `/kms/nl-01/keys/${key}/enable`)).status).toBe(200);
    expect(await zoneseal('retry', String(failed[0].number))).toBe('1 put again\n');
    await isIdle();
    expect(await status()).toMatchObject({ failed: 0 });
    expect((await call('GET', '/dns/zones/failing.example/dnssec')).body).not.toHaveProperty('lastSignError');
  });

  test('a dead job is tried again by itself after an hour', async () => {
    const key = await makeDueZone('forgotten.example');
    await isIdle();
    await call('POST', `/kms/nl-01/keys/${key}/disable`);
    clock.advance(10 * day);
    for (let attempt = 1; attempt <= 5; attempt++) {
      await expect.poll(status, { timeout: patience }).toMatchObject({ waiting: 0, active: 0, delayed: 1 });
      clock.advance(20 * 60);
    }
    await expect.poll(status, { timeout: patience }).toMatchObject({ delayed: 0, active: 0, failed: 1 });
    await call('POST', `/kms/nl-01/keys/${key}/enable`);
    clock.advance(3600);
    await expect.poll(status, { timeout: patience }).toMatchObject({ waiting: 0, active: 0, failed: 0 });
  });

  test('refuses what it does not know', async () => {
    expect((await call('GET', '/dns/jobs/groups/none')).status).toBe(404);
    expect((await call('GET', '/dns/jobs/failed?limit=0')).status).toBe(400);
    expect((await call('POST', '/dns/jobs/failed/retry', { jobs: ['x'] })).status).toBe(400);
    expect((await call('POST', '/dns/jobs/failed/retry', { jobs: [1] })).body).toEqual({ retried: 0 });
    const wrong = await opened.zoneseal(['queue', 'retry']);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') });
  });
});
