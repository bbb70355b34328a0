import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { reached } from '#test/support/reached.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

const zone = '/v1/dns/zones/end.example';

/** Add one record after the other and note each that is acknowledged, until the service is gone. */
async function writeUntilTheEnd(service: Zoneseal, client: number, acknowledged: string[]): Promise<void> {
  for (let index = 0; ; index++) {
    const name = `n${index}.c${client}`;
    try {
      const record = { name, type: 'A', values: ['192.0.2.1'] };
      const { status } = await service.call('POST', `${zone}/records`, record);
      if (status >= 200 && status < 300) acknowledged.push(name);
    } catch {
      return; // the connection was refused or cut: this write was not acknowledged
    }
  }
}

test('SIGTERM under load ends the service by itself, loses no acknowledged write, and waits for no idle caller', async () => {
  using data = makeTempDir();
  const acknowledged: string[] = [];
  {
    await using service = await startZoneseal({ data: data.path });
    await service.call('POST', '/v1/dns/zones', { zoneName: 'end.example' });
    const { port, hostname } = new URL(service.url);
    const stalled = connect(Number(port), hostname);
    stalled.on('error', () => undefined);
    await once(stalled, 'connect');
    stalled.write(
      'POST /v1/dns/zones HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
    );
    const work = [0, 1, 2, 3].map((client) => writeUntilTheEnd(service, client, acknowledged));
    await reached(() => acknowledged.length, 20);
    // It has 9 s for an orderly end and exits with 1 then; the helper kills what does not even do that.
    expect((await service.process.stop('SIGTERM')).signal).toBeNull();
    await Promise.all(work);
    stalled.destroy();
  }
  await using service = await startZoneseal({ data: data.path });
  const { body } = await service.call('GET', `${zone}/records`);
  const stored = new Set((body as { name: string }[]).map(({ name }) => name));
  expect(acknowledged.filter((name) => !stored.has(name))).toEqual([]);
});
