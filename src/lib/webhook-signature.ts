import { createHmac } from 'node:crypto';
import { encodeBase64 } from '#lib/encoding.ts';

/** The headers of a delivery, by which its receiver knows the sender and tells a repetition. */
export interface WebhookHeaders {
  /** The same for every try to deliver the same events. */
  readonly 'webhook-id': string;
  /** Seconds since the epoch. */
  readonly 'webhook-timestamp': string;
  /** `v1,` and the base64 of HMAC-SHA-256 over id, timestamp and body with dots between them. */
  readonly 'webhook-signature': string;
}

/** Sign a delivery. @param secret the octets behind the `whsec_` of the webhook's secret. */
export function signDelivery(id: string, seconds: number, body: string, secret: Uint8Array): WebhookHeaders {
  const mac = createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest();
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${encodeBase64(mac)}`,
  };
}
