import { type Outcome, packaged, runTool } from '#test/support/commands.ts';

/** What is checked without running anything of ours. */
const checks = {
  format: ['oxfmt', '--check', '.'],
  types: ['tsc', '--noEmit'],
  lint: ['oxlint', '--type-aware', '--deny-warnings'],
} as const;

export interface CheckResult extends Outcome {
  readonly name: string;
}

/** Start all of them at once. */
export function startStaticChecks(): Promise<CheckResult>[] {
  return Object.entries(checks).map(async ([name, [program, ...args]]) => ({
    name,
    ...(await runTool(packaged(program), args)),
  }));
}
