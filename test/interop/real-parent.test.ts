import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Service } from '#app/server.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { type RRType, rrTypes } from '#dns/rr-type.ts';
import { ask } from '#dnssec/adapters/parent/ask.ts';
import { recordOf } from '#dnssec/adapters/messages/expand-rdata.ts';
import { openTransferServer } from '#dnssec/adapters/transfer/server.ts';
import { systemClock } from '#lib/clock.ts';
import { askUnbound, type Judgement, tellsOfBogus, watchResolver } from '#test/support/asking.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';
import { freePort } from '#test/support/free-port.ts';
import { MemoryZones, tsigKey } from '#test/support/memory-transfer.ts';
import { soundCallerOf, startTestService } from '#test/support/open-service.ts';
import { patience } from '#test/support/patience.ts';
import type { StartedProcess } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startKnotSecondary, startNamedSecondary, startNsdSecondary } from '#test/support/secondaries.ts';
import { type PrivateServer, startUnbound } from '#test/support/servers.ts';
import { type SigningParent, startSigningParent } from '#test/support/signing-parent.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';

const parentZone = 'parent.example.';
const secret = randomBytes(32);
const key = { name: 'transfer.key', algorithm: 'hmac-sha256', secret: secret.toString('base64') };
/** Seconds. Each secondary has a new version long before `propagationDelay` and the safety are over. */
const ttl = 2;
const policy = {
  maxTtl: 2 * ttl,
  dnskeyTtl: ttl,
  parentDsTtl: ttl,
  propagationDelay: 3,
  parentPropagationDelay: 1,
  publishSafety: 2,
  retireSafety: 2,
  validity: 86_400,
  refresh: 3600,
  jitter: 60,
};

/** Milliseconds between two questions of each resolver: one has most in its cache, one has it of all ages. */
const pauses = [100, 700];

interface Child {
  readonly name: string;
  readonly policy: object;
  readonly startSecondary: typeof startNsdSecondary;
}

const children: readonly Child[] = [
  { name: 'split.parent.example', policy: { ...policy, keys: 'split' }, startSecondary: startNsdSecondary },
  { name: 'csk.parent.example', policy: { ...policy, denial: 'nsec3' }, startSecondary: startNamedSecondary },
  { name: 'algorithm.parent.example', policy, startSecondary: startKnotSecondary },
];

interface ShownKey {
  readonly kmsKeyIdentity: string;
  readonly algorithm: number;
  readonly version: number;
  readonly goal: string;
  readonly records: Readonly<Record<string, { readonly state: string }>>;
  readonly waiting: readonly { readonly text: string }[];
}

describeWith(['named', 'knotd', 'nsd', 'unbound', 'dig', 'delv', 'nsupdate'], 'rollovers under a real parent', () => {
  const started = new AsyncDisposableStack();
  const secondaries = new Map<string, PrivateServer>();
  let dir: TempDir;
  let service: Service;
  let parent: SigningParent;

  const call = soundCallerOf(() => service.baseUrl);
  const keysOf = async (zone: string): Promise<readonly ShownKey[]> => call('GET', `/dns/zones/${zone}/dnssec/keys`);
  beforeAll(async () => {
    dir = started.use(makeTempDir());
    parent = started.use(
      await startSigningParent(
        parentZone,
        children.map(({ name }) => `${name}.`),
        ttl,
      ),
    );
    const zones = new MemoryZones();
    for (const { name } of children) zones.publish(recordsOf(contentsOf(name), `${name}.`));
    const keys = [tsigKey(key.name, 'hmac-sha256', secret)];
    const primary = await openTransferServer({
      host: '127.0.0.1',
      port: 0,
      zones,
      keys,
      allow: [],
      clock: systemClock,
      onError: () => undefined,
    });
    started.defer(() => primary.close());
    writeFileSync(dir.at('tsig.keys'), `${key.name} ${key.algorithm} ${key.secret}\n`, { mode: 0o600 });
    const port = await freePort();
    const start = async (targets: readonly PrivateServer[]) => {
      const settings = {
        ZONESEAL_TRANSFER: `127.0.0.1:${port}`,
        ZONESEAL_TSIG_KEY_FILE: dir.at('tsig.keys'),
        ZONESEAL_PRIMARIES: `127.0.0.1:${primary.port}@${key.name}`,
        ZONESEAL_PARENT_SERVERS: `${parentZone}=127.0.0.1:${parent.server.port}`,
        ...(targets.length === 0
          ? {}
          : { ZONESEAL_SECONDARIES: targets.map((one) => `127.0.0.1:${one.port}@${key.name}`).join(',') }),
      };
      service = await startTestService(dir.at('data'), { settings });
    };
    await start([]);
    for (const { name } of children) {
      await call('POST', '/dns/zones', { zoneName: name });
      await call('PUT', `/dns/zones/${name}/feed`, { primaries: [`127.0.0.1:${primary.port}`] });
    }
    for (const { name, startSecondary } of children) {
      const isThere = async () => (await call('GET', `/dns/zones/${name}/feed`)).serial === 1;
      await vi.waitUntil(isThere, { timeout: patience, interval: 100 });
      secondaries.set(name, started.use(await startSecondary({ zone: `${name}.`, primary: port, key })));
    }
    for (const [name, { port: at }] of secondaries)
      await vi.waitUntil(async () => (await answersOf(name, at, rrTypes.SOA)).length === 1, {
        timeout: patience,
        interval: 100,
      });
    await service.close();
    await start([...secondaries.values()]);
    started.defer(() => service.close());
  });
  afterAll(() => started.disposeAsync());

  /** Do as a registry does that follows CDS, and believes the first one. */
  async function followChildren(signal: AbortSignal): Promise<void> {
    const shown = new Map<string, string>();
    while (!signal.aborted) {
      for (const { name } of children) {
        const cds = await answersOf(name, secondaries.get(name)?.port ?? 0, rrTypes.CDS);
        if (cds.length === 0 || cds.join() === shown.get(name)) continue;
        await parent.setDs(`${name}.`, cds);
        shown.set(name, cds.join());
      }
      await sleep(200);
    }
  }

  const settled = async (name: string, isNew: (key: ShownKey) => boolean): Promise<boolean> => {
    const keys = await keysOf(name);
    return keys.every((one) => isNew(one) && Object.values(one.records).every(({ state }) => state === 'omnipresent'));
  };

  const until = async (name: string, isNew: (key: ShownKey) => boolean): Promise<void> => {
    const options = { timeout: patience, interval: 200, message: name };
    await expect.poll(() => settled(name, isNew), options).toBe(true);
  };
  const sign = (name: string, wanted: object) =>
    call('PUT', `/dns/zones/${name}/dnssec`, { region: 'nl-01', policy: wanted });

  async function goSecure(): Promise<void> {
    for (const child of children) await sign(child.name, child.policy);
    await Promise.all(children.map(({ name }) => until(name, () => true)));
  }

  /** Rotate all keys of two zones, and give the third another algorithm. */
  async function rollOver(): Promise<void> {
    const [split, csk, algorithm] = children.map(({ name }) => name) as [string, string, string];
    for (const name of [split, csk])
      for (const { kmsKeyIdentity } of await keysOf(name))
        await call('POST', `/kms/nl-01/keys/${kmsKeyIdentity}/rotate`);
    await sign(algorithm, { ...policy, keyType: 'ed25519' });
    await Promise.all([
      until(split, ({ version }) => version === 2),
      until(csk, ({ version }) => version === 2),
      until(algorithm, (one) => one.algorithm === 15),
    ]);
  }

  test('no resolver sees a bogus answer through KSK, ZSK, CSK and algorithm rollovers', async () => {
    const served = children.map(({ name }) => ({ origin: `${name}.`, port: secondaries.get(name)?.port ?? 0 }));
    const top = { origin: parentZone, port: parent.server.port, anchors: parent.anchors };
    const watch = { zones: served.map(({ origin }) => origin), root: parentZone, anchors: parent.anchors, dir };
    const ending = new AbortController();
    await using resolvers = new AsyncDisposableStack();
    const underWay: Promise<unknown>[] = [];
    resolvers.defer(async () => {
      ending.abort();
      await Promise.allSettled(underWay);
    });
    const asked: PrivateServer[] = [];
    const watched: Promise<readonly Judgement[]>[] = [];
    for (const pause of pauses) {
      const resolver = resolvers.use(await startUnbound([top, ...served]));
      asked.push(resolver);
      watched.push(watchResolver({ ...watch, port: resolver.port, pause }, ending.signal));
    }
    underWay.push(...watched, followChildren(ending.signal));

    await goSecure();
    const secureSince = performance.now();
    await rollOver();
    ending.abort();
    await Promise.all(underWay);
    for (const judgements of await Promise.all(watched)) expect(faultsOf(judgements, secureSince)).toEqual([]);
    for (const { process } of asked) expect(linesOfBogus(process)).toEqual([]);

    // They would have told: with a DS of no key all of it is bogus, as soon as the caches let go of the right one.
    const [first] = watch.zones;
    await parent.setDs(first ?? '', [`1 13 2 ${'00'.repeat(32)}`]);
    const isNoticed = async (): Promise<boolean> => {
      for (const { port } of asked) await askUnbound(port, first ?? '', 'www.', 'A');
      return asked.every(({ process }) => linesOfBogus(process).length > 0);
    };
    await expect.poll(isNoticed, { timeout: patience, interval: 200 }).toBe(true);
  });
});

/** Return what is wrong: anything bogus at any time, anything insecure once all caches can have the DS, too few answers. */
function faultsOf(judgements: readonly Judgement[], secureSince: number): unknown[] {
  const bogus = judgements.filter(({ verdict, output }) => verdict === 'failed' && tellsOfBogus(output));
  const later = judgements.filter(({ at }) => at >= secureSince);
  const silent = children.flatMap(({ name }) =>
    (['unbound', 'delv'] as const).filter((judge) => {
      const secure = later.filter((one) => one.zone === `${name}.` && one.judge === judge && one.verdict === 'secure');
      return secure.length < 5;
    }),
  );
  return [...bogus, ...later.filter(({ verdict }) => verdict === 'insecure'), ...silent];
}

/** What a resolver has logged about data that did not validate. */
function linesOfBogus({ stderr }: Pick<StartedProcess, 'stderr'>): string[] {
  return stderr().split('\n').filter(tellsOfBogus);
}

/** Return what a server has of a type at the apex, as RDATA in presentation form. */
async function answersOf(name: string, port: number, type: RRType): Promise<string[]> {
  const question = { name: canonical(`${name}.`), type };
  const { answers, octets } = await ask({ host: '127.0.0.1', port }, question, { waits: [20_000], tcpWait: 20_000 });
  const found = answers.filter((record) => record.type === type).map((record) => recordOf(octets, record));
  return found.map(({ rdata }) => formatRdata(type, rdata)).toSorted();
}

function contentsOf(name: string): string {
  return `$ORIGIN ${name}.\n$TTL ${ttl}\n@ SOA ns host 1 60 60 86400 ${ttl}\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n*.wild TXT "wild"\n`;
}
