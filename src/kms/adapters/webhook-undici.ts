import { request } from 'undici';
import type { WebhookSender } from '#kms/ports/webhook-sender.ts';

/** Milliseconds that a receiver has for its answer. */
const patience = 10_000;

/** Deliver over HTTP. A redirect is no success: a receiver that moved has to be named anew. */
export const httpWebhookSender: WebhookSender = {
  async send(url, headers, body) {
    const answer = await request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(patience),
    });
    await answer.body.dump();
    if (answer.statusCode < 200 || answer.statusCode > 299)
      throw new Error(`the receiver answered ${answer.statusCode}`);
  },
};
