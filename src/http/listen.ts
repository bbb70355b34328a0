import { chmodSync, rmSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

/** Listen on TCP. @param port 0 for any free one. @returns the base URL without a final slash */
export async function listenOnTcp(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port, listenTextResolver: (address) => `accepting at ${address}` });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the TCP listener has no address');
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

/**
 * Listen on a Unix socket that only this user can open. A file left by a process that was killed is replaced, so the
 * caller must hold the folder (see `lockDirectory`); the folder's own mode 0700 covers the moment before the `chmod`.
 */
export async function listenOnSocket(app: FastifyInstance, path: string): Promise<void> {
  rmSync(path, { force: true });
  await app.listen({ path, listenTextResolver: () => `accepting at ${path}` });
  chmodSync(path, 0o600);
}
