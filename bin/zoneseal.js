#!/usr/bin/env node
// Finds a Node.js that is new enough and runs the program with it. Plain and old-fashioned on purpose: this file itself
// must run on whatever Node.js is on the PATH.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findMain } from './find-main.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = findMain(root);
const needed = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  .engines.node.match(/\d+/g)
  .map(Number);

function isNewEnough(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  return parts[0] > needed[0] || (parts[0] === needed[0] && parts[1] >= needed[1]);
}

/** The Node.js that came with the packages, or undefined. */
function packagedNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = 'node-' + platform + '-' + process.arch;
  try {
    const manifest = createRequire(import.meta.url).resolve(name + '/package.json');
    const program = join(dirname(manifest), 'bin', platform === 'win' ? 'node.exe' : 'node');
    return existsSync(program) && isNewEnough(JSON.parse(readFileSync(manifest, 'utf8')).version) ? program : undefined;
  } catch {
    return undefined;
  }
}

function refuse(reason) {
  process.stderr.write('zoneseal needs Node.js ' + needed.join('.') + ' or newer: ' + reason + '\n');
  process.exitCode = 1;
}

/** Run `program` in our place: same terminal, signals passed on, same end. */
function runWith(program) {
  // The channel carries nothing. It closes when this process dies, however it dies, and so tells the other to stop.
  const child = spawn(program, [main].concat(process.argv.slice(2)), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
  const pass = (signal) => child.kill(signal);
  signals.forEach((signal) => process.on(signal, pass));
  child.on('error', (error) => refuse(program + ' does not run (' + error.message + ')'));
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code;
    } else {
      signals.forEach((one) => process.removeListener(one, pass));
      process.kill(process.pid, signal);
    }
  });
}

if (isNewEnough(process.version)) {
  process.argv[1] = main;
  import(pathToFileURL(main).href).catch((error) => {
    process.stderr.write((error && error.stack) + '\n');
    process.exitCode = 1;
  });
} else {
  const program = packagedNode();
  if (program === undefined) refuse('this is ' + process.version + ', and none came with the packages; install one');
  else runWith(program);
}
