import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { projectRoot } from '#test/support/commands.ts';

export interface SourceFile {
  /** Relative to the project's root, such as `src/dns/name.ts`. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly specifier: string;
  /** Where the specifier leads: a path such as `src/dns/name.ts`, or undefined for packages and built-in modules. */
  readonly path: string | undefined;
  /** Whether it is gone when the types are stripped. */
  readonly isType: boolean;
}

/** Read every TypeScript file under a folder of the project. */
export function readSourceFiles(folder: string): SourceFile[] {
  return readdirSync(`${projectRoot}${folder}`, { recursive: true })
    .map((name) => posix.join(folder, String(name)))
    .filter((path) => path.endsWith('.ts'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(`${projectRoot}${path}`, 'utf8') }));
}

/** Remove comments; strings that look like them keep their quotes and lose at most their end, which imports never have. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\//g, ' ').replaceAll(/(^|[\s;{}(),])\/\/[^\n]*/g, '$1');
}

const statement = /^\s*(?:import|export)\s+(?<type>type\s+)?(?:[^'";]*?\sfrom\s+)?['"](?<from>[^'"]+)['"]/gm;
const dynamic = /\bimport\(\s*['"](?<from>[^'"]+)['"]\s*\)/g;
const workerUrl = /new URL\(\s*['"](?<from>\.[^'"]+\.ts)['"]\s*,\s*import\.meta\.url\s*\)/g;

/** Find what a file imports: statements, `import()`, and the modules that it starts as workers. */
export function importsOf(file: SourceFile): Import[] {
  const text = withoutComments(file.text);
  return [statement, dynamic, workerUrl].flatMap((shape) =>
    [...text.matchAll(shape)].map(({ groups }) => {
      const specifier = groups?.['from'] ?? '';
      return { specifier, path: pathOf(specifier, file.path), isType: groups?.['type'] !== undefined };
    }),
  );
}

const manifest = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as { imports: Record<string, string> };

function pathOf(specifier: string, importer: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(importer), specifier);
  for (const [alias, target] of Object.entries(manifest.imports)) {
    const prefix = alias.slice(0, -1);
    if (specifier.startsWith(prefix)) return posix.join(target.slice(0, -1), specifier.slice(prefix.length));
  }
  return undefined;
}
