import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openAdminToken } from '#app/admin-token.ts';
import type { Config } from '#app/config.ts';
import { openEmbeddedKms } from '#app/embedded-kms.ts';
import { createLogger } from '#app/logger.ts';
import { UsageError } from '#cli/usage-error.ts';
import { type Dnssec, openDnssec } from '#dnssec/dnssec.ts';
import type { Caller } from '#dnssec/ports.ts';
import { systemClock } from '#lib/clock.ts';
import { KmsClient } from '#kms/client.ts';
import type { SecretText } from '#lib/secret-text.ts';

/** What a command needs to work with keys. */
export interface KmsSession extends AsyncDisposable {
  readonly dnssec: Dnssec;
  readonly caller: Caller;
  readonly region: string;
  /** The KMS itself, for those who work with keys and not with zones. */
  readonly client: KmsClient;
  /** What the KMS is shown. */
  readonly token: SecretText;
}

/**
 * Open the KMS that the configuration names: a remote one, or the one in the data folder, which then runs in this
 * process for as long as the session is open.
 *
 * @throws UsageError when a remote KMS is named and no token is there for it; what opening the KMS throws
 */
export async function openKmsSession(
  config: Config,
  region = config.regions[0] ?? '',
  project?: string,
): Promise<KmsSession> {
  await using opened = new AsyncDisposableStack();
  const context = { clock: systemClock, logger: createLogger(config.logLevel) };
  const embedded = config.kmsUrl === undefined ? await openEmbeddedKms(config, context) : undefined;
  opened.defer(async () => embedded?.close());
  const kmsUrl = config.kmsUrl ?? `unix:${embedded?.socketPath}`;
  const token = embedded === undefined ? await remoteToken(config, kmsUrl) : embedded.adminToken.token;
  const dnssec = openDnssec({ kmsUrl, clock: systemClock });
  opened.defer(() => dnssec.close());
  const caller = {
    authorization: `Bearer ${token.reveal()}`,
    organisation: config.organisation,
    ...(project === undefined ? {} : { project }),
  };
  const all = opened.move();
  return {
    dnssec,
    caller,
    region,
    token,
    client: new KmsClient({ url: kmsUrl, region, ...caller }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/**
 * Return the token for a service at a URL; the one in the data folder serves for a service on this machine that was started
 * with the same folder.
 *
 * @throws UsageError when there is none
 */
export async function remoteToken(config: Config, url: string): Promise<SecretText> {
  const given = config.token ?? config.adminToken;
  if (given !== undefined) return given;
  if (existsSync(join(config.dataDirectory, 'admin-token'))) return (await openAdminToken(config)).token;
  throw new UsageError(`${url} needs a token: set ZONESEAL_TOKEN`);
}
