import { joinOctets, type Octets } from '#lib/octets.ts';
import { canonicalName } from '#dns/name.ts';
import type { Message } from '#dnssec/adapters/messages/message.ts';
import { TransferError } from '#dnssec/adapters/transfer/transfer-error.ts';
import { checkMac, checkTime, type TsigKey, verifyTsig } from '#dnssec/adapters/transfer/tsig.ts';
import { composeTimers, findTsig, tsigErrors, withoutTsig } from '#dnssec/adapters/transfer/tsig-record.ts';

/** Messages in a row that a server may send unsigned. Source: RFC 8945 §5.3.1. */
const mostUnsigned = 99;

const namesOfErrors = new Map<number, string>([
  [tsigErrors.badSig, 'BADSIG: the secrets differ'],
  [tsigErrors.badKey, 'BADKEY: the key is not known there'],
  [tsigErrors.badTime, 'BADTIME: the clocks differ'],
  [tsigErrors.badTrunc, 'BADTRUNC: a MAC was cut'],
]);

/**
 * Checks the TSIGs of an answer of several messages: each MAC covers the one before it and all messages since.
 *
 * Source: RFC 8945 §5.3.1.
 */
export class TsigStream {
  readonly #key: TsigKey;
  readonly #now: () => number;
  #priorMac: Octets;
  #isFirst = true;
  #unsigned: Octets[] = [];

  /** @param now seconds since the epoch */
  constructor(key: TsigKey, requestMac: Octets, now: () => number) {
    this.#key = key;
    this.#priorMac = requestMac;
    this.#now = now;
  }

  /**
   * Check the next message.
   *
   * @returns whether this message and all before it are now known to be from the holder of the key
   * @throws TransferError tsig-invalid
   */
  accept(message: Message): boolean {
    const error = this.#isFirst ? this.#checkFirst(message) : this.#checkNext(message);
    this.#isFirst = false;
    if (error !== undefined) throw invalid(`its TSIG is wrong: ${namesOfErrors.get(error) ?? `error ${error}`}`);
    return this.#unsigned.length === 0;
  }

  #checkFirst(message: Message): number | undefined {
    const tsig = findTsig(message);
    if (tsig === undefined) throw invalid('its first message has no TSIG');
    if (tsig.error !== 0) throw invalid(`it says ${namesOfErrors.get(tsig.error) ?? `TSIG error ${tsig.error}`}`);
    const verdict = verifyTsig(message, [this.#key], this.#now(), this.#priorMac);
    if (verdict.kind === 'bad') return verdict.error;
    this.#priorMac = tsig.mac;
    return undefined;
  }

  #checkNext(message: Message): number | undefined {
    const tsig = findTsig(message);
    if (tsig === undefined) {
      this.#unsigned.push(message.octets);
      if (this.#unsigned.length > mostUnsigned)
        throw invalid(`more than ${mostUnsigned} messages in a row are unsigned`);
      return undefined;
    }
    if (canonicalName(tsig.record.owner) !== this.#key.name) return tsigErrors.badKey;
    const covered = joinOctets(...this.#unsigned, withoutTsig(message, tsig), composeTimers(tsig));
    const error = checkMac(this.#key, tsig.mac, covered, this.#priorMac) ?? checkTime(tsig, this.#now());
    this.#priorMac = tsig.mac;
    this.#unsigned = [];
    return error;
  }
}

function invalid(why: string): TransferError {
  return new TransferError('tsig-invalid', `the answer cannot be trusted: ${why}`);
}
