import { canonicalName, type CanonicalName, formatName, isWithin } from '#dns/name.ts';
import { formatRRType, isMetaType, rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { isSerialGreater } from '#dns/serial.ts';
import { parseSoa } from '#dns/soa.ts';
import { TransferError } from '#dnssec/adapters/transfer/transfer-error.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';

type State = 'start' | 'second' | 'full' | 'removed' | 'added' | 'done';

/**
 * Reads the records of one transfer, whatever messages they came in.
 *
 * ```text
 * start ─SOA─► second ─SOA held────► removed ⇄ added ─SOA new─► done
 *   │            └────other────────► full ─────────── SOA new─► done
 *   └─SOA that is not newer than what is held────────────────► done
 * ```
 *
 * Source: RFC 5936 §2.2, RFC 1995 §4.
 */
export class TransferReader {
  readonly #apex: CanonicalName;
  readonly #held: number | undefined;
  #state: State = 'start';
  #newest: ResourceRecord | undefined;
  #from: ResourceRecord | undefined;
  #to: ResourceRecord | undefined;
  #removed: ResourceRecord[] = [];
  #added: ResourceRecord[] = [];
  #parts: TransferPart[] = [];
  #full: ResourceRecord[] = [];
  readonly #mostInSteps: number;
  #inSteps = 0;

  /**
   * @param held serial of the version that is held, when differences to it were asked for
   * @param mostInSteps records of all differences, which are held until each is whole; with more, the whole zone is cheaper
   */
  constructor(apex: CanonicalName, held: number | undefined, mostInSteps = 500_000) {
    this.#apex = apex;
    this.#held = held;
    this.#mostInSteps = mostInSteps;
  }

  /** Whether all was read. */
  get isDone(): boolean {
    return this.#state === 'done';
  }

  /**
   * Read the records of one message.
   *
   * @returns what they complete
   * @throws TransferError transfer-malformed
   */
  read(records: readonly ResourceRecord[]): TransferPart[] {
    for (const record of records) this.#step(record);
    if (this.#full.length > 0) {
      this.#parts.push({ kind: 'full', soa: this.#known(this.#newest), records: this.#full });
      this.#full = [];
    }
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #step(record: ResourceRecord): void {
    const isSoa = record.type === rrTypes.SOA;
    this.#assertOwn(record, isSoa);
    if (this.#state === 'removed' || this.#state === 'added') this.#countStep();
    switch (this.#state) {
      case 'start':
        this.#start(record, isSoa);
        break;
      case 'second':
        this.#second(record, isSoa);
        break;
      case 'full':
        if (isSoa) this.#endFull(record);
        else this.#full.push(record);
        break;
      case 'removed':
        if (isSoa) this.#turn(record);
        else this.#removed.push(record);
        break;
      case 'added':
        if (isSoa) this.#endStep(record);
        else this.#added.push(record);
        break;
      case 'done':
        throw malformed(`${shown(record)} follows its end`);
    }
  }

  #countStep(): void {
    this.#inSteps += 1;
    if (this.#inSteps > this.#mostInSteps) throw malformed(`its steps have more than ${this.#mostInSteps} records`);
  }

  #assertOwn(record: ResourceRecord, isSoa: boolean): void {
    const owner = canonicalName(record.owner);
    if (isSoa ? owner !== this.#apex : !isWithin(owner, this.#apex) || isMetaType(record.type))
      throw malformed(`${shown(record)} does not belong into the zone ${formatName(this.#apex)}`);
  }

  #start(soa: ResourceRecord, isSoa: boolean): void {
    if (!isSoa) throw malformed(`it begins with ${shown(soa)} and not with the SOA`);
    this.#newest = soa;
    const isNewer = this.#held === undefined || isSerialGreater(serialOf(soa), this.#held);
    if (!isNewer) this.#parts.push({ kind: 'up-to-date', soa });
    this.#state = isNewer ? 'second' : 'done';
  }

  #second(record: ResourceRecord, isSoa: boolean): void {
    if (isSoa && this.#held !== undefined && serialOf(record) === this.#held) {
      this.#from = record;
      this.#state = 'removed';
      return;
    }
    // Said even of a zone that has nothing but its SOA, so that a whole zone always has a part.
    this.#parts.push({ kind: 'full', soa: this.#known(this.#newest), records: [] });
    this.#state = 'full';
    if (isSoa) this.#endFull(record);
    else this.#full.push(record);
  }

  #endFull(soa: ResourceRecord): void {
    if (soa.rdata !== this.#known(this.#newest).rdata) throw malformed('the SOA at its end differs from the first one');
    this.#state = 'done';
  }

  #turn(to: ResourceRecord): void {
    const [before, after] = [serialOf(this.#known(this.#from)), serialOf(to)];
    if (!isSerialGreater(after, before)) throw malformed(`a step goes from serial ${before} back to ${after}`);
    this.#to = to;
    this.#state = 'added';
  }

  #endStep(soa: ResourceRecord): void {
    const [from, to, newest] = [this.#known(this.#from), this.#known(this.#to), this.#known(this.#newest)];
    if (serialOf(soa) !== serialOf(to))
      throw malformed(`a step ends at serial ${serialOf(to)} and the next begins at ${serialOf(soa)}`);
    this.#parts.push({ kind: 'difference', from, removed: this.#removed, to, added: this.#added });
    this.#removed = [];
    this.#added = [];
    this.#from = soa;
    const isEnd = serialOf(to) === serialOf(newest);
    if (isEnd && (soa.rdata !== newest.rdata || to.rdata !== newest.rdata))
      throw malformed('the SOA at its end differs from the first one');
    this.#state = isEnd ? 'done' : 'removed';
  }

  #known(record: ResourceRecord | undefined): ResourceRecord {
    if (record === undefined) throw new Error(`a transfer has no SOA in state ${this.#state}`);
    return record;
  }
}

function serialOf({ rdata }: ResourceRecord): number {
  return parseSoa(rdata).serial;
}

function shown({ owner, type }: ResourceRecord): string {
  return `${formatName(owner)} ${formatRRType(type)}`;
}

function malformed(why: string): TransferError {
  return new TransferError('transfer-malformed', `the transfer is malformed: ${why}`);
}
