import type { SingleBar } from 'cli-progress';
import type { CliContext } from '#cli/context.ts';

/** Progress of a long run; drawn on a terminal and silent elsewhere. */
export interface Progress extends Disposable {
  /**
   * Show how far a stage has come.
   *
   * @param unit what is counted
   * @param total what `done` grows to, where that is known: then there is a bar, else only the count
   */
  show(stage: string, unit: string, done: number, total?: number): void;
}

const silent: Progress = { show() {}, [Symbol.dispose]() {} };

/** Open the progress of a command on its stderr. Leaving its scope takes it off the screen. */
export async function openProgress({ stderr }: CliContext): Promise<Progress> {
  if (stderr.isTTY !== true) return silent;
  const { SingleBar: Bar } = await import('cli-progress');
  let bar: SingleBar | undefined;
  let shown = '';
  return {
    show(stage, unit, done, total) {
      if (shown !== stage) {
        bar?.stop();
        bar = new Bar({
          stream: stderr,
          format: total === undefined ? `${stage} {value} ${unit}` : `${stage} {bar} {percentage}% of {total} ${unit}`,
          hideCursor: true,
          clearOnComplete: true,
          fps: 10,
        });
        bar.start(total ?? done, done);
        shown = stage;
      }
      if (total === undefined) bar?.setTotal(done);
      bar?.update(done);
    },
    [Symbol.dispose]() {
      bar?.stop();
      bar = undefined;
    },
  };
}
