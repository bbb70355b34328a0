import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Service } from '#app/server.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { startTestService } from '#test/support/open-service.ts';
import { runZoneseal } from '#test/support/run-zoneseal.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { testToken } from '#test/support/zoneseal.ts';

let dir: TempDir;
let service: Service;
const clock = new FakeClock(1_800_000_000_000);
const day = 86_400_000;

const environment = (): Record<string, string> => ({
  ZONESEAL_DATA: dir.at('data'),
  ZONESEAL_PORT: '0',
  ZONESEAL_ADMIN_TOKEN: testToken,
  ZONESEAL_LOG_LEVEL: 'silent',
});

async function call(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${service.baseUrl}/v1/dns/zones${path}`, {
    method,
    headers: {
      authorization: `Bearer ${testToken}`,
      'x-organisation-identity': 'o-default',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const start = (): Promise<Service> => startTestService(dir.at('data'), { clock });

const registrar = (query = ''): Promise<Response> => call('GET', `/signed.example/dnssec/registrar${query}`);

beforeAll(async () => {
  dir = makeTempDir();
  service = await start();
  for (const zoneName of ['signed.example', 'plain.example']) await call('POST', '', { zoneName });
  await call('PUT', '/signed.example/dnssec', { region: 'nl-01' });
});
afterAll(async () => {
  await service.close();
  dir[Symbol.dispose]();
});

interface View {
  readonly keys: readonly {
    readonly keyTag: number;
    readonly action: string;
    readonly from?: string;
    readonly ds: string[];
  }[];
}

describe('what the registrar of a managed zone is told', () => {
  test('the DS of a zone that was just signed waits, and there is no EPP for it', async () => {
    const view = (await (await registrar()).json()) as View;
    expect(view).toMatchObject({ zone: 'signed.example.', removesAll: false, keys: [{ action: 'wait', role: 'csk' }] });
    expect(Date.parse(view.keys[0]?.from ?? '')).toBeGreaterThan(clock.now());
    const refused = await registrar('?format=epp');
    expect(refused.status).toBe(409);
    expect(await refused.text()).toContain('waits');
    const lines = await (await registrar('?format=ds')).text();
    expect(
      lines
        .trim()
        .split('\n')
        .every((line) => line.startsWith('; ')),
    ).toBe(true);
  });

  test('once it is safe it is to be added, and every form is of its own media type', async () => {
    clock.advance(10 * day);
    const view = (await (await registrar()).json()) as View;
    expect(view.keys).toMatchObject([{ action: 'add' }]);
    const [ds = ''] = view.keys[0]?.ds ?? [];
    const forms = [
      ['text', 'text/plain', ds],
      ['ds', 'text/dns', `${ds}\n`],
      ['dnskey', 'text/dns', 'DNSKEY\t257 3 13 '],
      ['cds', 'text/dns', 'CDNSKEY\t257 3 13 '],
      ['epp', 'application/epp+xml', `<secDNS:keyTag>${view.keys[0]?.keyTag}</secDNS:keyTag>`],
      ['epp&eppForm=key&eppCommand=create', 'application/epp+xml', '<secDNS:pubKey>'],
    ] as const;
    for (const [format, mediaType, content] of forms) {
      const answer = await registrar(`?format=${format}`);
      expect(answer.headers.get('content-type')).toMatch(mediaType);
      expect(await answer.text()).toContain(content);
    }
  });

  test('one key is named by its tag; another one is not found', async () => {
    const { keys } = (await (await registrar()).json()) as View;
    expect((await registrar(`?key=${keys[0]?.keyTag}`)).status).toBe(200);
    expect((await registrar('?key=none')).status).toBe(404);
    expect((await registrar('?format=pdf')).status).toBe(400);
    expect((await registrar('?format=epp&maxSigLife=0')).status).toBe(400);
  });

  test('a zone that is not signed has nothing for a registrar, and one that is not there is not found', async () => {
    expect((await call('GET', '/plain.example/dnssec/registrar')).status).toBe(409);
    expect((await call('GET', '/none.example/dnssec/registrar')).status).toBe(404);
  });

  test('the command line prints the same, from the running service and then from the data folder', async () => {
    const args = ['export', 'signed.example', '--format', 'dnskey'];
    const expected = await (await registrar('?format=dnskey')).text();
    const asked = { ...environment(), ZONESEAL_TOKEN: testToken };
    expect(await runZoneseal([...args, '--service', service.baseUrl], asked)).toEqual({
      code: 0,
      stdout: expected,
      stderr: '',
    });
    const json = await runZoneseal(
      ['export', 'signed.example', '--format', 'json', '--service', service.baseUrl],
      asked,
    );
    expect(JSON.parse(json.stdout)).toEqual(await (await registrar()).json());
    const epp = ['export', 'signed.example', '--format', 'epp', '--epp-form', 'key', '--max-sig-life', '77'];
    const xml = await runZoneseal([...epp, '--service', service.baseUrl], asked);
    expect(xml.stdout).toContain('<secDNS:maxSigLife>77</secDNS:maxSigLife>');

    await service.close();
    try {
      expect(await runZoneseal(args, environment())).toEqual({ code: 0, stdout: expected, stderr: '' });
      const unsigned = await runZoneseal(['export', 'plain.example'], environment());
      expect(unsigned).toMatchObject({ code: 1, stderr: expect.stringContaining('is not signed') });
      const unknown = await runZoneseal(['export', 'none.example'], environment());
      expect(unknown).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('no key that was made for none.example.'),
      });
    } finally {
      service = await start();
    }
  });

  test('a key that no zone is kept with shows all its versions, the newest to be added', async () => {
    await service.close();
    try {
      const made = await runZoneseal(['key', 'create', 'mine', '--key-type', 'ecdsa-p256'], environment());
      expect(made).toMatchObject({ code: 0 });
      const [identity = ''] = /kms-[\w-]+/.exec(made.stdout) ?? [];
      expect(await runZoneseal(['key', 'rotate', identity], environment())).toMatchObject({ code: 0 });
      const subject = ['export', identity, '--zone', 'elsewhere.example'];
      const { stdout } = await runZoneseal([...subject, '--format', 'json'], environment());
      const { keys } = JSON.parse(stdout) as { keys: { version: number; action: string }[] };
      expect(keys.map(({ version, action }) => [version, action])).toEqual([
        [2, 'add'],
        [1, 'keep'],
      ]);
      const ds = await runZoneseal(subject, environment());
      expect(ds.stdout.trim().split('\n')).toHaveLength(4);
      expect(await runZoneseal(['export', identity], environment())).toMatchObject({ code: 2 });
    } finally {
      service = await start();
    }
  });

  test('wrong use is told before anything is opened', async () => {
    const wrong = [
      ['export', 'signed.example', '--format', 'pdf'],
      ['export', 'kms-1', '--service', service.baseUrl],
      ['export', 'signed.example', '--max-sig-life', '0'],
    ];
    for (const args of wrong) expect(await runZoneseal(args, environment())).toMatchObject({ code: 2 });
  });
});
