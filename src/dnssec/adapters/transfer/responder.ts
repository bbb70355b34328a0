import { DnsError } from '#dns/errors.ts';
import { canonicalName, type CanonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { parseSoa } from '#dns/soa.ts';
import { type Clock, secondsOf } from '#lib/clock.ts';
import type { Octets } from '#lib/octets.ts';
import type { AnsweredUpdates, SignedRequest } from '#dnssec/adapters/transfer/answered-updates.ts';
import { answerQuery } from '#dnssec/adapters/transfer/answer-query.ts';
import { expandRdata } from '#dnssec/adapters/messages/expand-rdata.ts';
import { classIn, type Message, opcodes, rcodes, refusal } from '#dnssec/adapters/messages/message.ts';
import { signMessage, type TsigKey, type TsigVerdict, verifyTsig } from '#dnssec/adapters/transfer/tsig.ts';
import { parseUpdate } from '#dnssec/adapters/transfer/update.ts';
import type { ZoneUpdate } from '#dnssec/ports-transfer.ts';
import type { PublishedZones } from '#dnssec/ports-transfer.ts';

/** Who sent a request. */
export interface RequestSource {
  readonly address: string;
  /** Name of the TSIG key that signed it. */
  readonly key?: CanonicalName;
}

/** News that a zone may have a new version. Source: RFC 1996 §3.7. */
export interface Notification {
  readonly apex: CanonicalName;
  /** Of the new version, when the sender tells; a hint that anybody on the way could have written. */
  readonly serial?: number;
  readonly source: RequestSource;
}

export interface ResponderOptions {
  readonly zones: PublishedZones;
  readonly keys: readonly TsigKey[];
  /** Addresses that need no TSIG to get zones. */
  readonly allow: readonly string[];
  readonly clock: Clock;
  /** Tells whether a zone may be given to whoever asks with a right to ask. Without it, it may. */
  readonly mayHave?: (apex: CanonicalName, source: RequestSource) => Promise<boolean>;
  /** Told of NOTIFYs, which need no TSIG; tells whether the zone comes from that source. Without it there are none. */
  readonly onNotify?: (notification: Notification) => boolean | Promise<boolean>;
  /** Does an update, which was signed with a key, and returns the response code. Without it there are no updates. */
  readonly onUpdate?: (update: ZoneUpdate, source: RequestSource) => Promise<number>;
  /** Remembers updates, so that none that comes again is done again. Without it, each is done. */
  readonly answeredUpdates?: AnsweredUpdates;
}

/** Answer one request with one message or, to a transfer over TCP, with several. Source: RFC 5936 §2.2. */
export async function* respond(
  request: Message,
  source: { readonly address: string; readonly isTcp: boolean },
  options: ResponderOptions,
): AsyncGenerator<Octets> {
  const now = secondsOf(options.clock);
  const verdict = verdictOf(request, options.keys, now);
  if (verdict === undefined) {
    yield refusal(request, rcodes.formErr);
  } else if (verdict.kind === 'bad') {
    yield verdict.answer(refusal(request, rcodes.notAuth));
  } else {
    const signed = verdict.kind === 'good' ? new SignedAnswer(verdict.key, verdict.mac, now) : undefined;
    const key = verdict.kind === 'good' ? { key: verdict.key.name } : {};
    const once = verdict.kind === 'good' ? updatingOnce(options, verdict, now) : options;
    for await (const message of answer(request, { address: source.address, ...key }, source.isTcp, once))
      yield signed?.sign(message) ?? message;
  }
}

/** The same, save that an update which comes again is not done again. */
function updatingOnce(options: ResponderOptions, request: SignedRequest, now: number): ResponderOptions {
  const { onUpdate, answeredUpdates } = options;
  if (onUpdate === undefined || answeredUpdates === undefined) return options;
  return {
    ...options,
    onUpdate: (update, source) => answeredUpdates.answer(request, now, () => onUpdate(update, source)),
  };
}

/** @returns undefined when the TSIG is malformed */
function verdictOf(request: Message, keys: readonly TsigKey[], now: number): TsigVerdict | undefined {
  try {
    return verifyTsig(request, keys, now);
  } catch (error) {
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}

/** Signs the messages of one answer, each with the MAC of the one before. Source: RFC 8945 §5.3.1. */
class SignedAnswer {
  readonly #key: TsigKey;
  readonly #now: number;
  #mac: Octets;
  #isContinued = false;

  constructor(key: TsigKey, requestMac: Octets, now: number) {
    this.#key = key;
    this.#mac = requestMac;
    this.#now = now;
  }

  sign(message: Octets): Octets {
    const { message: signed, mac } = signMessage(message, this.#key, this.#now, {
      priorMac: this.#mac,
      isContinued: this.#isContinued,
    });
    this.#mac = mac;
    this.#isContinued = true;
    return signed;
  }
}

async function* answer(
  request: Message,
  source: RequestSource,
  isTcp: boolean,
  options: ResponderOptions,
): AsyncGenerator<Octets> {
  const { question, opcode } = request;
  if (!isAllowed(opcode, source, options)) yield refusal(request, rcodes.refused);
  else if (question === undefined) yield refusal(request, rcodes.formErr);
  else if (opcode === opcodes.query && !(await mayHave(canonicalName(question.name), source, options)))
    yield refusal(request, rcodes.notAuth);
  else if (opcode === opcodes.query) yield* answerQuery(request, question, isTcp, options.zones);
  else if (opcode === opcodes.notify) yield refusal(request, await takeNotify(request, source, options));
  else if (opcode === opcodes.update) yield refusal(request, await takeUpdate(request, source, options));
  else yield refusal(request, rcodes.notImp);
}

function isAllowed(opcode: number, { address, key }: RequestSource, { allow }: ResponderOptions): boolean {
  if (key !== undefined || opcode === opcodes.notify) return true;
  if (opcode === opcodes.update) return false; // an address is too easily forged to let it change anything
  return allow.includes(address);
}

async function mayHave(apex: CanonicalName, source: RequestSource, options: ResponderOptions): Promise<boolean> {
  return options.mayHave === undefined || (await options.mayHave(apex, source));
}

/** @returns the response code. Source: RFC 1996 §3. */
async function takeNotify(
  { question, answers, octets }: Message,
  source: RequestSource,
  { onNotify }: ResponderOptions,
): Promise<number> {
  if (onNotify === undefined) return rcodes.notImp;
  if (question === undefined || question.type !== rrTypes.SOA) return rcodes.formErr;
  const apex = canonicalName(question.name);
  const soa = answers.find(({ type, owner }) => type === rrTypes.SOA && canonicalName(owner) === apex);
  let serial: { readonly serial?: number } = {};
  try {
    if (soa !== undefined) serial = { serial: parseSoa(expandRdata(octets, soa)).serial };
  } catch (error) {
    if (error instanceof DnsError) return rcodes.formErr;
    throw error;
  }
  const isOurs = question.class === classIn && (await onNotify({ apex, ...serial, source }));
  return isOurs ? rcodes.noError : rcodes.notAuth;
}

/** @returns the response code. Source: RFC 2136 §3. */
async function takeUpdate(request: Message, source: RequestSource, { onUpdate }: ResponderOptions): Promise<number> {
  if (onUpdate === undefined) return rcodes.notImp;
  const update = parseUpdate(request);
  return typeof update === 'number' ? update : await onUpdate(update, source);
}
