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
/** Characters that are written at once, however young. */
const most = 8192;
/** What is more urgent than this is written at once, with what came before it. */
const info = 30;

/** Write lines to stderr, many at a time; the last ones when the process ends, however it ends by itself. */
function gatheredLines(): DestinationStream {
  // Each write gives up lines that nobody reads any more, while `flushSync` of lines that the sink gathers itself would try
  // for ever.
  const sink = destination({ fd: 2, sync: true });
  let gathered = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const lines = gathered;
    gathered = '';
    if (lines !== '') sink.write(lines);
  };
  process.on('exit', flush);
  const lines = {
    [Symbol.for('pino.metadata')]: true, // has `lastLevel` set before each line
    lastLevel: info,
    write(line: string): void {
      gathered += line;
      if (lines.lastLevel > info || gathered.length >= most) flush();
      else timer ??= setTimeout(flush, gathering).unref();
    },
  };
  return lines;
}
