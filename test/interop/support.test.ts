import { expect, test } from 'vitest';
import { judge } from '#test/support/judges.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import {
  startNamed,
  startNsd,
  startPostgres,
  startRedis,
  startUnbound,
  type PrivateServer,
} from '#test/support/servers.ts';
import { startKnot } from '#test/support/knot.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';
import { readFileSync, writeFileSync } from 'node:fs';

/** The judges and servers are themselves judged here: with a zone that BIND signed, and with a broken one. */
const origin = 'judged.example.';
const plain = `$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
`;

async function signedByBind(): Promise<{ text: string; ds: string }> {
  using dir = makeTempDir();
  await run(getTool('dnssec-keygen'), ['-q', '-a', '13', '-f', 'KSK', origin], { cwd: dir.path });
  writeFileSync(dir.at('zone'), `$ORIGIN ${origin}\n${plain}`);
  const { code, stderr } = await run(getTool('dnssec-signzone'), ['-S', '-z', '-o', origin, '-f', 'signed', 'zone'], {
    cwd: dir.path,
  });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return {
    text: readFileSync(dir.at('signed'), 'latin1'),
    ds: readFileSync(dir.at(`dsset-${origin}`), 'latin1').trim(),
  };
}

async function ask(server: PrivateServer, name: string, type: string): Promise<string> {
  const { stdout } = await run(getTool('dig'), ['@127.0.0.1', '-p', String(server.port), '+dnssec', name, type]);
  return stdout;
}

describeWith(
  ['dnssec-signzone', 'dnssec-verify', 'ldns-verify-zone', 'kzonecheck', 'named-checkzone'],
  'judges',
  () => {
    const judgesOfSignatures = ['dnssec-verify', 'ldns-verify-zone', 'kzonecheck'] as const;

    test.each([...judgesOfSignatures, 'named-checkzone'] as const)('%s accepts a well-signed zone', async (name) => {
      const { text } = await signedByBind();
      expect(await judge(name, { origin, text })).toMatchObject({ accepted: true });
    });

    test.each(judgesOfSignatures)('%s rejects a changed address', async (name) => {
      const { text } = await signedByBind();
      const verdict = await judge(name, { origin, text: text.replace('192.0.2.2', '192.0.2.3') });
      expect(verdict.accepted).toBe(false);
      expect(verdict.output).not.toBe('');
    });

    test.each(['ldns-verify-zone', 'kzonecheck'] as const)('%s judges at the time it is given', async (name) => {
      const { text } = await signedByBind();
      const at = Math.floor(Date.parse('2010-01-01T00:00:00Z') / 1000);
      expect((await judge(name, { origin, text, at })).accepted).toBe(false);
    });
  },
);

describeWith(['named', 'dig'], 'named', () => {
  test('serves a zone', async () => {
    await using server = await startNamed([{ origin, text: plain }]);
    expect(await ask(server, `www.${origin}`, 'A')).toMatch(/flags: qr aa.*[^]*192\.0\.2\.2/);
  });
});

describeWith(['knotd', 'dig'], 'knotd', () => {
  test('serves a zone', async () => {
    await using server = await startKnot([{ origin, text: plain }]);
    expect(await ask(server, `www.${origin}`, 'A')).toMatch(/flags: qr aa.*[^]*192\.0\.2\.2/);
  });
});

describeWith(['nsd', 'dig'], 'nsd', () => {
  test('serves a zone', async () => {
    await using server = await startNsd([{ origin, text: plain }]);
    expect(await ask(server, `www.${origin}`, 'A')).toMatch(/flags: qr aa.*[^]*192\.0\.2\.2/);
  });
});

describeWith(['unbound', 'nsd', 'dig', 'dnssec-signzone'], 'unbound', () => {
  test('validates a zone by its DS and calls a changed one bogus', async () => {
    const { text, ds } = await signedByBind();
    await using good = await startNsd([{ origin, text }]);
    await using bad = await startNsd([{ origin, text: text.replace('192.0.2.2', '192.0.2.3') }]);
    await using trusting = await startUnbound([{ origin, port: good.port, anchors: [ds] }]);
    await using suspecting = await startUnbound([{ origin, port: bad.port, anchors: [ds] }]);
    expect(await ask(trusting, `www.${origin}`, 'A')).toMatch(/status: NOERROR[^]*flags: qr rd ra ad[^]*192\.0\.2\.2/);
    expect(await ask(suspecting, `www.${origin}`, 'A')).toMatch(/status: SERVFAIL/);
  });
});

describeWith(['postgres', 'initdb', 'psql'], 'PostgreSQL', () => {
  test('answers queries', async () => {
    await using server = await startPostgres();
    const { stdout } = await run(getTool('psql'), [server.url, '-Atc', 'select 40 + 2']);
    expect(stdout.trim()).toBe('42');
  });
});

describeWith(['redis-server', 'redis-cli'], 'Redis', () => {
  test('answers', async () => {
    await using server = await startRedis();
    const { stdout } = await run(getTool('redis-cli'), ['-p', String(server.port), 'ping']);
    expect(stdout.trim()).toBe('PONG');
  });
});
