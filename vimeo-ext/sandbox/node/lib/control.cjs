'use strict';

const http = require('node:http');

const REQUEST_TIMEOUT = 60_000;

/** The sandbox cannot be started, or its control API refused a request. */
class SandboxError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = 'SandboxError';
  }
}

/** The control API of a running sandbox. */
class Control {
  #url;
  #headers;
  // The sandbox looks up who is at the other end of each new connection, so connections are kept. Idle ones do not keep this
  // process from ending.
  #agent = new http.Agent({ keepAlive: true });

  #explain;

  constructor(url, token, explain) {
    this.#url = url;
    this.#explain = explain;
    this.#headers = token ? { 'X-Sandbox-Control-Token': token } : {};
  }

  /** Sends a request and returns the body of its response. */
  async call(method, path, { query, body } = {}) {
    const url = new URL(`/_sandbox${path}`, this.#url);
    url.search = new URLSearchParams(query).toString();
    const content = body === undefined ? undefined : JSON.stringify(body);
    const { status, received } = await this.#send(method, url, content, true).catch((cause) => {
      const target = `${method} ${url.pathname}${url.search}`;
      throw this.#explain(`${target}: the sandbox does not respond: ${cause.message}`, cause);
    });
    if (status >= 300) {
      throw new SandboxError(`${method} ${url.pathname}${url.search}: ${status}: ${message(received)}`);
    }
    return received;
  }

  /** Sends a request and decodes its response; undefined if that is empty. */
  async json(method, path, options) {
    const received = await this.call(method, path, options);
    return received.length > 0 ? JSON.parse(received.toString()) : undefined;
  }

  /** Closes the connections. */
  close() {
    this.#agent.destroy();
  }

  // Not fetch: not every test environment has it, and tests replace it.
  #send(method, url, content, mayRepeat) {
    return new Promise((resolve, reject) => {
      const options = { method, headers: { ...this.#headers }, agent: this.#agent, timeout: REQUEST_TIMEOUT };
      if (content !== undefined) options.headers['Content-Length'] = Buffer.byteLength(content);
      const request = http.request(url, options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode, received: Buffer.concat(chunks) }));
      });
      request.on('timeout', () => request.destroy(new Error(`no response in ${REQUEST_TIMEOUT / 1000} seconds`)));
      request.on('error', (error) => {
        // The sandbox has closed the connection since the last request, and has not read this one.
        const isClosed = request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code);
        if (isClosed && mayRepeat) resolve(this.#send(method, url, content, false));
        else reject(error);
      });
      request.end(content);
    });
  }
}

function message(received) {
  const text = received.toString();
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text.slice(0, 1000);
  }
}

module.exports = { Control, SandboxError };
