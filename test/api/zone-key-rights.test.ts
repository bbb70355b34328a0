import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OpenService, openService } from '#test/support/open-service.ts';

let opened: OpenService;
let key: string;

beforeAll(async () => {
  opened = await openService();
  const made = await opened.call('POST', '/kms/nl-01/keys', {
    name: 'DNSSEC victim.example',
    keyType: 'ecdsa-p256',
    labels: { 'zoneseal/zone': 'victim.example.', 'zoneseal/role': 'csk' },
  });
  key = made.body.identity;
});
afterAll(() => opened[Symbol.asyncDispose]());

/** Make a token. @returns the header of its bearer */
async function bearer(...policies: readonly string[]): Promise<Record<string, string>> {
  const { body } = await opened.call('POST', '/admin/tokens', { name: 'some', organisation: 'o-default', policies });
  return { authorization: `Bearer ${body.secret}` };
}

test('who may have zones and read keys cannot have the service sign with them', async () => {
  const reader = await bearer('dns:FullAccess', 'kms:ReadAccess');
  expect((await opened.callDns('POST', '/zones', { zoneName: 'victim.example' }, reader)).status).toBe(201);
  const sign = (body: object, headers: Record<string, string>) =>
    opened.callDns('PUT', '/zones/victim.example/dnssec', { region: 'nl-01', ...body }, headers);
  expect((await sign({ kmsKeyIdentity: key }, reader)).status).toBe(404);
  expect((await sign({}, reader)).status).toBe(404); // the key would be found by its labels
  expect((await opened.callDns('GET', '/zones/victim.example', undefined, reader)).body).not.toHaveProperty('signing');
  const signer = await bearer('dns:FullAccess', 'kms:ReadAccess', 'kms:Sign');
  expect((await sign({ kmsKeyIdentity: key }, signer)).status).toBe(200);
  // With the key that the zone has already, who may change the zone may change how it is signed.
  expect((await sign({ kmsKeyIdentity: key, policy: { denial: 'nsec3' } }, reader)).status).toBe(200);
  const standby = await opened.call('POST', '/kms/nl-01/keys', { name: 'other', keyType: 'ecdsa-p256' });
  const beside = { kmsKeyIdentity: standby.body.identity };
  const add = (headers: Record<string, string>) =>
    opened.callDns('POST', '/zones/victim.example/dnssec/keys', beside, headers);
  expect((await add(reader)).status).toBe(404);
  expect((await add(signer)).status).toBeLessThan(300);
});
