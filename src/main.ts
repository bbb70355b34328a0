import { readFileSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

/** The first two numbers in a text such as `v24.21.0` or `>=24.16`, as one number that grows with the version. */
function versionIn(text: string): number {
  const [major = 0, minor = 0] = (text.match(/\d+/g) ?? []).map(Number);
  return major * 1000 + minor;
}

const root = new URL('..', import.meta.url);
const manifest = readFileSync(new URL('package.json', root), 'utf8');
const { engines } = JSON.parse(manifest) as { engines: { node: string } };

if (versionIn(process.version) < versionIn(engines.node)) {
  // It read this file and could not read what comes next: the launcher looks for the Node.js that came with the packages.
  await import(new URL('bin/zoneseal.js', root).href);
} else {
  // Kept beside the code that it is made of, so that who may change the one may change the other. Without the right to
  // write there nothing is kept, and every start compiles anew. Threads take the folder from the environment.
  module.enableCompileCache(fileURLToPath(new URL('node_modules/.cache/zoneseal', root)));
  const cache = module.getCompileCacheDir();
  if (cache !== undefined) process.env['NODE_COMPILE_CACHE'] = cache;
  const { runCommand } = await import('#cli/program.ts');
  process.exitCode = await runCommand(process.argv.slice(2));
}
