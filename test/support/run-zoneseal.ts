import { Readable, Writable } from 'node:stream';
import { runCommand } from '#cli/program.ts';

export interface CommandOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Run a command in this process, in an environment without settings but those that are given.
 *
 * @param input what it reads from stdin
 */
export async function runZoneseal(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
  input: string | Uint8Array = '',
): Promise<CommandOutcome> {
  const stdout = collect();
  const stderr = collect();
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:ZONESEAL_(?!NEW_)|DATABASE_URL|REDIS_URL)/.test(name)),
  );
  const code = await runCommand(args, {
    environment: { ...inherited, ...environment },
    stdin: Readable.from([Buffer.from(input)]),
    stdout: stdout.stream,
    stderr: stderr.stream,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collect(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
