import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Return the file to run. It is what `npm run build` made, which starts in half the time, unless a source has changed
 * since: then it is the sources. An installed package has no sources.
 *
 * @param {string} root folder of the package
 */
export function findMain(root) {
  const sources = join(root, 'src');
  const main = join(sources, 'main.ts');
  const built = join(root, 'dist', 'main.js');
  if (!existsSync(main)) return built;
  return existsSync(built) && !hasNewer(sources, statSync(built).mtimeMs) ? built : main;
}

/** @param {string} folder @param {number} time */
function hasNewer(folder, time) {
  return readdirSync(folder, { withFileTypes: true }).some(function (entry) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return hasNewer(path, time);
    return path.endsWith('.ts') && statSync(path).mtimeMs > time;
  });
}
