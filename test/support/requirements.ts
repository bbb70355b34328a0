import { appendFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { skippedFileVariable } from '#test/support/skipped-file.ts';
import { findTool, type Tool, toolPackages } from '#test/support/tools.ts';

/**
 * Describe tests that need programs which a machine may lack. Where one is missing they are skipped and listed at the
 * end of `npm test`; under `CI=true` they fail, since there nothing may pass by not running.
 */
export function describeWith(tools: readonly Tool[], part: string, body: () => void): void {
  const missing = tools.filter((tool) => findTool(tool) === undefined);
  if (missing.length > 0) reportSkipped(part, `needs ${missing.map(describeTool).join(', ')}`);
  describe.runIf(missing.length === 0)(`with ${tools.join(', ')}: ${part}`, () => {
    body();
  });
}

/** Note that a part cannot run here and why; under `CI=true` this is a failing test. */
export function reportSkipped(part: string, why: string): void {
  const file = process.env[skippedFileVariable];
  if (file !== undefined) appendFileSync(file, `${part}: ${why}\n`);
  if (process.env['CI'] !== 'true') return;
  test(`${part} can run`, () => {
    expect.fail(`skipped: ${why}`);
  });
}

function describeTool(tool: Tool): string {
  return `${tool} (Debian package ${toolPackages[tool]})`;
}
