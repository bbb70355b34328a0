import type { CliContext } from '#cli/context.ts';
import { type DurableFile, openDurableFile } from '#lib/durable-file.ts';
import { messageOf } from '#lib/errors.ts';
import { openSpool } from '#lib/spool.ts';
import { UsageError } from '#cli/usage-error.ts';
import { writeOut } from '#cli/write-out.ts';

/** Takes a zone in pieces and lets it out whole, when it is finished, or not at all. */
export interface ZoneOutput extends AsyncDisposable {
  write(octets: Uint8Array): Promise<void>;
  finish(): Promise<void>;
}

/** Open the output of a command: a file that is replaced at once, or stdout, which gets nothing before the end. */
export async function openZoneOutput(path: string | undefined, { stdout }: CliContext): Promise<ZoneOutput> {
  if (path !== undefined) {
    const file = await openFile(path);
    return {
      write: (octets) => file.write(octets),
      finish: () => file.commit(),
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  }
  const spool = await openSpool();
  return {
    write: (octets) => spool.write(octets),
    async finish() {
      for await (const piece of spool.read()) await writeOut(stdout, piece);
    },
    [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose](),
  };
}

async function openFile(path: string): Promise<DurableFile> {
  try {
    return await openDurableFile(path);
  } catch (error) {
    throw new UsageError(`--out: ${path} cannot be written: ${messageOf(error)}`, error);
  }
}
