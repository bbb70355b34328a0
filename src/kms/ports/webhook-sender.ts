/** Brings a body to a receiver. */
export interface WebhookSender {
  /** Resolves when the receiver took it, which is any 2xx. @throws Error that tells the operator why it did not */
  send(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<void>;
}
