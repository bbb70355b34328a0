import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { readConfig } from '#app/config.ts';
import { createLogger } from '#app/logger.ts';
import { startService } from '#app/server.ts';
import { wrapForImport } from '#kms/core/wrapping.ts';
import { systemClock } from '#lib/clock.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

test('planted secrets are in no log, error, file or document', async () => {
  using dir = makeTempDir();
  let log = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += String(chunk);
      done();
    },
  });
  const token = `planted-token-${randomBytes(12).toString('hex')}`;
  const rootKey = randomBytes(32);
  process.env['ZONESEAL_ROOT_KEY'] = rootKey.toString('base64');
  const config = readConfig({
    ZONESEAL_DATA: dir.at('data'),
    ZONESEAL_PORT: '0',
    ZONESEAL_ADMIN_TOKEN: token,
    ZONESEAL_ROOT_KEY: process.env['ZONESEAL_ROOT_KEY'],
    ZONESEAL_LOG_LEVEL: 'debug',
  });
  const service = await startService(config, { clock: systemClock, logger: createLogger('debug', stream) });
  let answers = '';
  const call = async (method: string, path: string, body?: unknown, authorization = `Bearer ${token}`) => {
    const answer = await fetch(service.baseUrl + path, {
      method,
      headers: {
        authorization,
        'x-organisation-identity': 'o-default',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (answer.status >= 400 || method === 'GET') answers += text;
    return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as Record<string, string>) };
  };
  const keys = '/v1/kms/nl-01/keys';
  const material = randomBytes(32);
  const plaintext = randomBytes(24).toString('base64');
  const { body: wrapping } = await call('GET', '/v1/kms/nl-01/wrapping-key');
  const importKeyMaterial = Buffer.from(wrapForImport(wrapping?.['publicKey'] ?? '', material)).toString('base64');
  expect((await call('POST', keys, { name: 'a', importKeyMaterial, exportAllowed: true })).status).toBe(201);
  const { body: sealed } = await call('POST', `${keys}/a/encrypt`, { plaintext });
  expect((await call('POST', `${keys}/a/decrypt`, sealed)).status).toBe(400); // keyVersion is not a member of this body
  expect((await call('POST', `${keys}/a/decrypt`, { ciphertext: sealed?.['ciphertext'] })).body?.['plaintext']).toBe(
    plaintext,
  );
  const { body: exported } = await call('POST', `${keys}/a/export`);
  expect(exported?.['keyMaterial']).toBe(material.toString('base64'));
  const { body: dataKey } = await call('POST', `${keys}/a/generate-data-key`);
  const { body: made } = await call('POST', '/v1/admin/tokens', { name: 't', policies: ['kms:Sign'] });
  const { body: client } = await call('POST', '/v1/admin/tokens', {
    name: 'c',
    kind: 'client',
    policies: ['kms:Sign'],
  });
  // Secrets in places where they are faults.
  await call('POST', keys, { name: 'b', importKeyMaterial: material.toString('base64') });
  await call('POST', keys, `{"name": "b", "importKeyMaterial": "${material.toString('base64')}`);
  await call('POST', `${keys}/a/encrypt`, { plaintext: `${plaintext}!`, keyVersion: plaintext });
  await call('POST', `${keys}/a/sign`, { input: plaintext });
  await call('GET', '/v1/kms/summary', undefined, `Bearer ${made?.['secret']}x`);
  await call('GET', `/v1/kms/nl-01/keys?name=${encodeURIComponent(plaintext)}`);
  await call('GET', '/openapi.json');
  await call('GET', '/v1/admin/tokens');
  await call('GET', '/v1/audit?limit=1000');
  await service.close();

  const secrets: Record<string, Buffer | string> = {
    token,
    'root key': rootKey,
    material,
    plaintext: Buffer.from(plaintext, 'base64'),
    'data key': Buffer.from(dataKey?.['plaintext'] ?? '', 'base64'),
    'made token': made?.['secret'] ?? '',
    'client secret': client?.['secret'] ?? '',
  };
  const files = readdirSync(dir.at('data'))
    .filter((name) => /sqlite|db/.test(name))
    .map((name) => readFileSync(dir.at(`data/${name}`)));
  expect(files.length).toBeGreaterThan(2);
  expect(log.length).toBeGreaterThan(500);
  for (const [what, secret] of Object.entries(secrets)) {
    const bytes = Buffer.from(secret as string);
    expect(bytes.length).toBeGreaterThan(15);
    const forms =
      typeof secret === 'string'
        ? [secret]
        : [bytes.toString('base64'), bytes.toString('hex'), bytes.toString('base64url')];
    for (const form of forms) {
      expect({ what, inLog: log.includes(form), inAnswers: answers.includes(form) }).toEqual({
        what,
        inLog: false,
        inAnswers: false,
      });
    }
    for (const file of files)
      expect([what, file.includes(bytes), ...forms.map((form) => file.includes(form))].slice(1)).not.toContain(true);
  }
  expect(process.env['ZONESEAL_ROOT_KEY']).toBeUndefined();
});
