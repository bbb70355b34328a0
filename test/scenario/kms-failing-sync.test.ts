import { beforeEach, describe, expect, test } from 'vitest';
import { failSyncs, whyNotTraced } from '#test/support/failing-syncs.ts';
import { checkAuditChain, listKeys } from '#test/support/kms-crash-model.ts';
import { describeWith, reportSkipped } from '#test/support/requirements.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { startKms, type Zoneseal } from '#test/support/zoneseal.ts';

const keys = '/v1/kms/nl-01/keys';
const part = 'the KMS on a disk whose syncs fail';
const audit = ['audit.sqlite', 'audit.sqlite-wal'];
const store = ['kms.sqlite', 'kms.sqlite-wal'];

interface AuditItem {
  readonly operation: string;
  readonly outcome: string;
  readonly key?: string;
}

const create = (service: Zoneseal, name: string) => service.call('POST', keys, { name, keyType: 'ed25519' });

/** Do one of each kind; all of it is acknowledged before the disk fails. */
async function workOnSoundDisk(service: Zoneseal): Promise<void> {
  for (const name of ['signer', 'rotated', 'disabled', 'kept']) expect((await create(service, name)).status).toBe(201);
  expect((await service.call('POST', `${keys}/signer/sign`, { input: 'AAAA' })).status).toBe(200);
  expect((await service.call('POST', `${keys}/rotated/rotate`)).status).toBe(200);
  expect((await service.call('POST', `${keys}/disabled/disable`)).status).toBe(200);
}

/** Everything that changes a key. @returns each answer as `status code` */
async function tryChanges(service: Zoneseal): Promise<string[]> {
  const answers = [
    await create(service, 'refused'),
    await service.call('POST', `${keys}/kept/rotate`),
    await service.call('POST', `${keys}/kept/disable`),
    await service.call('POST', `${keys}/disabled/enable`),
    await service.call('DELETE', `${keys}/kept`),
  ];
  return answers.map(({ status, body }) => `${status} ${(body as { code: string }).code}`);
}

/** What the service shows of its keys: name, status, versions. */
async function shown(service: Zoneseal): Promise<string[]> {
  const listed = [...(await listKeys(service)).values()].flat();
  return listed.map(({ name, status, latestVersion }) => `${name} ${status} ${latestVersion}`).toSorted();
}

const acknowledged = ['disabled disabled 1', 'kept active 1', 'rotated active 2', 'signer active 1'];

/** Everything that was acknowledged, and nothing that was refused. */
async function checkAfterRestart(data: TempDir, expected: readonly string[], signatures: number): Promise<void> {
  await using service = await startKms({ data: data.path });
  expect(await shown(service)).toEqual(expected);
  expect(await checkAuditChain(service)).toBeGreaterThan(expected.length);
  const { body } = await service.call('GET', '/v1/audit?operation=kms.sign&outcome=allowed');
  expect((body as AuditItem[]).length).toBeGreaterThanOrEqual(signatures);
  expect((await service.call('POST', `${keys}/rotated/sign`, { input: '' })).status).toBe(200);
}

describeWith(['strace'], part, () => {
  const reason = whyNotTraced();
  if (reason !== undefined) reportSkipped(part, reason);
  describe.runIf(reason === undefined)('while syncs fail', () => {
    let data: TempDir;
    let service: Zoneseal;
    const fail = (files: readonly string[]) =>
      failSyncs(
        service.process.pid,
        files.map((file) => data.at(file)),
      );
    const kill = async (): Promise<void> => {
      service.process.signal('SIGKILL');
      await service.process.ended;
    };
    beforeEach(async () => {
      data = makeTempDir();
      service = await startKms({ data: data.path });
      await workOnSoundDisk(service);
      return async () => {
        await service.stop();
        data[Symbol.dispose]();
      };
    });

    test.each([
      ['of the audit log', audit],
      ['of keys and audit log', [...store, ...audit]],
    ])('%s, nothing is done and nothing is signed', async (_what, files) => {
      const faults = await fail(files);
      expect(new Set(await tryChanges(service))).toEqual(new Set(['503 audit-unavailable']));
      const signing = await service.call('POST', `${keys}/signer/sign`, { input: 'AAAA' });
      expect(signing).toMatchObject({ status: 503, body: { code: 'audit-unavailable' } });
      expect(await shown(service)).toEqual(acknowledged);
      await kill();
      await faults[Symbol.asyncDispose]();
      await checkAfterRestart(data, acknowledged, 1);
    });

    test('of the keys, a token whose revocation was refused still counts after a crash', async () => {
      const made = await service.call('POST', '/v1/admin/tokens', { name: 'reader', policies: ['kms:ReadAccess'] });
      const { identity, secret } = made.body as { identity: string; secret: string };
      const faults = await fail(store);
      expect((await service.call('DELETE', `/v1/admin/tokens/${identity}`)).status).toBe(500);
      await kill();
      await faults[Symbol.asyncDispose]();
      await using second = await startKms({ data: data.path });
      const headers = { authorization: `Bearer ${secret}` };
      expect((await second.call('GET', keys, undefined, headers)).status).toBe(200);
    });

    test('of the keys, a change is an error and stays undone after a crash; signing goes on', async () => {
      const faults = await fail(store);
      for (const answer of await tryChanges(service)) expect(answer).toBe('500 internal');
      expect((await service.call('POST', `${keys}/signer/sign`, { input: 'AAAA' })).status).toBe(200);
      expect(await shown(service)).toEqual(acknowledged);
      const { body } = await service.call('GET', '/v1/audit?operation=kms.create&outcome=failed');
      expect(body).toHaveLength(1);
      await kill();
      await faults[Symbol.asyncDispose]();
      await checkAfterRestart(data, acknowledged, 2);
    });

    test('of everything and then no more, what is acknowledged afterwards is there after a crash', async () => {
      {
        await using _faults = await fail([...store, ...audit]);
        await tryChanges(service);
      }
      expect((await create(service, 'refused')).status).toBe(201);
      expect((await service.call('POST', `${keys}/kept/rotate`)).status).toBe(200);
      expect((await service.call('POST', `${keys}/disabled/enable`)).status).toBe(200);
      expect((await service.call('POST', `${keys}/signer/sign`, { input: 'AAAA' })).status).toBe(200);
      await kill();
      const after = ['disabled active 1', 'kept active 2', 'refused active 1', 'rotated active 2', 'signer active 1'];
      await checkAfterRestart(data, after, 2);
    });
  });
});
