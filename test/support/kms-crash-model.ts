import { randomBytes } from 'node:crypto';
import type { Method, Zoneseal } from '#test/support/zoneseal.ts';

/** What the API tells of a key, as far as the model follows it. */
export interface SeenKey {
  readonly identity: string;
  readonly name: string;
  readonly status: string;
  readonly latestVersion: number;
  readonly objectVersion: number;
}

interface Step {
  readonly method: Method;
  readonly path: string;
  /** What the key is afterwards. */
  readonly status: string;
  readonly versions: 0 | 1;
  /** Whether a repetition with the same Idempotency-Key is promised to do nothing twice. */
  readonly repeatable: boolean;
}

const steps: Readonly<Record<string, readonly Step[]>> = {
  active: [
    { method: 'POST', path: '/rotate', status: 'active', versions: 1, repeatable: true },
    { method: 'POST', path: '/disable', status: 'disabled', versions: 0, repeatable: false },
    { method: 'DELETE', path: '', status: 'pending_deletion', versions: 0, repeatable: false },
  ],
  disabled: [
    { method: 'POST', path: '/enable', status: 'active', versions: 0, repeatable: false },
    { method: 'DELETE', path: '', status: 'pending_deletion', versions: 0, repeatable: false },
  ],
  pending_deletion: [{ method: 'DELETE', path: '/cancel-deletion', status: 'active', versions: 0, repeatable: false }],
};

interface Pending {
  readonly step: Step;
  readonly idempotencyKey: string;
}

interface Signed {
  readonly input: string;
  readonly signature: string;
}

const keysPath = '/v1/kms/nl-01/keys';

/** One key as its only user knows it: what was acknowledged, and what was asked for but never answered. */
export class KeyModel {
  readonly name: string;
  readonly #random: () => number;
  readonly #creation = { 'idempotency-key': randomBytes(12).toString('hex') };
  #key: SeenKey | undefined;
  #pending: Pending | undefined;
  /** Whether the service had taken the pending step before it died. */
  #isTaken = false;
  readonly #signed: Signed[] = [];
  /** Answers that the service gave. */
  acknowledged = 0;
  /** Signatures among them. */
  #signatures = 0;

  constructor(name: string, random: () => number) {
    this.name = name;
    this.#random = random;
  }

  /** Make the key when it is not there, then change and use it until the service dies. */
  async work(service: Zoneseal): Promise<void> {
    this.#key ??= await this.#create(service);
    for (;;) {
      if (this.#key.status === 'active') await this.#sign(service, this.#key);
      await this.#change(service, this.#key);
    }
  }

  /** Compare the service that was started anew with what is known, and settle what was not answered. */
  async check(service: Zoneseal, listed: ReadonlyMap<string, readonly SeenKey[]>): Promise<void> {
    const found = listed.get(this.name) ?? [];
    if (this.#key === undefined) {
      if (found.length > 1) throw new Error(`${this.name} was made ${found.length} times by one request`);
      const [half] = found;
      this.#key = await this.#create(service); // asks again with the same Idempotency-Key
      if (half !== undefined && half.identity !== this.#key.identity) throw new Error(`${this.name} was made twice`);
    } else {
      this.#compare(this.#key, found);
      await this.#settle(service);
    }
    await this.#checkSignatures(service);
  }

  /** The audit log must have an event for each change that the key went through, and for each signature that left. */
  async checkAudit(service: Zoneseal): Promise<void> {
    if (this.#key === undefined) return;
    let signatures = 0;
    let changes = 0;
    for (let after = 0; ;) {
      const answer = await service.call('GET', `/v1/audit?key=${this.#key.identity}&limit=1000&after=${after}`);
      const events = answer.body as readonly { number: number; operation: string; outcome: string }[];
      for (const { operation, outcome } of events) {
        if (outcome !== 'allowed') continue;
        if (operation === 'kms.sign') signatures += 1;
        else if (operation !== 'kms.verify') changes += 1;
      }
      after = events.at(-1)?.number ?? 0;
      if (events.length < 1000) break;
    }
    if (changes < this.#key.objectVersion || signatures < this.#signatures) {
      throw new Error(`the audit log has ${changes} changes and ${signatures} signatures of ${show(this.#key)}`);
    }
  }

  #create(service: Zoneseal): Promise<SeenKey> {
    const keyType = this.name.length % 2 === 0 ? 'ed25519' : 'ecdsa-p256';
    return this.#expect(service, 'POST', '', { name: this.name, keyType }, 201, this.#creation);
  }

  async #change(service: Zoneseal, key: SeenKey): Promise<void> {
    const choices = steps[key.status] ?? [];
    const step = choices[Math.floor(this.#random() * choices.length)];
    if (step === undefined) throw new Error(`${this.name} has the unknown status ${key.status}`);
    this.#pending = { step, idempotencyKey: randomBytes(12).toString('hex') };
    this.#key = await this.#take(service, key, this.#pending);
    this.#pending = undefined;
  }

  async #take(service: Zoneseal, key: SeenKey, { step, idempotencyKey }: Pending): Promise<SeenKey> {
    const path = `/${key.identity}${step.path}`;
    const changed = await this.#expect(service, step.method, path, undefined, 200, {
      'idempotency-key': idempotencyKey,
    });
    if (!isAfter(key, step, changed)) {
      throw new Error(`${step.method} ${step.path} of ${show(key)} answered ${show(changed)}`);
    }
    return changed;
  }

  async #sign(service: Zoneseal, key: SeenKey): Promise<void> {
    const input = randomBytes(16).toString('base64');
    const answer = await service.call('POST', `${keysPath}/${key.identity}/sign`, { input });
    if (answer.status !== 200) throw new Error(`signing with ${show(key)} answered ${answer.status}`);
    const { signature } = answer.body as { signature: string };
    this.acknowledged++;
    this.#signatures++;
    this.#signed.push({ input, signature });
    if (this.#signed.length > 8) this.#signed.splice(Math.floor(this.#random() * 8), 1);
  }

  /** The service must show the key as it was acknowledged, or as the one unanswered step leaves it. */
  #compare(key: SeenKey, [found, ...others]: readonly SeenKey[]): void {
    if (found === undefined) throw new Error(`${show(key)} was acknowledged and is gone`);
    if (others.length > 0) throw new Error(`${this.name} is there ${others.length + 1} times`);
    this.#isTaken = this.#pending !== undefined && isAfter(key, this.#pending.step, found);
    if (show(found) !== show(key) && !this.#isTaken) {
      throw new Error(`${show(key)} was acknowledged, but it is ${show(found)}`);
    }
    if (this.#isTaken && this.#pending?.step.repeatable !== true) this.#key = found;
  }

  /**
   * Ask again for the step that was not answered: one that was not taken must be possible now, and one that makes
   * something is taken once in all, whether or not it had been.
   */
  async #settle(service: Zoneseal): Promise<void> {
    const pending = this.#pending;
    if (pending !== undefined && this.#key !== undefined && (pending.step.repeatable || !this.#isTaken)) {
      this.#key = await this.#take(service, this.#key, pending);
    }
    this.#pending = undefined;
  }

  async #checkSignatures(service: Zoneseal): Promise<void> {
    if (this.#key?.status !== 'active' || this.#signed.length === 0) return;
    const answer = await service.call('POST', `${keysPath}/${this.#key.identity}/verify`, { batch: this.#signed });
    const { results } = answer.body as { results?: readonly { valid?: boolean }[] };
    if (results?.length !== this.#signed.length || !results.every(({ valid }) => valid === true)) {
      throw new Error(`signatures of ${show(this.#key)} that were given out do not verify: ${JSON.stringify(answer)}`);
    }
  }

  async #expect(
    service: Zoneseal,
    method: Method,
    path: string,
    body: unknown,
    status: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<SeenKey> {
    const answer = await service.call(method, keysPath + path, body, headers);
    if (answer.status !== status) {
      throw new Error(`${method} ${path} for ${this.name} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    this.acknowledged++;
    return seen(answer.body as SeenKey);
  }
}

/** Check the chain of the audit log from its beginning to its end. @returns the number of events */
export async function checkAuditChain(service: Zoneseal): Promise<number> {
  for (let from: unknown = undefined; ;) {
    const answer = await service.call('POST', '/v1/audit/verify', from === undefined ? {} : { from });
    const { head, isEnd, fault } = answer.body as { head: { number: number }; isEnd: boolean; fault?: string };
    if (answer.status !== 200 || fault !== undefined)
      throw new Error(`the audit log is not whole: ${JSON.stringify(answer)}`);
    if (isEnd) return head.number;
    from = head;
  }
}

/** List all keys by name. */
export async function listKeys(service: Zoneseal): Promise<ReadonlyMap<string, readonly SeenKey[]>> {
  const answer = await service.call('GET', keysPath);
  if (answer.status !== 200) throw new Error(`listing keys answered ${answer.status}`);
  return Map.groupBy((answer.body as SeenKey[]).map(seen), ({ name }) => name);
}

function seen({ identity, name, status, latestVersion, objectVersion }: SeenKey): SeenKey {
  return { identity, name, status, latestVersion, objectVersion };
}

function isAfter(before: SeenKey, step: Step, after: SeenKey): boolean {
  return (
    after.identity === before.identity &&
    after.status === step.status &&
    after.latestVersion === before.latestVersion + step.versions &&
    after.objectVersion === before.objectVersion + 1
  );
}

function show(key: SeenKey): string {
  return JSON.stringify(key);
}
