import type { FastifyReply, FastifyRequest } from 'fastify';
import { createHttp, type HttpApp, listenOnSocket, mount } from '#app/http.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { connectKms } from '#dnssec/adapters/kms-signer.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import { composeDs, type DigestType, parseDs } from '#dnssec/core/keys/ds.ts';
import { parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { registrarRoutes } from '#dnssec/http/registrar-routes.ts';
import { dnssecStatuses } from '#dnssec/http/statuses.ts';
import { zoneRoutes } from '#dnssec/http/zone-routes.ts';
import { verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import { noteFailure, tendZone } from '#dnssec/operations/zones/tend-zone.ts';
import { KmsKeyWatch } from '#dnssec/operations/zones/watch-kms-keys.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { DsAnswer, DsQuestion, DsShown, ParentProbe, ShownKeySet } from '#dnssec/ports-parent.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';
import { type ManagedZones, openManagedZones } from '#dnssec/zones.ts';
import { kmsRoutes } from '#kms/http/routes.ts';
import { kmsStatuses } from '#kms/http/statuses.ts';
import { type Kms, openKms } from '#kms/kms.ts';
import { rotateDueKeys } from '#kms/operations/change-by-system.ts';
import { messageOf } from '#lib/errors.ts';
import type { SecretText } from '#lib/secret-text.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { localVerifier } from '#test/support/local-signer.ts';
import { ResolverCaches } from '#test/support/resolver-caches.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { testToken } from '#test/support/zoneseal.ts';

const organisation = 'o-default';
const dnskeyTtl = 3600;

interface WorldAnswer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of all forms
  readonly body: any;
}

/** The servers of a parent, each with the key tags of the DS that it shows. */
export class FakeParent implements ParentProbe {
  readonly servers: Record<'a' | 'b', readonly number[]> = { a: [], b: [] };
  readonly ttl = 86_400;
  /** Digest types of the DS that it makes. */
  digestTypes: readonly DigestType[] = [2];
  /** DS RDATA of keys that no zone has. */
  foreign: readonly Rdata[] = [];
  isReachable = true;
  /** Whether a validating resolver vouches for who its servers are; undefined where no resolver tells. */
  isValidated: boolean | undefined;

  async lookUpDs({ apex, dnskeys }: DsQuestion): Promise<DsAnswer> {
    const sets = Object.values(this.servers);
    const shown = dnskeys.map((dnskey): DsShown => {
      if (!this.isReachable) return 'unknown';
      const count = sets.filter((tags) => tags.includes(keyTagOf(dnskey))).length;
      if (count === 0) return 'nowhere';
      return count === sets.length ? 'everywhere' : 'somewhere';
    });
    const hasAny = sets.some((tags) => tags.length > 0);
    const isComplete = this.isReachable;
    const others = isComplete ? this.foreign : [];
    const problems = isComplete ? [] : ['no server of the parent can be reached'];
    const found = dnskeys.map((dnskey, index) =>
      shown[index] === 'everywhere' || shown[index] === 'somewhere'
        ? this.digestTypes.map((digestType) => composeDs(apex, dnskey, digestType))
        : [],
    );
    const validated = this.isValidated === undefined ? {} : { isValidated: this.isValidated };
    return {
      shown,
      found,
      ...(hasAny && isComplete ? { ttl: this.ttl } : {}),
      others,
      isComplete,
      problems,
      ...validated,
    };
  }
}

/**
 * Zones of the real service with its real store and a real KMS, under a clock that stands still until it is moved. Whatever
 * is published goes into a model of all resolvers' caches, and a parent does as CDS asks.
 */
export class ManagedWorld implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly parent = new FakeParent();
  /** What the name servers of a zone show that was signed elsewhere until now. */
  elsewhere: readonly ShownKeySet[] = [];
  /** Whether the parent follows CDS by itself. */
  isParentPrompt = true;
  /**
   * What becomes of an answer of the KMS: another text, another status, or it is lost on its way. Nothing: it is left as it
   * is.
   */
  spoil: ((url: string, text: string | undefined) => string | { readonly status: number } | undefined) | undefined;
  readonly #dir: TempDir = makeTempDir();
  readonly #caches = new Map<string, ResolverCaches>();
  readonly #algorithms = new Map<string, number>();
  readonly #ever = new Map<string, Set<string>>();
  #kms: Kms | undefined;
  #kmsApp: HttpApp | undefined;
  #zones: ManagedZones | undefined;
  #app: HttpApp | undefined;
  #ports: ZonePorts | undefined;
  #watch: KmsKeyWatch | undefined;
  #isTold = false;
  #wrap: (ports: ZonePorts) => ZonePorts = (ports) => ports;

  /** @param start milliseconds since the epoch */
  private constructor(start: number) {
    this.clock = new FakeClock(start);
  }

  /** Open a world whose service asks the parent by itself, or is told of it by people. */
  static async open({
    wrap = (ports: ZonePorts) => ports,
    isTold = false,
    start = Date.parse('2026-01-01T00:00:00Z'),
  } = {}): Promise<ManagedWorld> {
    const world = new ManagedWorld(start);
    world.#isTold = isTold;
    await world.#open(wrap);
    return world;
  }

  async #open(wrap: (ports: ZonePorts) => ZonePorts): Promise<void> {
    this.#kms = await openKms({
      place: { kind: 'folder', path: this.#dir.path },
      rootKey: { kind: 'file', path: this.#dir.at('root.key') },
      clock: this.clock,
      organisation,
      regions: ['nl-01'],
      adminToken: testToken,
      workers: 0,
      onError: fail,
    });
    this.#kmsApp = await createHttp();
    this.#kmsApp.addHook('onSend', async (request, reply, payload) => this.#spoiled(request, reply, payload));
    await mount(this.#kmsApp, kmsRoutes, { ports: this.#kms.ports, bell: this.#kms.bell }, kmsStatuses);
    await listenOnSocket(this.#kmsApp, this.#dir.at('kms.sock'));
    this.#wrap = wrap;
    await this.#openZones(this.#kms.serviceToken);
  }

  async #spoiled(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
    const spoilt = this.spoil?.(request.url, typeof payload === 'string' ? payload : undefined);
    if (spoilt === undefined) return payload;
    if (spoilt === 'lost') request.raw.socket.destroy();
    if (spoilt === 'lost' || typeof spoilt === 'string') return spoilt;
    void reply.code(spoilt.status).type('application/json').removeHeader('content-length');
    return JSON.stringify({ message: `spoilt by the test`, code: 'spoilt' });
  }

  async #openZones(serviceToken: SecretText): Promise<void> {
    this.#zones = await openManagedZones({
      place: { kind: 'folder', path: this.#dir.path },
      kms: connectKms({ url: `unix:${this.#dir.at('kms.sock')}` }),
      verifier: localVerifier,
      clock: this.clock,
      serviceToken,
      nameServers: ['ns1.example.net', 'ns2.example.net'],
      onError: fail,
    });
    const { ports } = this.#zones;
    const keySetProbe = { lookUpKeySets: async () => this.elsewhere };
    this.#ports = this.#wrap(this.#isTold ? ports : { ...ports, parentProbe: this.parent, keySetProbe });
    this.#watch = new KmsKeyWatch(this.#ports, fail);
    this.#app = await createHttp();
    const { callers } = this.#zones;
    const options = { prefix: '/v1/dns', ports: this.#ports, callers };
    await mount(this.#app, zoneRoutes, options, dnssecStatuses);
    await mount(this.#app, registrarRoutes, options, dnssecStatuses);
  }

  /** Stop the service that keeps the zones, and start it again. */
  async restart(): Promise<void> {
    await this.#app?.close();
    await this.#zones?.close();
    await this.#openZones(this.#kms!.serviceToken);
  }

  get ports(): ZonePorts {
    if (this.#ports === undefined) throw new Error('the world is not open');
    return this.#ports;
  }

  get now(): number {
    return this.clock.now() / 1000;
  }

  /** Call the API of the zones, or with a path that begins with `/v1/kms` that of the KMS. */
  async call(method: string, path: string, body?: object, more: Record<string, string> = {}): Promise<WorldAnswer> {
    const isKms = path.startsWith('/v1/kms');
    const answer = await (isKms ? this.#kmsApp : this.#app)!.inject({
      method: method as 'GET',
      url: isKms ? path : `/v1/dns${path}`,
      headers: {
        authorization: `Bearer ${testToken}`,
        'x-organisation-identity': organisation,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...more,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, body: answer.body === '' ? undefined : JSON.parse(answer.body) };
  }

  /** Get what is no JSON. */
  async picture(path: string): Promise<string> {
    const headers = { authorization: `Bearer ${testToken}`, 'x-organisation-identity': organisation };
    return (await this.#app!.inject({ method: 'GET', url: `/v1/dns${path}`, headers })).body;
  }

  /** Make a zone with some records and have it signed. */
  async signedZone(name: string, policy?: object, more: object = {}): Promise<void> {
    await this.call('POST', '/zones', { zoneName: name });
    const changes = [
      { action: 'create', name: 'www', type: 'A', values: ['192.0.2.1'] },
      { action: 'create', name: '*.wild', type: 'TXT', values: ['wild'] },
      { action: 'create', name: 'sub', type: 'NS', values: ['ns.elsewhere.net'] },
    ];
    await this.call('POST', `/zones/${name}/changes`, { changes });
    await this.observe(name);
    const on = await this.call('PUT', `/zones/${name}/dnssec`, {
      region: 'nl-01',
      ...(policy === undefined ? {} : { policy }),
      ...more,
    });
    if (on.status !== 200) throw new Error(JSON.stringify(on.body));
    await this.observe(name);
  }

  async zone(name: string): Promise<ManagedZone> {
    return (await this.ports.store.findZoneByName(name))!;
  }

  /** Let the KMS make a new version of a key, and the service hear of it. */
  async rotate(keyId: string): Promise<void> {
    const { status } = await this.call('POST', `/v1/kms/nl-01/keys/${keyId}/rotate`);
    if (status !== 200) throw new Error(`the key was not rotated: ${status}`);
    await this.#watch?.look();
  }

  /** Let the KMS rotate by itself what is due, and the service hear of it. */
  async rotateDue(): Promise<void> {
    await rotateDueKeys(this.#kms!.ports, fail);
    await this.#watch?.look();
  }

  /** Let the service look at its KMS keys. */
  async look(): Promise<void> {
    await this.#watch?.look();
  }

  /** Do what is due now as a worker does it: what fails is noted, and comes again in a minute. @returns why it failed */
  async tryToTend(name: string): Promise<string | undefined> {
    const { id } = await this.zone(name);
    try {
      await tendZone(this.ports, id);
      return undefined;
    } catch (error) {
      await noteFailure(this.ports, id, error, 60);
      return messageOf(error);
    } finally {
      await this.observe(name);
    }
  }

  /** Do what is due now, and let a prompt parent follow. */
  async tend(name: string): Promise<void> {
    await tendZone(this.ports, (await this.zone(name)).id);
    await this.observe(name);
    if (this.isParentPrompt) await this.#followCds(name);
  }

  /** Let time pass up to when something is due, and do it. @returns whether something was, before the limit */
  async wake(name: string, limit = Infinity): Promise<boolean> {
    const { dueAt } = await this.zone(name);
    if (dueAt === undefined || dueAt > limit) return false;
    this.clock.advance(Math.max(0, dueAt - this.now));
    await this.tend(name);
    return true;
  }

  /** Let so many seconds pass, with all that is due on the way. */
  async pass(name: string, seconds: number): Promise<void> {
    const end = this.now + seconds;
    while (await this.wake(name, end));
    this.clock.advance(Math.max(0, end - this.now));
  }

  /** Live on until something is so. */
  async until(name: string, isSo: () => Promise<boolean>, most = 400): Promise<void> {
    for (let count = 0; !(await isSo()); count++) {
      if (count > most) throw new Error(`it never comes: ${JSON.stringify((await this.zone(name)).signing?.keys)}`);
      if (!(await this.wake(name))) throw new Error('nothing is due any more');
    }
  }

  /** Give the model of caches what is published now, and fail where some resolver finds no chain of trust. */
  async observe(name: string): Promise<void> {
    const caches = this.#cachesOf(name);
    const { store } = this.ports;
    const zone = await this.zone(name);
    const rrsets = await store.readRRsets(zone.id, 1000);
    const links = await store.readLinks(zone.id, 1000);
    const dnskeys = rrsets.find(({ rrset }) => rrset.type === rrTypes.DNSKEY);
    for (const rdata of dnskeys?.rrset.rdatas ?? []) this.#algorithms.set(String(keyTagOf(rdata)), rdata.charCodeAt(3));
    for (const { key } of zone.signing?.keys.map((one) => ({ key: one })) ?? [])
      this.#algorithms.set(String(key.keyTag), key.algorithm);
    caches.publishDnskeys(
      this.now,
      {
        keys: dnskeys?.rrset.rdatas.map((rdata) => String(keyTagOf(rdata))) ?? [],
        signers: signersIn(dnskeys?.rrsigs ?? []),
      },
      dnskeys === undefined ? 3600 : dnskeyTtl,
    );
    const signed = new Map<string, { signers: string[]; ttl: number }>();
    for (const { rrset, rrsigs, key } of rrsets) {
      const isKeySet = [rrTypes.DNSKEY, rrTypes.CDS, rrTypes.CDNSKEY].some((type) => type === rrset.type);
      if (!isKeySet && (rrsigs.length > 0 || zone.signing === undefined) && rrset.type !== rrTypes.NS)
        signed.set(`${rrset.type} ${key}`, { signers: signersIn(rrsigs), ttl: rrset.ttl });
    }
    for (const { place, rrsigs, ttl } of links) signed.set(`link ${place}`, { signers: signersIn(rrsigs), ttl });
    // What is gone is denied from now on, by records that are signed as the others are.
    const [any = { signers: [], ttl: 0 }] = signed.values();
    for (const one of this.#known(name, signed.keys())) {
      const { signers, ttl } = signed.get(one) ?? any;
      caches.publishRRset(this.now, one, signers, ttl);
    }
    const fault = caches.faultAt(this.now);
    if (fault !== undefined) throw new Error(`${name} at ${new Date(this.clock.now()).toISOString()}: ${fault}`);
  }

  /** All that a zone ever had, with what it has now. */
  #known(name: string, now: Iterable<string>): ReadonlySet<string> {
    const known = this.#ever.get(name) ?? new Set();
    for (const one of now) known.add(one);
    this.#ever.set(name, known);
    return known;
  }

  #cachesOf(name: string): ResolverCaches {
    let caches = this.#caches.get(name);
    if (caches === undefined) {
      const algorithmOf = (tag: string): number => this.#algorithms.get(tag) ?? 0;
      caches = new ResolverCaches({ zone: 300, parent: 3600 }, algorithmOf);
      this.#caches.set(name, caches);
    }
    return caches;
  }

  /** Have all servers of the parent show the DS that the zone's CDS asks for. Source: RFC 7344 §4.1, RFC 8078 §4. */
  async #followCds(name: string): Promise<void> {
    const zone = await this.zone(name);
    const rrsets = await this.ports.store.readRRsets(zone.id, 1000);
    const cds = rrsets.find(({ rrset }) => rrset.type === rrTypes.CDS)?.rrset.rdatas;
    if (cds === undefined) return;
    const wanted = cds.map((rdata: Rdata) => parseDs(rdata)).filter(({ algorithm }) => algorithm !== 0);
    const tags = wanted.map(({ keyTag }) => keyTag);
    for (const server of ['a', 'b'] as const) await this.setDs(name, server, tags);
    if (this.#isTold) await this.#tell(name, tags);
  }

  /** Tell the service what the parent has, where it waits for that. */
  async #tell(name: string, tags: readonly number[]): Promise<void> {
    const { signing } = await this.zone(name);
    for (const { id, keyTag, records } of signing?.keys ?? []) {
      const isThere = tags.includes(keyTag);
      const isAwaited = records.ds?.state === (isThere ? 'rumoured' : 'unretentive');
      const isKnown = signing?.parent[id]?.kind === (isThere ? 'everywhere' : 'nowhere');
      if (!isAwaited || isKnown) continue;
      await this.call('POST', `/zones/${name}/dnssec/${isThere ? 'ds-seen' : 'ds-gone'}`, { key: id });
      await this.observe(name);
    }
  }

  async setDs(name: string, server: 'a' | 'b', tags: readonly number[]): Promise<void> {
    this.parent.servers[server] = tags;
    this.#cachesOf(name).publishDs(this.now, server, tags.map(String), this.parent.ttl);
    await this.observe(name);
  }

  /** The zone as a master file, signatures and all. */
  async text(name: string): Promise<string> {
    const { body } = await this.call('GET', `/zones/${name}/export?signed=true`);
    return body['zoneFile'];
  }

  /** Verify all of a zone as it is published. @returns its faults */
  async faults(name: string): Promise<string[]> {
    const octets = new TextEncoder().encode(await this.text(name));
    const pieces = (async function* () {
      yield octets;
    })();
    const source = await openZone(pieces, 'master', { fileName: 'zone' });
    const { faults } = await verifyZoneText(source, { at: this.now, anchors: [] }, localVerifier);
    return faults.filter(({ severity }) => severity === 'error').map((fault) => `${fault.owner} ${fault.message}`);
  }

  /** The keys as the API shows them. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of all forms
  async keys(name: string): Promise<any[]> {
    return (await this.call('GET', `/zones/${name}/dnssec/keys`)).body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app?.close();
    await this.#zones?.close();
    await this.#kmsApp?.close();
    await this.#kms?.close();
    this.#dir[Symbol.dispose]();
  }
}

function fail(error: unknown): never {
  throw error;
}

function signersIn(rrsigs: readonly Rdata[]): string[] {
  return rrsigs.map((rrsig) => String(parseRrsig(rrsig).keyTag));
}
