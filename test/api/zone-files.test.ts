import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { soundCallerOf, startTestService } from '#test/support/open-service.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { patience } from '#test/support/patience.ts';

test('each zone has a file that is always whole, follows every version, catches up, and goes with the zone', async () => {
  using dir = makeTempDir();
  const start = () => startTestService(dir.at('data'), { settings: { ZONESEAL_ZONE_FILES: dir.at('zones') } });
  let service = await start();
  const call = soundCallerOf(() => service.baseUrl, '/v1/dns');
  const file = `${dir.at('zones')}/kept.example.zone`;
  const linesOf = (text: string): string[] => text.trim().split('\n').toSorted();
  const isCurrent = async (): Promise<boolean> => {
    const { zoneFile = '' } = await call('GET', '/zones/kept.example/export?signed=true');
    return existsSync(file) && linesOf(readFileSync(file, 'latin1')).join() === linesOf(zoneFile).join();
  };
  const settles = async (): Promise<void> => {
    await expect.poll(isCurrent, { timeout: patience, interval: 50 }).toBe(true);
  };

  await call('POST', '/zones', { zoneName: 'kept.example' });
  await call('PUT', '/zones/kept.example/dnssec', { region: 'nl-01' });
  await settles();
  expect(readFileSync(file, 'latin1').split('\n', 1)[0]).toContain('\tSOA\t');
  for (let count = 0; count < 5; count++)
    await call('POST', '/zones/kept.example/records', { name: `n${count}`, type: 'A', values: ['192.0.2.1'] });
  await settles();
  await call('POST', '/zones/kept.example/records', { name: 'last', type: 'A', values: ['192.0.2.1'] });
  await service.close(); // before the file was written
  writeFileSync(`${dir.at('zones')}/other.zone`, 'not ours');
  writeFileSync(`${file}.0123456789ab.new`, 'a crash came between');
  service = await start();
  try {
    await settles();
    expect(readFileSync(file, 'latin1')).toContain('last.kept.example.');
    expect(readdirSync(dir.at('zones')).toSorted()).toEqual(['kept.example.zone', 'other.zone']);
    await call('DELETE', '/zones/kept.example');
    await expect.poll(() => existsSync(file), { timeout: patience, interval: 50 }).toBe(false);
    expect(readFileSync(`${dir.at('zones')}/other.zone`, 'latin1')).toBe('not ours');
  } finally {
    await service.close();
  }
});
