import { expect, test } from 'vitest';
import { checkAuditChain, listKeys } from '#test/support/kms-crash-model.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startKms, type Zoneseal } from '#test/support/zoneseal.ts';

const keys = '/v1/kms/nl-01/keys';

/** Make keys until one is refused. @returns the names of those that were made, and the refusal */
async function fill(service: Zoneseal) {
  const made: string[] = [];
  for (let index = 0; index < 5000; index++) {
    const name = `key-${index}`;
    const answer = await service.call('POST', keys, { name, keyType: 'ed25519', description: 'x'.repeat(1000) });
    if (answer.status !== 201) return { made, refusal: answer };
    made.push(name);
  }
  throw new Error('the disk never was full');
}

test('a full disk is an error to the caller, and nothing is half done', async () => {
  using data = makeTempDir();
  const first = await startKms({ data: data.path }, 1500);
  const { made, refusal } = await fill(first);
  expect(made.length).toBeGreaterThan(20);
  expect([500, 503]).toContain(refusal.status);
  expect(JSON.stringify(refusal.body)).not.toContain(data.path);

  // What cannot be audited is not done; what needs no writing goes on.
  const signing = await isRefusedWithoutAudit(first, `${keys}/${made[0]}/sign`);
  expect(signing).toBe(true);
  expect((await first.call('GET', `${keys}/${made[0]}`)).status).toBe(200);
  expect((await first.call('GET', keys)).body).toHaveLength(made.length);
  await first.stop();

  await using second = await startKms({ data: data.path });
  expect([...(await listKeys(second)).keys()].toSorted()).toEqual(made.toSorted());
  expect((await second.call('POST', `${keys}/${made[0]}/sign`, { input: '' })).status).toBe(200);
  expect((await second.call('POST', keys, { name: 'after' })).status).toBe(201);
  expect(await checkAuditChain(second)).toBeGreaterThan(made.length);
});

/** Sign until the audit log is full as well. */
async function isRefusedWithoutAudit(service: Zoneseal, path: string): Promise<boolean> {
  for (let index = 0; index < 20_000; index++) {
    const { status, body } = await service.call('POST', path, { input: 'AAAA' });
    if (status === 200) continue;
    return status === 503 && (body as { code?: string }).code === 'audit-unavailable';
  }
  return false;
}
