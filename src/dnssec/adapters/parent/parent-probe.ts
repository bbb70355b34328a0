import type { Rdata } from '#dns/rrset.ts';
import { dsMatches } from '#dnssec/core/keys/ds.ts';
import { findParent } from '#dnssec/adapters/parent/find-parent.ts';
import { type DsViews, lookUpDsEverywhere, type ShownDs } from '#dnssec/adapters/parent/look-up-ds.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';
import { openResolver, type ResolverOptions } from '#dnssec/adapters/parent/resolver.ts';
import type { DsAnswer, DsQuestion, DsShown, ParentProbe } from '#dnssec/ports-parent.ts';

/** Open the probe that asks parents by DNS. */
export function openParentProbe(options: ResolverOptions): ParentProbe {
  const resolver = openResolver(options);
  return {
    async lookUpDs(question) {
      try {
        const parent = await findParent(question.apex, resolver, options.known);
        const views = await lookUpDsEverywhere(question.apex, parent.servers, options.patience);
        return { ...combine(question, views), isValidated: parent.isValidated };
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        return {
          shown: question.dnskeys.map(() => 'unknown'),
          found: question.dnskeys.map(() => []),
          others: [],
          isComplete: false,
          problems: [error.message],
        };
      }
    },
  };
}

/** Combine what servers say: a difference between two of them is one, whatever the others say; all else takes them all. */
export function combine({ apex, dnskeys }: DsQuestion, { views, problems, isComplete }: DsViews): DsAnswer {
  const standsFor = (ds: Rdata, dnskey: Rdata): boolean => dsMatches(ds, apex, dnskey);
  const shown = dnskeys.map((dnskey): DsShown => {
    const at = views.filter(({ rdatas }) => rdatas.some((ds) => standsFor(ds, dnskey))).length;
    if (at > 0 && at < views.length) return 'somewhere';
    if (!isComplete) return 'unknown';
    return at > 0 ? 'everywhere' : 'nowhere';
  });
  const all = allOf(views);
  const found = dnskeys.map((dnskey) => all.filter((ds) => standsFor(ds, dnskey)));
  const others = all.filter((ds) => !dnskeys.some((dnskey) => standsFor(ds, dnskey)));
  const ttls = views.flatMap(({ ttl }) => ttl ?? []);
  return { shown, found, others, isComplete, problems, ...(ttls.length === 0 ? {} : { ttl: Math.max(...ttls) }) };
}

function allOf(views: readonly ShownDs[]): Rdata[] {
  return [...new Set(views.flatMap(({ rdatas }) => rdatas))];
}
