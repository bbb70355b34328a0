import { type DestinationStream, destination, type Logger, type LevelWithSilent, pino } from 'pino';

/** Where secrets could stand in a logged object. Bodies are never logged in the first place; this is the second lock. */
const secretPaths = [
  'authorization',
  'headers.authorization',
  'req.headers.authorization',
  'request.headers.authorization',
  'err.config.headers.authorization',
  'body',
  'req.body',
  'request.body',
  'token',
  'adminToken',
  'password',
];

/** Make the log of the process: JSON lines on stderr, or on `stream`. */
export function createLogger(level: LevelWithSilent, stream?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretPaths, censor: '[redacted]' },
    },
    stream ?? destination({ fd: 2, sync: true }),
  );
}
