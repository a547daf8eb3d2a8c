'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { statSync } = require('node:fs');
const { createInterface } = require('node:readline');

const { Control, SandboxError } = require('./control.cjs');
const { World } = require('./world.cjs');

/** Longer than a start takes, since the command may be one that builds the sandbox first. */
const START_TIMEOUT = 120_000;

const STOP_TIMEOUT = 10_000;

/** How much of the end of standard error is shown. */
const MAX_STDERR_CHARACTERS = 16 * 1024;

/** A running sandbox, and its first world. index.d.cts describes it. */
class Sandbox extends World {
  #process;
  #control;
  #controlToken;

  constructor(process, description, controlToken) {
    const control = new Control(description.url, controlToken, (what, cause) => process.explain(what, cause));
    super(control, description, controlToken);
    this.#process = process;
    this.#control = control;
    this.#controlToken = controlToken;
  }

  get pid() {
    return this.#process.pid;
  }

  get stderr() {
    return this.#process.stderr;
  }

  async world({ seed = 0, fill, frozen } = {}) {
    const description = await this.#control.json('POST', '/worlds', { body: { seed, fill, frozen } });
    return new World(this.#control, description, this.#controlToken);
  }

  close() {
    this.#control.close();
    return this.#process.stop();
  }
}

Sandbox.prototype[Symbol.asyncDispose] = function dispose() {
  return this.close();
};

/** Starts a sandbox on free ports. */
async function startSandbox({ command, args = [] } = {}) {
  const own = ['--stop-with-stdin'];
  if (!args.some((argument) => argument.split('=')[0] === '--keep-bytes')) own.push('--keep-bytes');
  if (!args.includes('--digest')) own.push('--digest');
  const [token, others] = takeControlToken(args);
  let failure;
  for (const [program, ...first] of candidates(command)) {
    try {
      return await start(program, [...first, ...own, ...others], token);
    } catch (error) {
      if (error.cause?.code !== 'ENOENT') throw error;
      failure ??= error;
    }
  }
  if (command ?? process.env.VIMEO_SANDBOX) throw failure;
  throw new SandboxError(
    'no sandbox: install vimeo-sandbox or vimeo on the PATH, or set VIMEO_SANDBOX to the path of one',
  );
}

async function start(program, args, token) {
  const running = await SandboxProcess.spawn(program, args, token);
  try {
    return new Sandbox(running, await running.readyLine(), token);
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** The commands to try, as words. */
function candidates(command) {
  const given = command ?? process.env.VIMEO_SANDBOX;
  if (!given || given.length === 0) return [['vimeo-sandbox'], ['vimeo', 'sandbox']];
  return [Array.isArray(given) ? given : words(given)];
}

/** Splits a command line. A path may contain spaces. */
function words(command) {
  if (statSync(command, { throwIfNoEntry: false })?.isFile()) return [command];
  const found = command.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [];
  return found.map((word) => word.replace(/^(["'])(.*)\1$/s, '$2'));
}

/**
 * Returns the control token, and the arguments without it. It is passed in the environment: a command line can be read by other
 * users, and errors show it.
 */
function takeControlToken(args) {
  const at = args.findIndex((argument) => argument.split('=')[0] === '--control-token');
  const isOneWord = args[at]?.includes('=');
  const token = isOneWord ? args[at].slice(args[at].indexOf('=') + 1) : args[at + 1];
  if (at < 0 || !token) return [process.env.VIMEO_SANDBOX_CONTROL_TOKEN, args];
  return [token, args.filter((_, place) => place < at || place >= at + (isOneWord ? 1 : 2))];
}

/** The process of a sandbox. It ends with its standard input, which ends with this process. */
class SandboxProcess {
  #child;
  #command;
  #ended;
  #stderr = '';

  constructor(child, command) {
    this.#child = child;
    this.#command = command;
    this.#ended = once(child, 'close');
    // Without this, a program that cannot be run would be an unhandled rejection as well.
    this.#ended.catch(() => {});
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_CHARACTERS);
    });
    // A sandbox that has ended already closes its input.
    child.stdin.on('error', () => {});
  }

  static async spawn(program, args, controlToken) {
    const command = [program, ...args].join(' ');
    // Several sandboxes cannot share the port of this variable.
    const { VIMEO_SANDBOX_PORT: _, ...env } = process.env;
    if (controlToken) env.VIMEO_SANDBOX_CONTROL_TOKEN = controlToken;
    const child = spawn(program, args, {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
      // An interrupt from the keyboard is for this process, which still uses the sandbox until it ends.
      detached: process.platform !== 'win32',
    });
    const running = new SandboxProcess(child, command);
    try {
      await once(child, 'spawn');
    } catch (cause) {
      throw new SandboxError(`cannot run ${command}: ${cause.message}`, { cause });
    }
    return running;
  }

  get pid() {
    return this.#child.pid;
  }

  get stderr() {
    return this.#stderr.trim();
  }

  /** Waits for the line that describes the sandbox. From then on, the process does not keep this one from ending. */
  async readyLine() {
    const lines = createInterface({ input: this.#child.stdout });
    let timer;
    const late = new Promise((_, reject) => {
      const seconds = START_TIMEOUT / 1000;
      timer = setTimeout(() => reject(this.explain(`the sandbox was not ready after ${seconds} seconds`)), START_TIMEOUT);
    });
    const ready = new Promise((resolve) => {
      lines.on('line', (line) => line.startsWith('{') && resolve(line));
    });
    const ended = this.#ended.then(() => {
      throw this.explain('the sandbox did not start');
    });
    try {
      const line = await Promise.race([ready, ended, late]);
      const description = JSON.parse(line);
      if (!description.url) throw this.explain(`the command is not a sandbox; it printed ${line.slice(0, 200)}`);
      this.#unref();
      return description;
    } finally {
      clearTimeout(timer);
      // This rejects at the latest when the process ends.
      ended.catch(() => {});
    }
  }

  /** An error with the state of the process and its standard error. */
  explain(what, cause) {
    const { exitCode, signalCode } = this.#child;
    const code = exitCode ?? signalCode;
    const state = code === null ? '' : `; it ended with ${exitCode === null ? 'signal' : 'exit code'} ${code}`;
    return new SandboxError(`${what}${state}\ncommand: ${this.#command}\n${this.stderr}`.trim(), { cause });
  }

  /** Ends the process: by the end of its input, then with a signal. */
  async stop() {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    const timers = ['SIGTERM', 'SIGKILL'].map((signal, place) =>
      setTimeout(() => child.kill(signal), STOP_TIMEOUT * (place + 1)),
    );
    await ended;
    timers.forEach(clearTimeout);
  }

  #unref() {
    for (const handle of [this.#child, this.#child.stdin, this.#child.stdout, this.#child.stderr]) handle.unref();
  }
}

module.exports = { Sandbox, startSandbox };
