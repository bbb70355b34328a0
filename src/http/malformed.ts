import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

const notHttp = { status: '400 Bad Request', code: 'request-invalid', message: 'this is not a valid HTTP/1.1 request' };
const malformed: Readonly<Record<string, typeof notHttp>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    code: 'request-invalid',
    message: 'the request did not arrive in time',
  },
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    code: 'too-large',
    message: 'the header is too large',
  },
};

/** Answer what is not even HTTP, in the form of every other failure. */
export function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const requestId = `req-${randomUUID()}`;
  const { status, code, message } = malformed[error.code ?? ''] ?? notHttp;
  const body = JSON.stringify({ message, code, requestId });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
      `X-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  );
}
