import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createLogger } from '#app/logger.ts';
import { projectRoot } from '#test/support/commands.ts';
import { run, start } from '#test/support/process.ts';

const script = (code: string) => [
  '--input-type=module',
  '--eval',
  `import { createLogger } from '#app/logger.ts'; const log = createLogger('info'); ${code}`,
];
const messagesOf = (text: string) =>
  text.split('\n').flatMap((line) => (line.startsWith('{') ? [(JSON.parse(line) as { msg: string }).msg] : []));

test.each([
  ['comes to its end', '', 0],
  ['says that it ends', 'process.exit(3);', 3],
  ['fails', 'throw new Error("x");', 1],
])('no line is lost when the process %s', async (_, end, code) => {
  const ended = await run(process.execPath, script(`log.info('one'); log.child({}).info('two'); ${end}`), {
    cwd: projectRoot,
  });
  expect(ended.code).toBe(code);
  expect(messagesOf(ended.stderr)).toEqual(['one', 'two']);
});

test('a line is there soon, and a warning at once, with the lines before it', async () => {
  await using process_ = start(
    process.execPath,
    script(`log.info('one'); log.warn('two'); process.stderr.write('{"msg":"between"}\\n'); log.info('three');
      setInterval(() => undefined, 1000);`),
    { cwd: projectRoot },
  );
  await process_.waitFor(/three/);
  expect(messagesOf(process_.stderr())).toEqual(['one', 'two', 'between', 'three']);
});

test('loggers without a stream of their own share what is done at the end of the process', () => {
  createLogger('info');
  const before = process.listenerCount('exit');
  for (let count = 0; count < 20; count++) createLogger('info');
  expect(process.listenerCount('exit')).toBe(before);
});

test('a process whose log nobody reads any more goes on, and ends', async () => {
  const code = `process.on('message', () => { log.warn('to nobody'); log.info('nor this'); process.send('alive'); process.disconnect(); });`;
  const child = spawn(process.execPath, [...script(code)], {
    cwd: projectRoot,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  try {
    child.stderr?.destroy();
    child.send('go on');
    expect(await once(child, 'message')).toEqual(['alive', undefined]);
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});
