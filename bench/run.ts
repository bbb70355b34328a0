import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';

// `npm run bench`: every benchmark, one after the other. Each can be run alone: `node bench/sign.ts --names 10000`.

process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}\n`,
);
for (const file of ['sign.ts', 'steps.ts', 'kms.ts', 'queue-alone.ts', 'queue.ts']) {
  process.stdout.write(`\n== ${file}\n`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
