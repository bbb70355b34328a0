import { runTool } from '#test/support/commands.ts';

/** Build the program where a source is newer, so that what the launcher starts is what an operator has. */
export default async function build(): Promise<void> {
  const { code, output } = await runTool(process.execPath, ['build.ts', '--if-stale']);
  if (code !== 0) throw new Error(`the build failed:\n${output}`);
}
