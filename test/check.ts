import { packaged, runTool } from '#test/support/commands.ts';
import { startStaticChecks } from '#test/support/static-checks.ts';

// `npm run check`: what should be clean before every commit, all at once, within seconds.

const unit = runTool(packaged('vitest'), ['run', '--project', 'unit', '--reporter=dot'], { env: { NO_COLOR: '1' } });
const results = await Promise.all([...startStaticChecks(), unit.then((outcome) => ({ name: 'unit', ...outcome }))]);
for (const { name, code, output } of results) {
  if (code !== 0) process.stdout.write(`--- ${name}\n${output.trim()}\n`);
}
for (const { name, code, output, seconds } of results) {
  const count = /^\s*Tests\s+(.*)$/m.exec(output)?.[1] ?? '';
  process.stdout.write(
    `${code === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(7)} ${seconds.toFixed(1)} s  ${count}`.trimEnd() + '\n',
  );
}
process.exitCode = results.some(({ code }) => code !== 0) ? 1 : 0;
