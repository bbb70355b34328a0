import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface Outcome {
  readonly code: number;
  /** Empty where the output went to the terminal. */
  readonly output: string;
  readonly seconds: number;
}

/** Run a program of the tool chain from the project's root. @param show let its output through instead of keeping it */
export function runTool(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const start = performance.now();
  const child = spawn(program, args, {
    cwd: projectRoot,
    stdio: options.show === true ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve) => {
    const end = (code: number) => resolve({ code, output, seconds: (performance.now() - start) / 1000 });
    child.on('error', (error) => {
      output += error.message;
      end(127);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

export interface RunOptions {
  readonly show?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that came with the packages. */
export function packaged(name: string): string {
  return `${projectRoot}node_modules/.bin/${name}`;
}
