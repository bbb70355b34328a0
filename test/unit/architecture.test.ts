import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '#test/support/commands.ts';
import { importsOf, readSourceFiles, type SourceFile, withoutComments } from '#test/support/source-files.ts';

/** A layer, told by a file's path; `own` stands for the module `kms` or `dnssec` that a file belongs to. */
type Layer =
  | 'lib'
  | 'database'
  | 'dns'
  | 'app'
  | 'main'
  | 'cli'
  | `${Module}/${'core' | 'ports' | 'api' | 'client' | 'operations' | 'adapters' | 'http' | 'module'}`;
type Module = 'kms' | 'dnssec';

interface Rule {
  readonly layers: readonly Layer[];
  /** npm packages: none, these, or any. */
  readonly packages: readonly string[] | 'any';
  /** Modules of Node: these or any. */
  readonly node: readonly string[] | 'any';
}

/** What moves octets and hashes about without touching the world outside. */
const pureNode = ['node:crypto'];

function rulesOf(module: Module): Partial<Record<Layer, Rule>> {
  const own = <Part extends string>(...parts: Part[]) => parts.map((part) => `${module}/${part}` as const);
  const data: Layer[] = module === 'dnssec' ? ['dns', 'lib'] : ['lib'];
  return {
    [`${module}/core`]: { layers: [...own('core'), ...data], packages: [], node: pureNode },
    [`${module}/ports`]: { layers: [...own('core', 'ports'), ...data], packages: [], node: pureNode },
    [`${module}/api`]: { layers: own('api', 'core'), packages: ['typebox'], node: [] },
    [`${module}/operations`]: {
      layers: [...own('core', 'ports', 'operations'), ...data],
      packages: [],
      node: pureNode,
    },
    [`${module}/adapters`]: {
      layers: [...own('core', 'ports', 'adapters'), ...data, 'database'],
      packages: 'any',
      node: 'any',
    },
    [`${module}/http`]: {
      layers: [...own('core', 'ports', 'api', 'operations', 'http'), ...data],
      packages: 'any',
      node: 'any',
    },
    [`${module}/module`]: {
      layers: [...own('core', 'ports', 'api', 'operations', 'adapters', 'http'), ...data, 'database'],
      packages: 'any',
      node: 'any',
    },
  };
}

const rules: Partial<Record<Layer, Rule>> = {
  lib: { layers: ['lib'], packages: [], node: 'any' },
  database: { layers: ['database', 'lib'], packages: ['pg'], node: 'any' },
  dns: {
    layers: ['dns', 'lib'],
    packages: [],
    node: ['node:net'],
  },
  ...rulesOf('kms'),
  ...rulesOf('dnssec'),
  'kms/client': { layers: ['kms/api', 'kms/core', 'kms/client', 'lib'], packages: ['typebox', 'undici'], node: 'any' },
  cli: {
    layers: [
      'cli',
      'app',
      'dns',
      'lib',
      'dnssec/module',
      'dnssec/operations',
      'dnssec/ports',
      'dnssec/api',
      'kms/module',
      'kms/client',
      'kms/core',
    ],
    packages: 'any',
    node: 'any',
  },
  main: { layers: ['cli'], packages: [], node: ['node:fs', 'node:module', 'node:url'] },
  app: {
    layers: ['app', 'lib', 'kms/module', 'kms/http', 'kms/client', 'dnssec/module', 'dnssec/http'],
    packages: 'any',
    node: 'any',
  },
};

/** The one door between the modules. */
const crossing = { from: 'src/dnssec/adapters/kms-signer.ts', to: 'src/kms/client.ts' };

function layerOf(path: string): Layer {
  const [, first = '', second = ''] = path.split('/');
  if (path === 'src/main.ts') return 'main';
  if (first === 'lib' || first === 'database' || first === 'dns' || first === 'cli') return first;
  if (first !== 'kms' && first !== 'dnssec') return 'app';
  const part = second.replace(/(?:-\w+)?\.ts$/, ''); // `api-admin` is a part of `api`
  const parts = ['core', 'ports', 'api', 'client', 'operations', 'adapters', 'http'] as const;
  return `${first}/${parts.find((one) => one === part) ?? 'module'}`;
}

const files = readSourceFiles('src');

const manifest = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as { dependencies: object };

function offences(check: (file: SourceFile) => string[]): string[] {
  return files.flatMap((file) => check(file).map((what) => `${file.path}: ${what}`));
}

describe('layers', () => {
  test('every file is in a layer that has a rule', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(offences(({ path }) => (rules[layerOf(path)] === undefined ? [layerOf(path)] : []))).toEqual([]);
  });

  test('files import from the layers that the design lets them', () => {
    const found = offences((file) => {
      const allowed = rules[layerOf(file.path)]?.layers ?? [];
      return importsOf(file)
        .map(({ path }) => path)
        .filter((path) => path !== undefined)
        .filter((path) => !allowed.includes(layerOf(path)))
        .filter((path) => file.path !== crossing.from || path !== crossing.to)
        .map((path) => `imports ${path}`);
    });
    expect(found).toEqual([]);
  });

  test('packages and modules of Node are used where the design lets them', () => {
    const found = offences((file) => {
      const rule = rules[layerOf(file.path)];
      return importsOf(file)
        .filter(({ path }) => path === undefined)
        .filter(({ specifier }) => {
          const allowed = specifier.startsWith('node:') ? rule?.node : rule?.packages;
          return (
            allowed !== 'any' && allowed?.some((one) => specifier === one || specifier.startsWith(`${one}/`)) !== true
          );
        })
        .filter(({ specifier }) => specifier !== 'node:buffer') // has a rule of its own, below
        .map(({ specifier }) => `imports ${specifier}`);
    });
    expect(found).toEqual([]);
  });

  test('every import of ours leads to a file', () => {
    const paths = new Set(['package.json', ...files.map(({ path }) => path)]);
    const found = offences((file) =>
      importsOf(file).flatMap(({ path }) => (path === undefined || paths.has(path) ? [] : [`imports ${path}`])),
    );
    expect(found).toEqual([]);
  });

  test('no file imports itself by way of others', () => {
    const graph = new Map(files.map((file) => [file.path, importsOf(file).filter(({ isType }) => !isType)]));
    const targets = (path: string) => (graph.get(path) ?? []).map((one) => one.path).filter((one) => one !== undefined);
    expect(cycleIn([...graph.keys()], targets)).toBeUndefined();
  });

  test('no layer imports itself by way of others', () => {
    const edges = files.flatMap((file) =>
      importsOf(file).flatMap(({ path }) => (path === undefined ? [] : [[layerOf(file.path), layerOf(path)] as const])),
    );
    const targets = (from: string) =>
      edges.filter((edge) => edge[0] === from && edge[1] !== from).map((edge) => edge[1]);
    expect(cycleIn([...new Set(edges.map(([from]) => from))], targets)).toBeUndefined();
  });
});

describe('house rules', () => {
  test('what is required and not imported is this alone', () => {
    const found = offences(({ text }) =>
      [...withoutComments(text).matchAll(/\bcreateRequire\([^)]*\)(?<required>.*)/g)].map(
        ({ groups }) => /^\('([^']+)'\)/.exec(groups?.['required'] ?? '')?.[1] ?? 'anything',
      ),
    );
    expect(found).toEqual(['src/lib/libsodium.ts: sodium-native']);
  });

  test('every package that is used is a dependency, and not only there because another one brings it', () => {
    const found = offences((file) =>
      importsOf(file)
        .filter(({ specifier, path, isType }) => path === undefined && !isType && !specifier.startsWith('node:'))
        .map(({ specifier }) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier)
        .filter((name) => !(name in manifest.dependencies))
        .map((name) => `uses ${name}`),
    );
    expect(found).toEqual([]);
  });

  test('Buffer stays in lib and in adapters', () => {
    const found = offences(({ path, text }) => {
      const isFree = path.startsWith('src/lib/') || path.includes('/adapters/');
      return !isFree && /\bBuffer\b/.test(withoutStrings(withoutComments(text))) ? ['uses Buffer'] : [];
    });
    expect(found).toEqual([]);
  });

  test('time comes from the clock alone', () => {
    const found = offences(({ path, text }) => {
      const uses = /\bnew Date\b|\bDate\s*[.(]/.test(withoutStrings(withoutComments(text)));
      return uses && path !== 'src/lib/clock.ts' ? ['uses Date'] : [];
    });
    expect(found).toEqual([]);
  });

  test('files stay small: half of them within 130 lines, each within 400', () => {
    const sizes = files.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));
    const median = sizes.map(({ lines }) => lines).toSorted((one, other) => one - other)[Math.floor(sizes.length / 2)];
    expect(sizes.filter(({ lines }) => lines > 400)).toEqual([]);
    expect(median).toBeLessThanOrEqual(130);
  });
});

function withoutStrings(text: string): string {
  return text.replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
}

/** Find one cycle, as the way round it. */
function cycleIn(nodes: readonly string[], targets: (node: string) => readonly string[]): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): string[] | undefined => {
    const seen = way.indexOf(node);
    if (seen >= 0) return [...way.slice(seen), node];
    if (done.has(node)) return undefined;
    for (const target of targets(node)) {
      const cycle = visit(target, [...way, node]);
      if (cycle !== undefined) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of nodes) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
