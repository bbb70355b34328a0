import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import { testTimeout } from '#test/support/patience.ts';
import { reached } from '#test/support/reached.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

/** `ZONESEAL_CRASH_ROUNDS` runs that many rounds; without it there are as many as fit in the seconds below. */
const rounds = Number(process.env['ZONESEAL_CRASH_ROUNDS'] ?? 0);
const seconds = 30;
const clients = 4;
/** Acknowledged changes after which a round kills the service, so that each round works, however slow the machine. */
const changesOfRounds = [10, 0, 3, 1, 20, 5];
const zone = '/v1/dns/zones/crash.example';

/** A record as its only writer knows it. */
interface Owned {
  readonly name: string;
  /** Acknowledged; undefined when the record is known to be absent. */
  value: string | undefined;
  /** Asked for and not answered. */
  pending: { readonly value: string | undefined } | undefined;
}

async function write(service: Zoneseal, owned: Owned, serials: number[]): Promise<void> {
  for (;;) {
    const remove = owned.value !== undefined && Math.random() < 0.3;
    const value = remove ? undefined : `192.0.2.${Math.floor(Math.random() * 250)}`;
    owned.pending = { value };
    const change = remove
      ? { action: 'delete', name: owned.name, type: 'A' }
      : { action: 'put', name: owned.name, type: 'A', values: [value] };
    const { status, body } = await service.call('POST', `${zone}/changes`, { changes: [change] });
    if (status !== 200) throw new Error(`a change answered ${status} ${JSON.stringify(body)}`);
    owned.value = value;
    owned.pending = undefined;
    serials.push((body as { serial: number }).serial);
  }
}

async function check(service: Zoneseal, all: readonly Owned[], serials: readonly number[]): Promise<void> {
  const { body } = await service.call('GET', `${zone}/records`);
  const stored = new Map((body as { name: string; values: string[] }[]).map(({ name, values }) => [name, values[0]]));
  for (const owned of all) {
    const found = stored.get(owned.name);
    const allowed = owned.pending === undefined ? [owned.value] : [owned.value, owned.pending.value];
    expect(allowed, `${owned.name} after the restart`).toContain(found);
    owned.value = found;
    owned.pending = undefined;
  }
  const { serial } = (await service.call('GET', zone)).body as { serial: number };
  expect(serial).toBeGreaterThanOrEqual(Math.max(...serials));
  const { zoneFile } = (await service.call('GET', `${zone}/export?signed=true`)).body as { zoneFile: string };
  expect(await faultsOf(zoneFile)).toEqual([]);
}

async function faultsOf(text: string): Promise<string[]> {
  const verifier = createThreadVerifier(1);
  try {
    const pieces = [new TextEncoder().encode(text)];
    const source = await openZone(streamOf(pieces), 'master', { fileName: 'zone' });
    const { faults } = await verifyZoneText(source, { at: Date.now() / 1000, anchors: [] }, verifier);
    return faults.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  } finally {
    await verifier.close();
  }
}

async function* streamOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

test(
  'SIGKILL at any instant loses no acknowledged change, and what is published is whole and verified',
  async () => {
    using data = makeTempDir();
    const all = Array.from({ length: clients }, (_, index): Owned => ({
      name: `n${index}.deep`,
      value: undefined,
      pending: undefined,
    }));
    const serials: number[] = [0];
    {
      await using service = await startZoneseal({ data: data.path });
      await service.call('POST', '/v1/dns/zones', { zoneName: 'crash.example' });
      const on = await service.call('PUT', `${zone}/dnssec`, { region: 'nl-01', policy: { denial: 'nsec3' } });
      expect(on.status).toBe(200);
    }
    const deadline = performance.now() + seconds * 1000;
    let round = 0;
    let wanted = 0;
    for (; rounds > 0 ? round < rounds : performance.now() < deadline; round++) {
      await using service = await startZoneseal({ data: data.path });
      await check(service, all, serials);
      let isDying = false;
      const work = all.map(async (owned) => {
        try {
          await write(service, owned, serials);
        } catch (error) {
          if (!isDying || (error instanceof Error && error.message.includes('answered'))) throw error;
        }
      });
      const changes = changesOfRounds[round % changesOfRounds.length] ?? 0;
      wanted += changes;
      await Promise.race([reached(() => serials.length, serials.length + changes), ...work]);
      await Promise.race([sleep(Math.random() * 50), ...work]);
      isDying = true;
      service.process.signal('SIGKILL');
      await service.process.ended;
      await Promise.all(work);
    }
    await using service = await startZoneseal({ data: data.path });
    await check(service, all, serials);
    expect(serials.length).toBeGreaterThan(wanted); // it began with one
  },
  Math.max(testTimeout, rounds * 6000),
);
