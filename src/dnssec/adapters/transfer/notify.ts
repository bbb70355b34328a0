import { createSocket, type RemoteInfo } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { bytesFrom } from '#lib/octets.ts';
import { canonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { classIn, composeMessage, type Message, opcodes } from '#dnssec/adapters/messages/message.ts';
import { receiveMessage } from '#dnssec/adapters/messages/receive-message.ts';
import { signMessage, type TsigKey, verifyTsig } from '#dnssec/adapters/transfer/tsig.ts';
import type { PublishedZone } from '#dnssec/ports-transfer.ts';
import { messageOf } from '#lib/errors.ts';

/** A secondary that is told of new versions. */
export interface NotifyTarget {
  readonly host: string;
  readonly port: number;
  /** Signs what is sent to it. */
  readonly key?: TsigKey | undefined;
}

/** Milliseconds until an answer is waited for no more, try by try. Source: RFC 1996 §3.6. */
const patience = [1000, 2000, 4000, 8000, 16_000] as const;

/**
 * Tell a secondary that there is a new version, again and again until it answers.
 *
 * Source: RFC 1996 §3.
 *
 * @param signal ends the tries, as when there is a still newer version
 * @returns why it was not told; undefined when it answered
 */
export async function sendNotify(
  zone: Pick<PublishedZone, 'apex' | 'soa'>,
  { host, port, key }: NotifyTarget,
  now: () => number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => undefined); // whoever waits for an answer is told of it
  try {
    for (const wait of patience) {
      const id = randomInt(0x1_0000);
      const question = { name: zone.apex, type: rrTypes.SOA, class: classIn };
      const plain = composeMessage({
        id,
        opcode: opcodes.notify,
        isResponse: false,
        isAuthoritative: true,
        question,
        answers: [zone.soa],
      });
      const signed = key === undefined ? undefined : signMessage(plain, key, now());
      const isAnswer = (answer: Message, from: RemoteInfo): boolean =>
        answer.opcode === opcodes.notify &&
        answer.id === id &&
        from.port === port &&
        (answer.question === undefined || canonicalName(answer.question.name) === zone.apex) &&
        (key === undefined || verifyTsig(answer, [key], now(), signed?.mac).kind === 'good');
      const answered = receiveMessage(socket, isAnswer, AbortSignal.any([signal, AbortSignal.timeout(wait)]));
      socket.send(bytesFrom(signed?.message ?? plain), port, host);
      const answer = await answered;
      if (answer !== undefined)
        return answer.rcode === 0 ? undefined : `${host} answered NOTIFY with code ${answer.rcode}`;
      if (signal.aborted) return 'a newer version came';
    }
    return `${host} did not answer ${patience.length} NOTIFYs`;
  } catch (error) {
    return messageOf(error);
  } finally {
    socket.close();
  }
}
