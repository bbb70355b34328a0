import { createReadStream, type ReadStream } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Read a file that another one names; a relative path is seen from where that one is. */
export function readFileBeside(path: string, fromFile: string): ReadStream {
  return createReadStream(resolve(dirname(fromFile), path));
}
