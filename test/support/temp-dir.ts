import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDir extends Disposable {
  readonly path: string;
  /** Return the path of something in it. */
  at(...parts: string[]): string;
}

/** Make a folder that is gone when its scope is left: `using dir = makeTempDir()`. */
export function makeTempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'zoneseal-test-'));
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
