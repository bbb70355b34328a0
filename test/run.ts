import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { packaged, projectRoot, runTool } from '#test/support/commands.ts';
import { installMissingTools } from '#test/support/debian.ts';
import { skippedFileVariable } from '#test/support/skipped-file.ts';
import { startStaticChecks } from '#test/support/static-checks.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

// `npm test`: sets the machine up as far as it may, runs every kind of test, quickest first, and closes with a list of
// what was skipped and one line of counts. `npm test -- unit interop` runs some kinds alone.

const kinds = ['unit', 'vectors', 'property', 'contract', 'api', 'scenario', 'interop'];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function runStaticChecks(total: Counts): Promise<void> {
  for (const { name, code, output, seconds } of await Promise.all(startStaticChecks())) {
    say(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} ${seconds.toFixed(1)} s`);
    if (code !== 0) say(output.trim());
    total[code === 0 ? 'passed' : 'failed'] += 1;
  }
}

async function runKind(kind: string, report: string, skippedFile: string, total: Counts): Promise<void> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { code, seconds } = await runTool(
    packaged('vitest'),
    ['run', '--project', kind, '--passWithNoTests', ...reporters],
    { show: true, env: { [skippedFileVariable]: skippedFile } },
  );
  const counts = countsIn(report);
  total.passed += counts.passed;
  total.skipped += counts.skipped;
  // An error outside of any test, such as a leaked process, fails the run and no test.
  const isFailedOutside = counts.failed === 0 && code !== 0;
  total.failed += isFailedOutside ? 1 : counts.failed;
  const outside = isFailedOutside ? ', and an error outside of any test (see "Unhandled Errors" above)' : '';
  say(`${kind}: ${counts.passed} passed, ${counts.failed} failed in ${seconds.toFixed(1)} s${outside}`);
}

function countsIn(report: string): Counts {
  if (!existsSync(report)) return { passed: 0, failed: 0, skipped: 0 };
  const counts = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
  return {
    passed: counts['numPassedTests'] ?? 0,
    failed: counts['numFailedTests'] ?? 0,
    skipped: (counts['numPendingTests'] ?? 0) + (counts['numTodoTests'] ?? 0),
  };
}

function hasTests(kind: string): boolean {
  const directory = `${projectRoot}test/${kind}`;
  return (
    existsSync(directory) &&
    readdirSync(directory, { recursive: true }).some((name) => String(name).endsWith('.test.ts'))
  );
}

async function main(chosen: readonly string[]): Promise<number> {
  const wrong = chosen.filter((kind) => !kinds.includes(kind));
  if (wrong.length > 0) {
    say(`there is no kind of test named ${wrong.join(', ')}: there are ${kinds.join(', ')}`);
    return 2;
  }
  using dir = makeTempDir();
  const skippedFile = dir.at('skipped');
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const missing = await installMissingTools(say);
  if (chosen.length === 0) await runStaticChecks(total);
  for (const kind of kinds) {
    const wanted = chosen.length === 0 || chosen.includes(kind);
    if (wanted && hasTests(kind)) await runKind(kind, dir.at(`${kind}.json`), skippedFile, total);
  }
  const skipped = existsSync(skippedFile) ? readFileSync(skippedFile, 'utf8').trim().split('\n').toSorted() : [];
  say('');
  if (skipped.length > 0) say(`Skipped parts:\n${[...new Set(skipped)].map((line) => `- ${line}`).join('\n')}`);
  if (missing !== undefined) say(missing);
  say(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
