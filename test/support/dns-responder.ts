import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { bytesFrom } from '#lib/octets.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { framed, messagesOf } from '#dnssec/adapters/messages/framing.ts';
import { composeMessage, type Message, type NewMessage, parseMessage } from '#dnssec/adapters/messages/message.ts';
import { recordsOf } from '#test/support/dns.ts';

/** What a responder says: fields of the answer, or nothing at all. Records are master-file lines, or whatever they are. */
export interface Said extends Partial<Omit<NewMessage, 'answers' | 'authorities'>> {
  readonly answers?: string | readonly ResourceRecord[];
  readonly authorities?: string;
}

export interface DnsResponder extends AsyncDisposable {
  readonly port: number;
  /** Everything that was asked, in order. */
  readonly asked: readonly { readonly message: Message; readonly isTcp: boolean }[];
}

/** Answer DNS by UDP and TCP on a free port of 127.0.0.1 as a test says; several answers are sent one after the other. */
export async function startDnsResponder(
  say: (message: Message, isTcp: boolean) => Said | readonly Said[] | undefined,
): Promise<DnsResponder> {
  const asked: { message: Message; isTcp: boolean }[] = [];
  const answer = (bytes: Uint8Array, isTcp: boolean): Uint8Array[] => {
    const message = parseMessage(bytes);
    asked.push({ message, isTcp });
    return [say(message, isTcp) ?? []].flat().map((said) => compose(message, said));
  };
  const { tcp, udp } = await listen(
    (socket) => {
      socket.on('error', () => socket.destroy());
      void (async () => {
        for await (const bytes of messagesOf(socket)) {
          const answers = answer(bytes, true);
          for (const one of answers) socket.write(framed(one));
          if (answers.length === 0) socket.destroy();
        }
      })().catch(() => socket.destroy());
    },
    (bytes, reply) => {
      for (const one of answer(bytes, false)) reply(one);
    },
  );
  const { port } = udp.address();
  return {
    port,
    asked,
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

/** Servers that say these things to everybody, or are not there any more. */
export async function startDnsResponders(
  says: readonly (Said | 'gone')[],
): Promise<AsyncDisposable & { readonly places: readonly { readonly host: string; readonly port: number }[] }> {
  const servers = new AsyncDisposableStack();
  const places = [];
  for (const said of says) {
    const server = await startDnsResponder(() => (said === 'gone' ? undefined : said));
    if (said === 'gone') await server[Symbol.asyncDispose]();
    else servers.use(server);
    places.push({ host: '127.0.0.1', port: server.port });
  }
  return { places, [Symbol.asyncDispose]: () => servers.disposeAsync() };
}

/** Listen on one port by both; one that only TCP can have is answered by another try. */
async function listen(
  onConnection: (socket: TcpSocket) => void,
  onMessage: (bytes: Uint8Array, reply: (bytes: Uint8Array) => void) => void,
): Promise<{ readonly tcp: Server; readonly udp: UdpSocket }> {
  for (let attempt = 1; ; attempt++) {
    const tcp = createServer(onConnection).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const udp = createSocket('udp4', (bytes, from) =>
      onMessage(bytes, (one) => udp.send(one, from.port, from.address)),
    );
    try {
      udp.bind((tcp.address() as AddressInfo).port, '127.0.0.1');
      await once(udp, 'listening');
      return { tcp, udp };
    } catch (error) {
      udp.close();
      tcp.close();
      if (attempt === 5) throw error;
    }
  }
}

function compose({ id, opcode, question }: Message, { answers = '', authorities = '', ...said }: Said): Uint8Array {
  const read = (given: string | readonly ResourceRecord[]) =>
    typeof given === 'string' ? recordsOf(given, '.') : given;
  return bytesFrom(
    composeMessage({
      id,
      opcode,
      isResponse: true,
      question,
      ...said,
      answers: read(answers),
      authorities: read(authorities),
    }),
  );
}
