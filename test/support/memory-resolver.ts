import { formatName } from '#dns/name.ts';
import { formatRRType } from '#dns/rr-type.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';
import type { Resolver } from '#dnssec/adapters/parent/resolver.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';

interface Entry {
  /** Master-file lines. */
  readonly answers?: string;
  readonly negativeFrom?: string;
  readonly isAuthentic?: boolean;
}

/**
 * A resolver over entries by `NAME TYPE`; whatever is `broken`, or not there, cannot be looked up.
 *
 * @param asked takes what was looked up, in order
 */
export function memoryResolver(entries: Readonly<Record<string, Entry | 'broken'>>, asked: string[] = []): Resolver {
  return {
    async lookUp(name, type) {
      const question = `${formatName(name)} ${formatRRType(type)}`;
      asked.push(question);
      const entry = entries[question];
      if (entry === undefined || entry === 'broken') throw new QueryError('no-answer', `${question} fails`);
      const { answers = '', negativeFrom, isAuthentic = false } = entry;
      return {
        answers: recordsOf(answers, '.').filter((record) => record.type === type),
        ...(negativeFrom === undefined ? {} : { negativeFrom: canonical(negativeFrom) }),
        isAuthentic,
      };
    },
  };
}
