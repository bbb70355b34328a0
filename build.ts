import { existsSync, rmSync, utimesSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'rolldown';
import { findMain } from './bin/find-main.js';

// `npm run build`: puts the sources and what they start with into a few files below `dist`, which start in half the time
// of a thousand modules, and hold no types, which Node.js takes from no file of an installed package. `npm ci` in a clone
// does it too (`prepare`); without the packages for development it leaves the sources to be run as they are.
// `--if-stale` builds only where the launcher would run the sources.

const root = dirname(fileURLToPath(import.meta.url));
const output = join(root, 'dist');

/** Packages that find files of their own by the place where they are, or that no start needs. */
const external = [/^@fastify\/swagger/, /^bullmq$/, /^ioredis$/, /^jose$/, /^pg$/, /^sodium-native$/, /^tinypool$/];

const pattern = /new URL\(\s*'([^']+)',\s*import\.meta\.url,?\s*\)/g;

/**
 * Makes files that the sources name by where they are themselves be found from `dist`: the sources of threads become
 * entries of their own, all else stays where it is.
 */
const placesOfFiles: Plugin = {
  name: 'places-of-files',
  transform: {
    filter: { id: /\/src\/.*\.ts$/, code: 'import.meta' },
    handler(code, id) {
      const moved = code.replace(pattern, (_, place: string) => {
        const file = resolve(dirname(id), place);
        if (!existsSync(file)) this.error(`${relative(root, id)} names ${place}, and there is no such file`);
        if (!file.endsWith('-worker.ts')) return `new URL('${relative(output, file)}', import.meta.url)`;
        const fileName = `${basename(file, '.ts')}.js`;
        this.emitFile({ type: 'chunk', id: file, fileName });
        return `new URL('./${fileName}', import.meta.url)`;
      });
      const rest = moved.replaceAll(/new URL\('[^']+', import\.meta\.url\)|createRequire\(import\.meta\.url\)/g, '');
      if (rest.includes('import.meta'))
        this.error(`${relative(root, id)} uses import.meta in a way that the build cannot follow`);
      return moved;
    },
  },
};

async function build(): Promise<void> {
  const { rolldown } = await import('rolldown');
  const start = new Date();
  const bundle = await rolldown({
    input: join(root, 'src/main.ts'),
    platform: 'node',
    external,
    plugins: [placesOfFiles],
    onLog: (level, log) => {
      if (level !== 'debug' && level !== 'info') throw new Error(log.message);
    },
  });
  rmSync(output, { recursive: true, force: true });
  // The names of functions are kept, for what is told of an error.
  await bundle.write({
    dir: output,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: false,
  });
  await bundle.close();
  // The launcher takes sources that are newer than this for changed: those that changed meanwhile are.
  utimesSync(join(output, 'main.js'), start, start);
}

const isWanted = !process.argv.includes('--if-stale') || findMain(root) !== join(output, 'main.js');
if (isWanted) {
  try {
    await build();
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (!isMissing || process.env['npm_lifecycle_event'] !== 'prepare') throw error;
    process.stderr.write(
      'zoneseal is not built, which takes the packages for development: its sources run, and start slower\n',
    );
  }
}
