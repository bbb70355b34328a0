/** Brings a body to a receiver. */
export interface WebhookSender {
  /** Resolves when the receiver took it, which is any 2xx. @throws Error that tells the operator why it did not */
  send(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<void>;
}

/** Milliseconds that a receiver has for its answer. */
const patience = 10_000;

/** Deliver over HTTP. A redirect is no success: a receiver that moved has to be named anew. */
export const httpWebhookSender: WebhookSender = {
  async send(url, headers, body) {
    const answer = await post(url, headers, body);
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the receiver answered ${answer.status}`);
  },
};

/** What `fetch` throws says nothing but that it failed: the reason is its cause. */
async function post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  }
}

/** Tell whether a text is a URL that may be told of events: http or https, and without a user name and a password. */
export function isWebhookUrl(text: string): boolean {
  const parsed = URL.parse(text);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '';
}
