import { expect, test } from 'vitest';
import { startDnsResponder } from '#test/support/dns-responder.ts';
import { openService } from '#test/support/open-service.ts';

test('a large zone is taken over only if its parent shows the DS, whichever thread asks', async () => {
  const zone = 'large.example';
  await using parent = await startDnsResponder(() => ({ authorities: 'example. 60 IN SOA ns host 1 2 3 4 5\n' }));
  const settings = { ZONESEAL_PARENT_SERVERS: `example=127.0.0.1:${parent.port}` };
  await using opened = await openService({ settings });
  const { call } = opened;
  expect((await call('POST', '/dns/zones', { zoneName: zone })).status).toBe(201);
  const lines = Array.from({ length: 2500 }, (_, index) => `n${index} 60 A 192.0.2.1\n`);
  expect((await call('POST', `/dns/zones/${zone}/import`, { zoneFile: lines.join('') })).status).toBe(200);
  const key = await call('POST', '/kms/nl-01/keys', { name: 'adopted', keyType: 'ecdsa-p256' });
  const wanted = { region: 'nl-01', kmsKeyIdentity: key.body.identity, takeover: true };
  const refused = await call('PUT', `/dns/zones/${zone}/dnssec`, wanted);
  expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining('is seen nowhere')]);
  expect(parent.asked.length).toBeGreaterThan(0);
  expect((await call('GET', `/dns/zones/${zone}/dnssec`)).body).toMatchObject({ enabled: false });
});
