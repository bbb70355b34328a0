import type { Database } from '#database/database.ts';
import { openAuditLog } from '#kms/adapters/audit/open-audit-log.ts';
import type { JwtIssuerOptions } from '#kms/adapters/jwt-issuer.ts';
import { makeKek, openKeks } from '#kms/adapters/key-encryption-keys.ts';
import { openNodeProvider } from '#kms/adapters/provider-node.ts';
import { openRootKey, type RootKeySource } from '#kms/adapters/root-key.ts';
import { openMaterialStore } from '#kms/adapters/store/material.ts';
import { composeStore, type DatabasePlace, openKeyDatabase } from '#kms/adapters/store/open-database.ts';
import { remembering } from '#kms/adapters/store/remembering.ts';
import { httpWebhookSender } from '#lib/webhook-sender.ts';
import { signerPolicies } from '#kms/core/access.ts';
import { hashOfSecret, secretFrom } from '#kms/core/secrets.ts';
import { slugOf } from '#kms/core/slug.ts';
import { startHousekeeping } from '#kms/operations/housekeeping.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { LocalBell } from '#kms/operations/event-bell.ts';
import { KeyTurns } from '#kms/operations/key-turns.ts';
import { InvocationCounter } from '#kms/operations/invocation-counter.ts';
import { RateLimiter } from '#kms/operations/rate-limiter.ts';
import type { CryptoProvider } from '#kms/ports/crypto-provider.ts';
import type { TenantStore } from '#kms/ports/tenant-store.ts';
import { utf8Bytes } from '#lib/bytes.ts';
import type { Clock } from '#lib/clock.ts';
import type { SecretText } from '#lib/secret-text.ts';

export type { DatabasePlace } from '#kms/adapters/store/open-database.ts';
export type { RootKeySource } from '#kms/adapters/root-key.ts';

export interface KmsOptions {
  /** Where keys and audit log are kept. */
  readonly place: DatabasePlace;
  readonly rootKey: RootKeySource;
  readonly clock: Clock;
  /** Exists from the first start, with KMS enabled. */
  readonly organisation: string;
  /** Regions with KMS. */
  readonly regions: readonly string[];
  /** Token that may do everything in any organisation and project. */
  readonly adminToken: string;
  /** Token of DNSSEC services elsewhere, which may find keys, read them and sign; without one there is none. */
  readonly signerToken?: string;
  /** Microseconds of core time a second that each principal may use; 0 for no limit. Default: no limit. */
  readonly rateLimit?: number;
  /** Another issuer whose tokens count. */
  readonly jwtIssuer?: JwtIssuerOptions;
  /** Threads that sign; 0 for the calling one, for tests and tools. Default: one for each core. */
  readonly workers?: number;
  /** Told of failures of what runs by itself. */
  readonly onError: (error: unknown, what: string) => void;
}

export interface Kms {
  readonly ports: KmsPorts;
  /** Token of the DNSSEC service beside it, which may find keys, read them and sign, and no more. */
  readonly serviceToken: SecretText;
  /** Rings at each change of a key in this process. */
  readonly bell: LocalBell;
  close(): Promise<void>;
}

/**
 * Open the KMS: store, root key, cryptography, audit log. The composition root of the module.
 *
 * @throws KmsError root-key-missing, root-key-invalid, root-key-wrong; DatabaseError unavailable
 */
export async function openKms(options: KmsOptions): Promise<Kms> {
  const { place, clock, onError, workers, rateLimit = 0 } = options;
  await using opened = new AsyncDisposableStack();
  const database = await openKeyDatabase(place, (error) => onError(error, 'connection to the database'));
  opened.defer(() => database.close());
  const provider = await openProvider(database, options);
  opened.defer(() => provider.close());
  const composed = composeStore(database, provider);
  // Only this process has the folder open: what it remembers of it is never stale.
  const store = place.kind === 'folder' ? remembering(composed) : composed;
  const audit = await openAuditLog(place, {
    sealKey: provider.seal('audit log', utf8Bytes('end')),
    thread: workers !== 0,
    onError: (error) => onError(error, 'connection to the audit log'),
  });
  opened.defer(() => audit.close());
  await putTenants(store, options);
  const serviceToken = await putServiceToken(store, provider, clock);
  const bell = new LocalBell();
  const ports: KmsPorts = {
    store,
    provider,
    audit,
    clock,
    limiter: new RateLimiter(rateLimit, clock),
    invocations: new InvocationCounter(store),
    turns: new KeyTurns(),
    ...(await foreignTokensOf(options)),
    onKeyEvent: () => bell.ring(),
  };
  const housekeeping = startHousekeeping(ports, httpWebhookSender, onError);
  opened.defer(() => housekeeping.stop());
  const all = opened.move();
  return { ports, bell, serviceToken, close: () => all.disposeAsync() };
}

/** The library of JWTs is loaded where it is needed: most have no other issuer. */
async function foreignTokensOf({ jwtIssuer }: KmsOptions): Promise<Pick<KmsPorts, 'foreignTokens'>> {
  if (jwtIssuer === undefined) return {};
  const { openJwtIssuer } = await import('#kms/adapters/jwt-issuer.ts');
  return { foreignTokens: openJwtIssuer(jwtIssuer) };
}

async function openProvider(database: Database, { rootKey: source, workers }: KmsOptions): Promise<CryptoProvider> {
  const store = openMaterialStore(database);
  const keks = await store.listKeks();
  const rootKey = await openRootKey(source, store, keks.length === 0);
  try {
    const stored = keks.length === 0 ? [await store.insertFirstKek(await makeKek(rootKey, 1))] : keks;
    return openNodeProvider({
      keks: await openKeks(rootKey, stored),
      ...(workers === undefined ? {} : { workers }),
    });
  } finally {
    rootKey.close();
  }
}

/** The token follows from the key-encryption key, so that all processes on one database have the same. */
async function putServiceToken(store: TenantStore, provider: CryptoProvider, clock: Clock): Promise<SecretText> {
  const secret = secretFrom(provider.seal('service token', utf8Bytes('dnssec')));
  await store.putCredential({
    identity: 'tok-dnssec',
    kind: 'token',
    hash: hashOfSecret(secret.reveal()),
    principal: { identity: 'dnssec', policies: signerPolicies },
    name: 'DNSSEC service',
    createdAt: clock.now(),
  });
  return secret;
}

/** Make what the settings say should exist. */
async function putTenants(store: TenantStore, options: KmsOptions): Promise<void> {
  const { organisation, regions, adminToken, clock } = options;
  if ((await store.findOrganisation(organisation)) === undefined) {
    const slug = slugOf(organisation);
    await store.putOrganisation({ identity: organisation, name: organisation, slug, kmsEnabled: true });
  }
  for (const region of regions) {
    if ((await store.findRegion(region)) === undefined)
      await store.putRegion({ identity: region, name: region, slug: slugOf(region), kmsAvailable: true });
  }
  await putSignerToken(store, options);
  await store.putCredential({
    identity: 'tok-admin',
    kind: 'token',
    hash: hashOfSecret(adminToken),
    principal: { identity: 'admin', policies: ['kms:FullAccess', 'iam:FullAccess', 'dns:FullAccess'] },
    name: 'admin',
    createdAt: clock.now(),
  });
}

/** A token that the settings no longer have counts no more. */
async function putSignerToken(store: TenantStore, { signerToken, clock }: KmsOptions): Promise<void> {
  const identity = 'tok-signer';
  if (signerToken === undefined) {
    await store.revokeCredential(identity, undefined, clock.now());
    return;
  }
  await store.putCredential({
    identity,
    kind: 'token',
    hash: hashOfSecret(signerToken),
    principal: { identity: 'signer', policies: signerPolicies },
    name: 'DNSSEC services elsewhere',
    createdAt: clock.now(),
  });
}
