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
    stream ?? (stderrLines ??= gatheredLines()),
  );
}

/** The lines of all loggers of the process, which end with it. */
let stderrLines: DestinationStream | undefined;

/** Milliseconds that lines wait for company: one write for each takes longer than all else that a line takes. */
const gathering = 20;
/** Octets that are written at once, however young. */
const most = 8192;
/** What is more urgent than this is written at once, with what came before it. */
const info = 30;

/** Write lines to stderr, many at a time; the last ones when the process ends, however it ends by itself. */
function gatheredLines(): DestinationStream {
  const sink = destination({ fd: 2, sync: true, minLength: most });
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    sink.flushSync();
  };
  process.on('exit', flush);
  const lines = {
    [Symbol.for('pino.metadata')]: true, // has `lastLevel` set before each line
    lastLevel: info,
    write(line: string): void {
      sink.write(line);
      if (lines.lastLevel > info) flush();
      else timer ??= setTimeout(flush, gathering).unref();
    },
  };
  return lines;
}
