import type { RemoteInfo, Socket } from 'node:dgram';
import { DnsError } from '#dns/errors.ts';
import { type Message, parseMessage } from '#dnssec/adapters/messages/message.ts';

/**
 * Wait for the answer among all that comes in by UDP; anything else may be from somebody else and is passed over.
 *
 * @param signal ends the wait
 * @returns undefined when there was none
 * @throws what goes wrong with the socket
 */
export function receiveMessage(
  socket: Socket,
  isAnswer: (message: Message, from: RemoteInfo) => boolean,
  signal: AbortSignal,
): Promise<Message | undefined> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      socket.off('message', onMessage);
      socket.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void => end(() => resolve(undefined));
    const onError = (error: Error): void => end(() => reject(error));
    const onMessage = (bytes: Uint8Array, from: RemoteInfo): void => {
      try {
        const message = parseMessage(bytes);
        if (message.isResponse && isAnswer(message, from)) end(() => resolve(message));
      } catch (error) {
        if (!(error instanceof DnsError)) end(() => reject(error));
      }
    };
    socket.on('message', onMessage);
    socket.on('error', onError);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}
