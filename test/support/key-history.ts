import type { KmsApi } from '#test/support/kms-api.ts';

/** A call on one key, from when it was sent until its answer came; times are of `performance.now()`. */
export interface HistoryCall {
  readonly kind: 'sign' | 'rotate' | 'disable' | 'enable';
  readonly start: number;
  readonly end: number;
  readonly status: number;
  /** Version that signed, or the newest after a change. */
  readonly version: number;
  readonly objectVersion: number;
}

const changes = ['rotate', 'disable', 'enable'] as const;

/** Work on a key with many clients at once, each on the service that `pick` gives. */
export async function workOnKey(
  apis: readonly KmsApi[],
  path: string,
  clients: number,
  rounds: number,
): Promise<HistoryCall[]> {
  const history: HistoryCall[] = [];
  const client = async (index: number): Promise<void> => {
    const api = apis[index % apis.length] as KmsApi;
    for (let round = 0; round < rounds; round++) {
      const isChange = index < 3;
      const kind = isChange ? (changes[index] as (typeof changes)[number]) : 'sign';
      const start = performance.now();
      const body = kind === 'sign' ? { input: 'AAAA' } : undefined;
      const answer = await api.call('POST', `${path}/${kind}`, body);
      const version = Number(answer.body.keyVersion ?? answer.body.latestVersion ?? 0);
      const { objectVersion = 0 } = answer.body;
      history.push({ kind, start, end: performance.now(), status: answer.status, version, objectVersion });
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return history;
}

/** Return every answer that the order of the acknowledged calls does not allow. */
export function contradictions(history: readonly HistoryCall[]): string[] {
  const good = history.filter(({ status }) => status === 200);
  const found: string[] = [];
  const switches = good.filter(({ kind }) => kind === 'disable' || kind === 'enable');
  for (const call of good.filter(({ kind }) => kind === 'sign' || kind === 'rotate')) {
    // A disable that was over before the call began, and no enable that may have come between it and the call's end.
    const before = switches.filter(({ kind, end }) => kind === 'disable' && end < call.start);
    const last = before.toSorted((left, right) => right.start - left.start)[0];
    if (last === undefined) continue;
    const mayBeEnabled = switches.some(
      ({ kind, start, end }) => kind === 'enable' && end > last.start && start < call.end,
    );
    if (!mayBeEnabled) found.push(`${call.kind} at ${call.start} after the disable that ended at ${last.end}`);
  }
  for (const call of good.filter(({ kind }) => kind === 'sign')) {
    const rotated = good.filter(({ kind, end }) => kind === 'rotate' && end < call.start);
    const least = Math.max(1, ...rotated.map(({ version }) => version));
    if (call.version < least) found.push(`signed with version ${call.version} after version ${least} was acknowledged`);
  }
  const versions = good.filter(({ kind }) => kind === 'rotate').map(({ version }) => version);
  if (new Set(versions).size !== versions.length) found.push('two rotations made the same version');
  const unexpected = history.filter(({ status }) => ![200, 400, 409].includes(status));
  for (const { kind, status } of unexpected) found.push(`${kind} answered ${status}`);
  return found;
}
