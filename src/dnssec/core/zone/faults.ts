import { formatName, type Name } from '#dns/name.ts';
import { formatRRType, type RRType } from '#dns/rr-type.ts';

/** Something wrong with a zone's contents. An error keeps it from being signed, a warning is told. */
export interface ZoneFault {
  readonly severity: 'error' | 'warning';
  /** A stable word for programs, such as `cname-and-other-data`. */
  readonly code: string;
  readonly owner: Name;
  readonly type?: RRType;
  /** What is wrong, to be read after the owner and type. */
  readonly message: string;
}

/** Format a fault for people: `www.example. A: the RRSIG by key 12345 does not verify`. */
export function formatFault({ owner, type, message }: ZoneFault): string {
  return `${type === undefined ? formatName(owner) : `${formatName(owner)} ${formatRRType(type)}`}: ${message}`;
}
