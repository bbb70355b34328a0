import { runTool } from '#test/support/commands.ts';
import { freePort } from '#test/support/free-port.ts';
import { start, type StartedProcess } from '#test/support/process.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

/** A Redis without persistence that is killed and started again on its port. */
export interface RestartableRedis extends AsyncDisposable {
  readonly url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Let it forget everything. */
  wipe(): Promise<void>;
}

/** Start Redis on a free port of 127.0.0.1. */
export async function startRestartableRedis(): Promise<RestartableRedis> {
  const dir = makeTempDir();
  const port = await freePort();
  let server: StartedProcess | undefined;
  const kill = async () => void (await server?.stop('SIGKILL'));
  const startIt = async () => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir.path, '--save', '', '--appendonly', 'no'];
    server = start(getTool('redis-server'), args, { cwd: dir.path });
    await server.waitFor(/Ready to accept connections/);
  };
  await startIt();
  return {
    url: `redis://127.0.0.1:${port}`,
    start: startIt,
    kill,
    async wipe() {
      const { code, output } = await runTool('redis-cli', ['-p', String(port), 'FLUSHALL']);
      if (code !== 0) throw new Error(`FLUSHALL failed: ${output}`);
    },
    async [Symbol.asyncDispose]() {
      await kill();
      dir[Symbol.dispose]();
    },
  };
}
