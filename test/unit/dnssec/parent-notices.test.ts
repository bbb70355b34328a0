import { describe, expect, test } from 'vitest';
import { formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { findDsync } from '#dnssec/adapters/parent/find-dsync.ts';
import { openParentNotifier } from '#dnssec/adapters/parent/parent-notifier.ts';
import type { ParentNotice } from '#dnssec/ports-parent.ts';
import { canonical } from '#test/support/dns.ts';
import { type Said, startDnsResponder } from '#test/support/dns-responder.ts';
import { memoryResolver } from '#test/support/memory-resolver.ts';

const dsync = (owner: string, rdata = 'CDS NOTIFY 5359 scanner.example.net.'): { answers: string } => ({
  answers: `${owner} 60 IN DSYNC ${rdata}\n`,
});

/** Look for the target of a child. @returns it, and the names that were looked at */
async function find(child: string, entries: Parameters<typeof memoryResolver>[0]) {
  const asked: string[] = [];
  const target = await findDsync(canonical(child), memoryResolver(entries, asked));
  const shown = target === undefined ? undefined : `${formatName(target.host)} ${target.port}`;
  return { target: shown, asked: asked.map((question) => question.replace(' DSYNC', '')) };
}

describe('the target of NOTIFY(CDS) (RFC 9859 §4.1)', () => {
  test('it is looked for behind the first label of the child', async () => {
    const entries = { 'child._dsync.example. DSYNC': dsync('child._dsync.example.') };
    expect(await find('child.example.', entries)).toEqual({
      target: 'scanner.example.net. 5359',
      asked: ['child._dsync.example.'],
    });
  });

  test('where the parent begins further up, right before the parent', async () => {
    const entries = {
      'subsub._dsync.sub.child.example. DSYNC': { negativeFrom: 'example.' },
      'subsub.sub.child._dsync.example. DSYNC': dsync('subsub.sub.child._dsync.example.'),
    };
    expect(await find('subsub.sub.child.example.', entries)).toMatchObject({
      target: 'scanner.example.net. 5359',
      asked: ['subsub._dsync.sub.child.example.', 'subsub.sub.child._dsync.example.'],
    });
  });

  test('at last without the labels of the child', async () => {
    const entries = {
      'b._dsync.a.example. DSYNC': { negativeFrom: 'example.' },
      'b.a._dsync.example. DSYNC': { negativeFrom: 'example.' },
      '_dsync.example. DSYNC': dsync('_dsync.example.'),
    };
    expect(await find('b.a.example.', entries)).toMatchObject({
      target: 'scanner.example.net. 5359',
      asked: ['b._dsync.a.example.', 'b.a._dsync.example.', '_dsync.example.'],
    });
  });

  test('a zone of its own for _dsync moves nothing', async () => {
    const entries = {
      'child._dsync.example. DSYNC': { negativeFrom: '_dsync.example.' },
      '_dsync.example. DSYNC': { negativeFrom: '_dsync.example.' },
    };
    expect(await find('child.example.', entries)).toEqual({
      target: undefined,
      asked: ['child._dsync.example.', '_dsync.example.'],
    });
  });

  test.each([
    ['for CSYNC', 'CSYNC NOTIFY 53 other.example.'],
    ['of the null scheme', 'CDS 0 53 other.example.'],
    ['of a scheme that nobody knows', 'CDS 128 53 other.example.'],
    ['with port 0', 'CDS NOTIFY 0 other.example.'],
  ])('a record %s is passed over', async (_, rdata) => {
    const alone = { 'child._dsync.example. DSYNC': dsync('child._dsync.example.', rdata) };
    expect((await find('child.example.', alone)).target).toBeUndefined();
    const both = {
      'child._dsync.example. DSYNC': {
        answers: alone['child._dsync.example. DSYNC'].answers + dsync('child._dsync.example.').answers,
      },
    };
    expect((await find('child.example.', both)).target).toBe('scanner.example.net. 5359');
  });

  test('the root has no parent to be told', async () => {
    expect(await find('.', {})).toEqual({ target: undefined, asked: [] });
  });
});

describe('NOTIFY(CDS)', () => {
  /** Tell a parent whose server, and whose target, answers so. @returns the notice, and what the target got */
  async function tell(say: (isTcp: boolean) => Said | undefined, target?: string, waits: readonly number[] = [20_000]) {
    await using server = await startDnsResponder((message, isTcp) => {
      if (message.opcode === 4) return say(isTcp);
      const { name, type } = message.question ?? { name: canonical('.'), type: 0 };
      const isTarget = type === rrTypes.DSYNC && formatName(name) === 'child._dsync.parent.example.';
      if (isTarget && target !== undefined) return dsync(formatName(name), target.replace('PORT', String(server.port)));
      if (type === rrTypes.A && formatName(name) === 'ns.parent.example.')
        return { answers: 'ns.parent.example. 60 IN A 127.0.0.1\n' };
      return { authorities: 'parent.example. 60 IN SOA ns host 1 2 3 4 5\n' };
    });
    const notifier = openParentNotifier({
      known: [{ zone: canonical('parent.example.'), servers: [{ host: '127.0.0.1', port: server.port }] }],
      patience: { waits: [20_000], tcpWait: 20_000 },
      noticePatience: { waits, tcpWait: 20_000 },
    });
    const notice: ParentNotice = await notifier.notifyCds(canonical('child.parent.example.'));
    return { notice, got: server.asked.filter(({ message }) => message.opcode === 4) };
  }

  const target = 'CDS NOTIFY PORT ns.parent.example.';

  test('it names the child and CDS, is authoritative, and one answer is enough', async () => {
    const { notice, got } = await tell(() => ({}), target);
    expect(notice).toMatchObject({
      kind: 'told',
      where: expect.stringContaining('ns.parent.example. (127.0.0.1 port'),
    });
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({
      isTcp: false,
      message: {
        isAuthoritative: true,
        question: { name: canonical('child.parent.example.'), type: rrTypes.CDS, class: 1 },
        answers: [],
      },
    });
  });

  test('where UDP brings no answer it is sent again, and then by TCP', async () => {
    const { notice, got } = await tell((isTcp) => (isTcp ? {} : undefined), target, [50, 50]);
    expect(notice.kind).toBe('told');
    expect(got.at(-1)?.isTcp).toBe(true);
  });

  test('a refusal is told, with its code', async () => {
    expect((await tell(() => ({ rcode: 5 }), target)).notice).toMatchObject({
      kind: 'failed',
      why: expect.stringContaining('answered NOTIFY with code 5'),
    });
  });

  test('a parent without a target wants no notice', async () => {
    expect((await tell(() => ({}))).notice).toEqual({ kind: 'unwanted' });
  });

  test('a target without an address fails, and nobody is told', async () => {
    const { notice, got } = await tell(() => ({}), 'CDS NOTIFY PORT none.parent.example.');
    expect([notice, got]).toEqual([{ kind: 'failed', why: 'none.parent.example. has no address' }, []]);
  });
});
