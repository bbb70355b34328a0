import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policies } from '#kms/core/access.ts';
import { type KmsApi, kmsOrganisation, openKmsApi } from '#test/support/kms-api.ts';

const input = 'AAAA';

/** A call with the action that allows it and a body that is right. */
interface Call {
  readonly method: string;
  readonly path: string;
  readonly action: string;
  readonly body: object | undefined;
}

const call = (method: string, path: string, action: string, body?: object): Call => ({ method, path, action, body });

const keyCalls: readonly Call[] = [
  call('GET', '', 'Read'),
  call('GET', '/public-key', 'GetPublicKey'),
  call('POST', '/sign', 'Sign', { input }),
  call('POST', '/verify', 'Verify', { input, signature: 'thalassa:v1:AAAA' }),
  call('POST', '/encrypt', 'Encrypt', { plaintext: input }),
  call('POST', '/decrypt', 'Decrypt', { ciphertext: 'thalassa:v1:AAAA' }),
  call('POST', '/rewrap', 'Rewrap', { ciphertext: 'thalassa:v1:AAAA' }),
  call('POST', '/generate-data-key', 'GenerateDataKey', {}),
  call('POST', '/hmac', 'Hmac', { input }),
  call('POST', '/verify-hmac', 'VerifyHmac', { input, hmac: 'thalassa:v1:AAAA' }),
  call('POST', '/export', 'Export'),
  call('POST', '/rotate', 'Rotate'),
  call('PATCH', '/rotation', 'UpdateRotation', {}),
  call('POST', '/disable', 'Disable'),
  call('POST', '/enable', 'Enable'),
  call('DELETE', '', 'Delete'),
  call('DELETE', '/cancel-deletion', 'CancelDeletion'),
];

const regionCalls: readonly Call[] = [
  call('GET', '/keys', 'List'),
  call('POST', '/keys', 'Create', { name: 'made here' }),
  call('GET', '/wrapping-key', 'GetWrappingKey'),
  call('GET', '/events', 'ReadEvents'),
];

let api: KmsApi;
let own: string;
let ofProject: string;
const project = { 'x-project-identity': 'p-1' };

beforeAll(async () => {
  api = await openKmsApi({ workers: 1 });
  await api.call('PUT', '/v1/admin/organisations/o-other', {});
  await api.call('PUT', '/v1/admin/regions/de-02', { kmsAvailable: false });
  own = (await api.call('POST', '/v1/kms/nl-01/keys', { name: 'own', keyType: 'ecdsa-p256' })).body.identity;
  const made = await api.call('POST', '/v1/kms/nl-01/keys', { name: 'p', keyType: 'ecdsa-p256' }, project);
  ofProject = made.body.identity;
});
afterAll(() => api[Symbol.asyncDispose]());

const withoutId = ({ status, body }: Awaited<ReturnType<KmsApi['call']>>) => ({
  status,
  body: { ...body, requestId: undefined },
});

describe('what a caller may not know of looks like what does not exist', () => {
  test.each(keyCalls)('$method keys/{id}$path', async ({ method, path, action, body }) => {
    const unknown = withoutId(await api.call(method, `/v1/kms/nl-01/keys/kms-none${path}`, body));
    expect(unknown).toMatchObject({ status: 404, body: { code: 'not-found' } });
    const full = { policies: ['kms:FullAccess'] };
    const other = await api.tokenFor(full, 'o-other');
    const others = policies.filter((policy) => ![`kms:${action}`, 'kms:FullAccess'].includes(policy));
    const isRead = ['Read', 'GetPublicKey'].includes(action);
    const weak = await api.tokenFor({ policies: others.filter((policy) => !(isRead && policy === 'kms:ReadAccess')) });
    const inProject = await api.tokenFor({ ...full, project: 'p-2' });
    const attempts: readonly (readonly [string, string, Record<string, string>])[] = [
      ['the other organisation, in its own name', own, other],
      [
        'the other organisation, in the name of this one',
        own,
        { ...other, 'x-organisation-identity': kmsOrganisation },
      ],
      ['no permission for this action', own, weak],
      ['no permission, and no such key', 'kms-none', weak],
      ['a key of a project, without it', ofProject, await api.tokenFor(full)],
      ['a key of the organisation, in a project', own, { ...(await api.tokenFor(full)), ...project }],
      ['a token of another project', ofProject, { ...inProject, ...project }],
      ['a token of a project, without it', own, inProject],
    ];
    for (const [who, key, headers] of attempts) {
      const answer = withoutId(await api.call(method, `/v1/kms/nl-01/keys/${key}${path}`, body, headers));
      expect({ who, ...answer }).toEqual({ who, ...unknown });
    }
    const elsewhere = withoutId(await api.call(method, `/v1/kms/xx-99/keys/${own}${path}`, body));
    expect(elsewhere).toEqual(unknown);
  });

  test.each(regionCalls)('$method $path', async ({ method, path, action, body }) => {
    const unknown = withoutId(await api.call(method, `/v1/kms/xx-99${path}`, body));
    expect(unknown).toMatchObject({ status: 404 });
    const isRead = ['List', 'GetWrappingKey', 'ReadEvents'].includes(action);
    const others = policies.filter(
      (policy) => ![`kms:${action}`, 'kms:FullAccess'].includes(policy) && !(isRead && policy === 'kms:ReadAccess'),
    );
    const weak = await api.tokenFor({ policies: others });
    const other = await api.tokenFor({ policies: ['kms:FullAccess'] }, 'o-other');
    for (const headers of [weak, { ...other, 'x-organisation-identity': kmsOrganisation }])
      expect(withoutId(await api.call(method, `/v1/kms/nl-01${path}`, body, headers))).toEqual(unknown);
  });

  test.each([...keyCalls, ...regionCalls])(
    '$method $path is open to the policy of its action alone',
    async ({ method, path, action, body }) => {
      const headers = await api.tokenFor({ policies: [`kms:${action}`] });
      const isRegion = regionCalls.some((one) => one.path === path);
      const target = isRegion ? path : `/keys/${own}${path}`;
      const { status } = await api.call(method, `/v1/kms/nl-01${target}`, body, headers);
      expect(status).not.toBe(404);
      expect(status).toBeLessThan(500);
      if (action === 'Disable') await api.call('POST', `/v1/kms/nl-01/keys/${own}/enable`);
      if (action === 'Delete') await api.call('DELETE', `/v1/kms/nl-01/keys/${own}/cancel-deletion`);
    },
  );
});

describe('organisations and regions', () => {
  test('without the feature every call is 403, but the summary says so', async () => {
    await api.call('PUT', '/v1/admin/organisations/o-off', { kmsEnabled: false });
    const headers = { 'x-organisation-identity': 'o-off' };
    for (const { method, path, body } of regionCalls)
      expect((await api.call(method, `/v1/kms/nl-01${path}`, body, headers)).status).toBe(403);
    const summary = await api.call('GET', '/v1/kms/summary', undefined, headers);
    expect(summary).toMatchObject({ status: 200, body: { featureEnabled: false } });
    await api.call('PUT', '/v1/admin/organisations/o-off', { kmsEnabled: true });
    expect((await api.call('GET', '/v1/kms/nl-01/keys', undefined, headers)).status).toBe(200);
  });

  test('a region without KMS is 503, and stands in the summary', async () => {
    expect((await api.call('GET', '/v1/kms/de-02/keys')).status).toBe(503);
    const { body } = await api.call('GET', '/v1/kms/summary');
    expect(body.regions).toContainEqual(expect.objectContaining({ slug: 'de-02', kmsAvailable: false }));
  });

  test('keys of the organisation and of its projects do not see each other', async () => {
    const listed = async (headers: Record<string, string>) =>
      (await api.call('GET', '/v1/kms/nl-01/keys', undefined, headers)).body.map(
        ({ identity }: { identity: string }) => identity,
      );
    expect(await listed({})).not.toContain(ofProject);
    expect(await listed(project)).toEqual([ofProject]);
  });
});

describe('who calls', () => {
  const list = (headers: Record<string, string>) => api.call('GET', '/v1/kms/nl-01/keys', undefined, headers);

  test.each([undefined, '', 'Bearer', 'Bearer wrong', 'Digest x', 'Basic !!!', `Basic ${btoa('no colon')}`])(
    '%j is 401',
    async (authorization) => {
      const answer = await list({ authorization: authorization ?? '' });
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    },
  );

  test('a call without an organisation is 400', async () => {
    expect((await list({ 'x-organisation-identity': '' })).status).toBe(400);
  });

  test('a token counts until it expires, and until it is revoked', async () => {
    const made = (
      await api.call('POST', '/v1/admin/tokens', {
        name: 't',
        policies: ['kms:List'],
        organisation: kmsOrganisation,
        lifetime: 60,
      })
    ).body;
    const headers = { authorization: `Token ${made.secret}` };
    expect((await list(headers)).status).toBe(200);
    expect(
      (await api.call('GET', '/v1/admin/tokens')).body.find(
        (one: { identity: string }) => one.identity === made.identity,
      ),
    ).not.toHaveProperty('secret');
    api.clock.advance(59);
    expect((await list(headers)).status).toBe(200);
    api.clock.advance(1);
    expect((await list(headers)).status).toBe(401);
    const second = (await api.call('POST', '/v1/admin/tokens', { name: 't', policies: ['kms:List'] })).body;
    expect((await list({ authorization: `Bearer ${second.secret}` })).status).toBe(200);
    expect((await api.call('DELETE', `/v1/admin/tokens/${second.identity}`)).status).toBe(204);
    expect((await list({ authorization: `Bearer ${second.secret}` })).status).toBe(401);
    expect((await api.call('DELETE', `/v1/admin/tokens/${second.identity}`)).status).toBe(404);
  });

  test('of one Idempotency-Key there is one, whose secret is told again and kept nowhere', async () => {
    const once = { 'idempotency-key': 'token-once' };
    const wanted = { name: 'made once', policies: ['kms:ReadAccess'], organisation: 'o-default' };
    const make = (body: object = wanted) => api.call('POST', '/v1/admin/tokens', body, once);
    const answers = await Promise.all(Array.from({ length: 6 }, () => make()));
    const [first] = answers;
    for (const { status, body } of [...answers, await make()])
      expect({ status, body }).toEqual({ status: 201, body: first?.body });
    const { body: listed } = await api.call('GET', '/v1/admin/tokens');
    expect(listed.filter(({ name }: { name: string }) => name === 'made once')).toHaveLength(1);
    const bearer = { authorization: `Bearer ${first?.body.secret}` };
    expect((await api.call('GET', '/v1/kms/nl-01/keys', undefined, bearer)).status).toBe(200);
    for (const name of readdirSync(api.dir.path))
      expect(readFileSync(api.dir.at(name)).includes(first?.body.secret.slice(3))).toBe(false);
    const { body: events } = await api.call('GET', '/v1/audit?operation=admin.token.create&outcome=allowed&limit=1000');
    expect(events.filter(({ target }: { target: string }) => target === first?.body.identity)).not.toHaveLength(0);

    expect(await make({ ...wanted, policies: ['kms:FullAccess'] })).toMatchObject({ status: 409 });
    await api.call('DELETE', `/v1/admin/tokens/${first?.body.identity}`);
    const gone = await make();
    expect(gone).toMatchObject({ status: 409, body: { code: 'conflict', message: expect.stringContaining('tok-') } });
    expect((await api.call('GET', '/v1/kms/nl-01/keys', undefined, bearer)).status).toBe(401);
    const other = await api.call('POST', '/v1/admin/tokens', wanted, { 'idempotency-key': 'token-twice' });
    expect(other.body.secret).not.toBe(first?.body.secret);
  });

  test('only an administrator makes tokens, and one of an organisation only for it', async () => {
    const signer = await api.tokenFor({ policies: ['kms:FullAccess'] });
    const wanted = { name: 'x', policies: ['kms:FullAccess'], organisation: kmsOrganisation };
    expect((await api.call('POST', '/v1/admin/tokens', wanted, signer)).status).toBe(403);
    const admin = await api.tokenFor({ policies: ['iam:FullAccess'] });
    expect((await api.call('POST', '/v1/admin/tokens', wanted, admin)).status).toBe(201);
    for (const more of [{ organisation: 'o-other' }, { organisation: undefined }])
      expect((await api.call('POST', '/v1/admin/tokens', { ...wanted, ...more }, admin)).status).toBe(403);
    expect((await api.call('PUT', '/v1/admin/regions/x', {}, admin)).status).toBe(403);
    expect((await api.call('GET', '/v1/kms/nl-01/keys', undefined, admin)).status).toBe(404);
  });

  describe('with OAuth2 client credentials', () => {
    const form = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
      api.call('POST', '/oidc/token', new URLSearchParams(fields).toString(), {
        authorization: '',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      });
    let client: { identity: string; secret: string };
    beforeAll(async () => {
      const wanted = { kind: 'client', name: 'c', policies: ['kms:List'], organisation: kmsOrganisation };
      client = (await api.call('POST', '/v1/admin/tokens', wanted)).body;
    });
    const grant = { grant_type: 'client_credentials' };

    test('credentials in the form, or by HTTP Basic, become an access token for an hour', async () => {
      const basic = `Basic ${btoa(`${encodeURIComponent(client.identity)}:${encodeURIComponent(client.secret)}`)}`;
      const inForm = { ...grant, client_id: client.identity, client_secret: client.secret, scope: 'any' };
      for (const ask of [() => form(inForm), () => form(grant, { authorization: basic })]) {
        const answer = await ask();
        expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 3600 } });
        expect(answer.headers['cache-control']).toBe('no-store');
        expect((await list({ authorization: `Bearer ${answer.body.access_token}` })).status).toBe(200);
        api.clock.advance(3600);
        expect((await list({ authorization: `Bearer ${answer.body.access_token}` })).status).toBe(401);
      }
    });

    test('wrong credentials are 401, another grant is 400', async () => {
      expect(await form({ ...grant, client_id: client.identity, client_secret: 'wrong' })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
      expect((await form({ ...grant, client_id: 'cli-x', client_secret: client.secret })).status).toBe(401);
      expect(await form({ grant_type: 'password' })).toMatchObject({
        status: 400,
        body: { error: 'unsupported_grant_type' },
      });
    });

    test('a client calls with Basic, not with its secret alone, and not once it is revoked', async () => {
      const basic = { authorization: `Basic ${btoa(`${client.identity}:${client.secret}`)}` };
      expect((await list(basic)).status).toBe(200);
      expect((await list({ authorization: `Bearer ${client.secret}` })).status).toBe(401);
      const { access_token } = (await form(grant, basic)).body;
      await api.call('DELETE', `/v1/admin/tokens/${client.identity}`);
      expect((await list(basic)).status).toBe(401);
      expect((await list({ authorization: `Bearer ${access_token}` })).status).toBe(401);
    });
  });
});

describe('with JWTs of an outside issuer', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  let server: Server;
  let issuer: string;
  let trusting: KmsApi;
  beforeAll(async () => {
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] };
    server = createServer(({ url }, reply) => {
      const body = url === '/jwks' ? jwks : { issuer, jwks_uri: `${issuer}/jwks` };
      reply.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    trusting = await openKmsApi({ jwtIssuer: { issuer, audience: 'zoneseal' } });
  });
  afterAll(async () => {
    await trusting[Symbol.asyncDispose]();
    server.close();
  });

  const good = { organisation: kmsOrganisation, policies: ['kms:List'] };
  const jwt = (claims: object, more: { audience?: string; issuer?: string; expires?: string; subject?: string } = {}) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setSubject(more.subject ?? 'someone')
      .setIssuer(more.issuer ?? issuer)
      .setAudience(more.audience ?? 'zoneseal')
      .setExpirationTime(more.expires ?? '1h')
      .sign(privateKey);
  const list = async (token: string) =>
    (await trusting.call('GET', '/v1/kms/nl-01/keys', undefined, { authorization: `Bearer ${token}` })).status;

  test('one that says all that it must is let in, with the rights that it names', async () => {
    expect(await list(await jwt(good))).toBe(200);
    expect(await list(await jwt({ ...good, policies: ['kms:Sign'] }))).toBe(404);
    expect(await list(await jwt({ ...good, organisation: 'o-other' }))).toBe(404);
  });

  test('one that is not right in every point is refused', async () => {
    const [head = '', body = '', signature = ''] = (await jwt(good)).split('.');
    const none = btoa(JSON.stringify({ alg: 'none' })).replace(/=+$/, '');
    const secret = new TextEncoder().encode(publicKey.export({ type: 'spki', format: 'pem' }) as string);
    const symmetric = await new SignJWT({ ...good })
      .setProtectedHeader({ alg: 'HS256', kid: 'k' })
      .setSubject('x')
      .setIssuer(issuer)
      .setAudience('zoneseal')
      .setExpirationTime('1h')
      .sign(secret);
    const bad: readonly (readonly [string, string])[] = [
      ['another audience', await jwt(good, { audience: 'other' })],
      ['another issuer', await jwt(good, { issuer: 'http://other' })],
      ['expired', await jwt(good, { expires: '-1h' })],
      ['no organisation', await jwt({ policies: ['kms:List'] })],
      ['no policies', await jwt({ organisation: kmsOrganisation })],
      ['a policy that does not exist', await jwt({ ...good, policies: ['kms:List', 'kms:Everything'] })],
      ['no signature', `${none}.${body}.`],
      ['a changed body', `${head}.${btoa(JSON.stringify({ ...good, sub: 'x' })).replace(/=+$/, '')}.${signature}`],
      ['a symmetric signature under the public key', symmetric],
    ];
    for (const [what, token] of bad) expect({ what, status: await list(token) }).toEqual({ what, status: 401 });
  });
});
