import { copyFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rotateDueKeys } from '#kms/operations/change-by-system.ts';
import { SecretText } from '#lib/secret-text.ts';
import { contradictions, type HistoryCall, workOnKey } from '#test/support/key-history.ts';
import { type KmsApi, openKmsApi } from '#test/support/kms-api.ts';
import { describeWith } from '#test/support/requirements.ts';
import { type PrivateDatabase, startPostgres } from '#test/support/servers.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

const keys = '/v1/kms/nl-01/keys';

async function makeKey(api: KmsApi, more: object = {}): Promise<string> {
  const { body } = await api.call('POST', keys, { name: `key ${Math.random()}`, keyType: 'ed25519', ...more });
  return `${keys}/${body.identity}`;
}

/** What the key is in the end follows from the changes that were acknowledged. */
async function expectCounted(api: KmsApi, path: string, history: readonly HistoryCall[]): Promise<void> {
  const { body } = await api.call('GET', path);
  const rotations = history.filter(({ kind, status }) => kind === 'rotate' && status === 200).length;
  expect(body.latestVersion).toBe(1 + rotations);
  expect(body.versions.map(({ version }: { version: number }) => version)).toEqual(
    Array.from({ length: 1 + rotations }, (_, index) => index + 1),
  );
  const { body: events } = await api.call('GET', '/v1/kms/nl-01/events');
  const own = events.filter(({ key }: { key: string }) => key === body.identity);
  expect(body.objectVersion).toBe(own.length);
}

describe('many clients on one key', () => {
  let api: KmsApi;
  beforeAll(async () => {
    api = await openKmsApi({ workers: 2 });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test('get no answer that the order of the acknowledged calls does not allow', async () => {
    const path = await makeKey(api);
    const history = await workOnKey([api], path, 12, 60);
    expect(contradictions(history)).toEqual([]);
    expect(history.filter(({ kind, status }) => kind === 'sign' && status === 200).length).toBeGreaterThan(10);
    await expectCounted(api, path, history);
  });

  test('a history with a stale answer is found', () => {
    const call = (more: Partial<HistoryCall>): HistoryCall => ({
      kind: 'sign',
      start: 0,
      end: 1,
      status: 200,
      version: 1,
      objectVersion: 1,
      ...more,
    });
    expect(contradictions([call({ kind: 'disable', end: 2 }), call({ start: 3, end: 4 })])).toHaveLength(1);
    expect(contradictions([call({ kind: 'disable', end: 2 }), call({ start: 1, end: 4 })])).toEqual([]);
    expect(contradictions([call({ kind: 'rotate', version: 2, end: 2 }), call({ start: 3, end: 4 })])).toHaveLength(1);
    expect(contradictions([call({ kind: 'rotate', version: 2 }), call({ kind: 'rotate', version: 2 })])).toHaveLength(
      1,
    );
    expect(contradictions([call({ status: 500 })])).toHaveLength(1);
  });
});

describeWith(['postgres', 'initdb'], 'two KMS processes on one database', () => {
  let server: PrivateDatabase;
  let apis: KmsApi[];
  const root = makeTempDir();
  beforeAll(async () => {
    server = await startPostgres();
    const place = { kind: 'postgres', url: new SecretText(server.url) } as const;
    const first = await openKmsApi({ place, workers: 1 });
    copyFileSync(first.dir.at('root.key'), root.at('root.key'));
    const second = await openKmsApi({ place, workers: 1, rootKey: { kind: 'file', path: root.at('root.key') } });
    apis = [first, second];
  });
  afterAll(async () => {
    for (const api of apis) await api[Symbol.asyncDispose]();
    await server.stop();
    root[Symbol.dispose]();
  });

  test('give no answer that the order of the acknowledged calls does not allow', async () => {
    const path = await makeKey(apis[0]!);
    const history = await workOnKey(apis, path, 12, 30);
    expect(contradictions(history)).toEqual([]);
    expect(history.filter(({ kind, status }) => kind === 'sign' && status === 200).length).toBeGreaterThan(5);
    await expectCounted(apis[1]!, path, history);
  });

  test('what one changes the other knows at its next call', async () => {
    const [first, second] = apis as [KmsApi, KmsApi];
    const path = await makeKey(first);
    for (let round = 0; round < 20; round++) {
      await first.call('POST', `${path}/disable`);
      expect((await second.call('POST', `${path}/sign`, { input: 'AAAA' })).status).toBe(400);
      await second.call('POST', `${path}/enable`);
      expect((await first.call('POST', `${path}/sign`, { input: 'AAAA' })).status).toBe(200);
    }
  });

  test('a scheduled rotation that both find due makes one version', async () => {
    const path = await makeKey(apis[0]!, { keyRotationEnabled: true, rotationPeriodInDays: 1 });
    for (const api of apis) api.clock.advance(86_400);
    const fail = (error: unknown): void => {
      throw error;
    };
    await Promise.all(apis.flatMap(({ kms }) => [rotateDueKeys(kms.ports, fail), rotateDueKeys(kms.ports, fail)]));
    expect((await apis[1]!.call('GET', path)).body.latestVersion).toBe(2);
  });

  test('keep one audit log', async () => {
    let from: object = {};
    for (;;) {
      const { body } = await apis[0]!.call('POST', '/v1/audit/verify', from);
      expect(body.fault).toBeUndefined();
      if (body.isEnd) break;
      from = { from: body.head };
    }
  });
});
