// Tests of the sandbox's process, with node:test.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';

import * as esm from 'vimeo-sandbox';
import { startSandbox } from 'vimeo-sandbox';

const DEADLINE = 60_000;

/** Whether something listens on the port of a URL. */
function listens(url) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(port, hostname, () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

async function waitUntilClosed(url) {
  const end = Date.now() + DEADLINE;
  while (await listens(url)) assert.ok(Date.now() < end, `${url} still listens`);
}

const ENVIRONMENT = { ...process.env };

/** Sets environment variables, or deletes them, for the rest of a test. */
function setVariables(context, variables) {
  const assign = (values) => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  assign(variables);
  const names = Object.keys(variables);
  context.after(() => assign(Object.fromEntries(names.map((name) => [name, ENVIRONMENT[name]]))));
}

test('close stops the process', async () => {
  const sandbox = await startSandbox();
  const world = await sandbox.world();
  assert.ok(await listens(sandbox.url));
  await sandbox.close();
  await sandbox.close();
  assert.equal(await listens(sandbox.url), false);
  const message = /the sandbox does not respond: .*; it ended with exit code 0\ncommand: /;
  await assert.rejects(world.requests(), { name: 'SandboxError', message });
});

test('disposal removes a world and stops a sandbox', async () => {
  const sandbox = await startSandbox();
  const world = await sandbox.world();
  await world[Symbol.asyncDispose]();
  await assert.rejects(world.videos(), /World 2 not found/);
  await sandbox[Symbol.asyncDispose]();
  assert.equal(await listens(sandbox.url), false);
});

test('a forgotten sandbox keeps no process from ending', async () => {
  const script = "import { startSandbox } from 'vimeo-sandbox'; console.log((await startSandbox()).url);";
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: DEADLINE });
  assert.equal(ended.status, 0, ended.stderr);
  await waitUntilClosed(ended.stdout.trim());
});

test('a killed process leaves no sandbox', { skip: process.platform === 'win32' && 'Windows has no such signal' }, async () => {
  const script = "import { startSandbox } from 'vimeo-sandbox'; console.log((await startSandbox()).url); setInterval(() => {}, 1000);";
  const running = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = await new Promise((resolve) => createInterface({ input: running.stdout }).once('line', (line) => resolve([line])));
  assert.ok(await listens(url));
  running.kill('SIGKILL');
  await waitUntilClosed(url);
});

test('a terminated worker thread leaves no sandbox', async () => {
  const script = `
    const { parentPort } = require('node:worker_threads');
    require('vimeo-sandbox').startSandbox().then((sandbox) => parentPort.postMessage(sandbox.url));
    setInterval(() => {}, 1000);
  `;
  const worker = new Worker(script, { eval: true });
  const url = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
  await waitUntilClosed(url);
});

test('the standard error of the sandbox is shown', async () => {
  const broken = [process.execPath, '-e', "console.error('no room'); process.exit(3)", '--'];
  await assert.rejects(startSandbox({ command: broken }), /did not start; it ended with exit code 3\ncommand: .*\nno room/);
  await assert.rejects(startSandbox({ args: ['--no-such-option'] }), /exit code 2\n.*\n.*--no-such-option/s);
  const other = [process.execPath, '-e', "console.log('{}')", '--'];
  await assert.rejects(startSandbox({ command: other }), /the command is not a sandbox; it printed {}/);
});

test('a missing sandbox is an error', async (context) => {
  setVariables(context, { VIMEO_SANDBOX: 'no-such-sandbox --proxy' });
  await assert.rejects(startSandbox(), { name: 'SandboxError', message: /cannot run no-such-sandbox --proxy/ });
  setVariables(context, { VIMEO_SANDBOX: undefined, PATH: '/nowhere' });
  await assert.rejects(startSandbox(), /no sandbox: install vimeo-sandbox or vimeo on the PATH, or set VIMEO_SANDBOX/);
});

test('the command comes from an option or the path', { skip: process.platform === 'win32' && 'it is a shell script' }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'a folder '));
  context.after(() => rmSync(folder, { recursive: true }));
  const script = join(folder, 'vimeo');
  const real = process.env.VIMEO_SANDBOX;
  writeFileSync(script, `#!/bin/sh\ntest "$1" = sandbox || exit 9\nshift\necho "$@" >&2\nexec '${real}' "$@"\n`);
  chmodSync(script, 0o755);
  setVariables(context, { VIMEO_SANDBOX: undefined, PATH: `${folder}:/usr/bin:/bin` });
  for (const [options, said] of [
    [{}, '--stop-with-stdin --keep-bytes --digest'],
    [{ command: `"${script}" sandbox`, args: ['--seed', '7'] }, '--stop-with-stdin --keep-bytes --digest --seed 7'],
    [{ args: [`--keep-bytes=${folder}/bytes`, '--digest'] }, `--stop-with-stdin --keep-bytes=${folder}/bytes --digest`],
  ]) {
    const sandbox = await startSandbox(options);
    await sandbox.close();
    assert.equal(sandbox.stderr, said);
  }
});

test('the control token of the environment is used', async (context) => {
  // The port is one that several sandboxes cannot share.
  setVariables(context, { VIMEO_SANDBOX_CONTROL_TOKEN: 'open-sesame', VIMEO_SANDBOX_PORT: '1' });
  const one = await startSandbox();
  assert.equal(one.env.VIMEO_SANDBOX_CONTROL_TOKEN, 'open-sesame');
  assert.deepEqual(await one.requests(), []);
  const other = await startSandbox({ args: ['--control-token', 'another'] });
  assert.equal((await other.world()).env.VIMEO_SANDBOX_CONTROL_TOKEN, 'another');
  await Promise.all([one.close(), other.close()]);
});

test('errors do not show the control token', async () => {
  for (const given of [['--control-token', 'open-sesame'], ['--control-token=open-sesame']]) {
    const failure = await startSandbox({ args: [...given, '--no-such-option', '--proxy'] }).catch((error) => error);
    assert.match(failure.message, /command: .* --proxy\n/);
    assert.ok(!inspect(failure).includes('open-sesame'));
    const missing = await startSandbox({ command: 'no-such-sandbox', args: given }).catch((error) => error);
    assert.equal(missing.cause.code, 'ENOENT');
    assert.ok(!inspect(missing).includes('open-sesame'));
    const sandbox = await startSandbox({ args: given });
    assert.equal(sandbox.env.VIMEO_SANDBOX_CONTROL_TOKEN, 'open-sesame');
    assert.deepEqual(await sandbox.requests(), []);
    await sandbox.close();
  }
});

test('both module systems have the same package', () => {
  const cjs = createRequire(import.meta.url)('vimeo-sandbox');
  assert.deepEqual(Object.keys(cjs).sort(), ['Sandbox', 'SandboxError', 'World', 'startSandbox']);
  for (const name of Object.keys(cjs)) assert.equal(esm[name], cjs[name]);
});

test('a closed connection is replaced', async () => {
  const script = `
    const server = require('node:http').createServer((request, response) => {
      console.error(request.url);
      // Without saying so.
      response.on('finish', () => request.socket.destroySoon());
      response.end(JSON.stringify({ now: '2026-01-01T00:00:00Z' }));
    });
    server.listen(0, '127.0.0.1', () => {
      console.log(JSON.stringify({ url: \`http://127.0.0.1:\${server.address().port}/\`, world: 1 }));
    });
    process.stdin.on('end', () => process.exit()).resume();
  `;
  const sandbox = await startSandbox({ command: [process.execPath, '-e', script, '--'] });
  for (let number = 0; number < 20; number += 1) assert.equal((await sandbox.now()).getUTCFullYear(), 2026);
  await sandbox.close();
  assert.deepEqual(sandbox.stderr.split('\n'), Array(20).fill('/_sandbox/clock?world=1'));
});
