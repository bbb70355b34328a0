import { createHmac } from 'node:crypto';
import type { SecretText } from '#lib/secret-text.ts';

/**
 * Make the secrets of webhooks follow from the token of the service, so that none is in the database, and all processes of
 * the service have the same.
 */
export function webhookSecrets(serviceToken: SecretText): (identity: string) => Uint8Array {
  return (identity) => createHmac('sha256', serviceToken.reveal()).update(`zone webhook secret ${identity}`).digest();
}
