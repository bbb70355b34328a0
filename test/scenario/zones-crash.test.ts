import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import { testTimeout } from '#test/support/patience.ts';
import { reached } from '#test/support/reached.ts';
import { parseSoa } from '#dns/soa.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { fetchZone } from '#dnssec/adapters/transfer/client.ts';
import { TransferError } from '#dnssec/adapters/transfer/transfer-error.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import { systemClock } from '#lib/clock.ts';
import { canonical } from '#test/support/dns.ts';
import { freePort } from '#test/support/free-port.ts';
import { applyParts } from '#test/support/memory-transfer.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

/** `ZONESEAL_CRASH_ROUNDS` runs that many rounds; without it there are as many as fit in the seconds below. */
const rounds = Number(process.env['ZONESEAL_CRASH_ROUNDS'] ?? 0);
const seconds = 30;
const clients = 4;
/** Acknowledged changes after which a round kills the service, so that each round works, however slow the machine. */
const changesOfRounds = [10, 0, 3, 1, 20, 5];
const zone = '/v1/dns/zones/crash.example';
/** A zone that is signed as a whole again and again. */
const bulk = '/v1/dns/zones/bulk.example';
const bulkNames = 1100;
/** Signatures are due for their renewal two seconds after they were made. */
const shortLived = { denial: 'nsec3', maxTtl: 3600, propagationDelay: 1, refresh: 3700, jitter: 1, validity: 3703 };

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

/** A secondary: all records that it holds. */
interface Held {
  records: Awaited<ReturnType<typeof applyParts>>;
  serial: number | undefined;
}

const apex = canonical('crash.example.');

async function transfer(port: number, currentSerial?: number): Promise<TransferPart[]> {
  const parts: TransferPart[] = [];
  for await (const part of fetchZone({ host: '127.0.0.1', port, apex, clock: systemClock, currentSerial }))
    parts.push(part);
  return parts;
}

/** Take what is newer, if there is anything. A version that is overtaken while it is sent is asked for again. */
async function catchUp(port: number, held: Held): Promise<void> {
  const parts = await transfer(port, held.serial).catch((error: unknown) => {
    if (error instanceof TransferError && error.code !== 'primary-unreachable') return [];
    throw error;
  });
  if (parts.length === 0) return;
  const records = await applyParts(held.records, parts);
  const soa = [...records.values()].find(({ type }) => type === rrTypes.SOA);
  const { serial } = parseSoa((soa as ResourceRecord).rdata);
  if (held.serial !== undefined && serial < held.serial) throw new Error(`serial ${serial} after ${held.serial}`);
  held.records = records;
  held.serial = serial;
}

/** Follow every version until the service dies. */
async function follow(port: number, held: Held): Promise<void> {
  for (;;) await catchUp(port, held);
}

/** What a secondary has put together from steps is what it would get as a whole. */
async function checkHeld(port: number, held: Held): Promise<void> {
  for (;;) {
    await catchUp(port, held);
    const whole: Held = { records: new Map(), serial: undefined };
    await catchUp(port, whole);
    if (whole.serial === undefined || whole.serial !== held.serial) continue; // signatures were renewed in between
    expect([...held.records.keys()].toSorted()).toEqual([...whole.records.keys()].toSorted());
    return;
  }
}

/** Sign a whole zone anew for as long as the service lives. */
async function resign(service: Zoneseal): Promise<void> {
  for (let round = 0; ; round++) {
    const policy = { denial: round % 2 === 0 ? 'nsec3' : 'nsec' };
    const { status, body } = await service.call('PUT', `${bulk}/dnssec`, { region: 'nl-01', policy });
    if (status !== 200) throw new Error(`signing answered ${status} ${JSON.stringify(body)}`);
  }
}

async function checkBulk(service: Zoneseal): Promise<void> {
  const { zoneFile } = (await service.call('GET', `${bulk}/export?signed=true`)).body as { zoneFile: string };
  expect(zoneFile.match(/\tA\t/g)).toHaveLength(bulkNames);
  expect(await faultsOf(zoneFile)).toEqual([]);
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
  'SIGKILL at any instant loses no acknowledged change, what is published is whole and verified, and a secondary follows',
  async () => {
    using data = makeTempDir();
    const all = Array.from({ length: clients }, (_, index): Owned => ({
      name: `n${index}.deep`,
      value: undefined,
      pending: undefined,
    }));
    const serials: number[] = [0];
    const held: Held = { records: new Map(), serial: undefined };
    const port = await freePort();
    const env = { ZONESEAL_TRANSFER: `127.0.0.1:${port}`, ZONESEAL_SECONDARIES: '127.0.0.1:9' };
    {
      await using service = await startZoneseal({ data: data.path, env });
      await service.call('POST', '/v1/dns/zones', { zoneName: 'crash.example' });
      const on = await service.call('PUT', `${zone}/dnssec`, { region: 'nl-01', policy: shortLived });
      expect(on.status).toBe(200);
      await service.call('POST', '/v1/dns/zones', { zoneName: 'bulk.example' });
      const zoneFile = Array.from({ length: bulkNames }, (_, index) => `b${index} 300 A 192.0.2.1`).join('\n');
      expect((await service.call('POST', `${bulk}/import`, { zoneFile })).status).toBe(200);
      expect((await service.call('PUT', `${bulk}/dnssec`, { region: 'nl-01' })).status).toBe(200);
    }
    const deadline = performance.now() + seconds * 1000;
    let round = 0;
    let wanted = 0;
    for (; rounds > 0 ? round < rounds : performance.now() < deadline; round++) {
      await using service = await startZoneseal({ data: data.path, env });
      await check(service, all, serials);
      await checkHeld(port, held);
      await checkBulk(service);
      let isDying = false;
      const untilDeath = async (what: Promise<void>): Promise<void> => {
        try {
          await what;
        } catch (error) {
          if (!isDying || (error instanceof Error && / answered | after /.test(error.message))) throw error;
        }
      };
      const work = [
        ...all.map((owned) => untilDeath(write(service, owned, serials))),
        untilDeath(follow(port, held)),
        untilDeath(resign(service)),
      ];
      const changes = changesOfRounds[round % changesOfRounds.length] ?? 0;
      wanted += changes;
      await Promise.race([reached(() => serials.length, serials.length + changes), ...work]);
      await Promise.race([sleep(Math.random() * 50), ...work]);
      isDying = true;
      service.process.signal('SIGKILL');
      await service.process.ended;
      await Promise.all(work);
    }
    await using service = await startZoneseal({ data: data.path, env });
    await check(service, all, serials);
    await checkHeld(port, held);
    await checkBulk(service);
    expect(serials.length).toBeGreaterThan(wanted); // it began with one
  },
  Math.max(testTimeout, rounds * 60_000),
);
