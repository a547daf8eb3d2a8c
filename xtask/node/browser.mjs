// The scenario in Chromium: a page of another origin makes videos with `fetch` and uploads with tus-js-client or Uppy, in the
// version that PACKAGE names. Nothing stands between the page and the two hosts of the sandbox.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

import { check, run } from './steps.mjs';

const { CHROMIUM, FILM, PACKAGE, VIMEO_ACCESS_TOKEN, VIMEO_BASE_URL } = process.env;
const CHUNK = 50000;
const film = await readFile(FILM);
const uppy = PACKAGE === '@uppy/tus';

/** The text of the library, as a page includes it. tus-js-client is published as a script of its own, Uppy in modules. */
async function library() {
  if (!uppy) return readFile(join(import.meta.dirname, 'node_modules', PACKAGE, 'dist/tus.min.js'));
  const contents = `import Uppy from '@uppy/core'; import Tus from '@uppy/tus'; Object.assign(window, { Uppy, Tus });`;
  const bundle = await build({
    stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, format: 'iife', write: false, logLevel: 'error',
  });
  return bundle.outputFiles[0].contents;
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>An uploader</title>
<script src="/library.js"></script><script src="/uploader.js"></script>`;
const files = new Map([
  ['/', ['text/html', PAGE]],
  ['/library.js', ['text/javascript', await library()]],
  ['/uploader.js', ['text/javascript', await readFile(join(import.meta.dirname, 'uploader.js'))]],
  ['/film.mp4', ['video/mp4', film]],
  ['/favicon.ico', ['image/x-icon', '']],
]);
const site = createServer((request, answer) => {
  const [type, content] = files.get(request.url) ?? ['text/plain', 'not found'];
  answer.writeHead(files.has(request.url) ? 200 : 404, { 'content-type': type }).end(content);
});
await new Promise((done) => site.listen(0, '127.0.0.1', done));

const profile = await mkdtemp(join(tmpdir(), 'uploader-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: CHROMIUM,
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});
const page = await browser.newPage();
const problems = [];
page.on('pageerror', (error) => problems.push(String(error)));
await page.goto(`http://127.0.0.1:${site.address().port}/`);
await page.evaluate((options) => { window.options = options; }, {
  base: VIMEO_BASE_URL, token: VIMEO_ACCESS_TOKEN, chunk: CHUNK, uppy,
});

/** Calls a function of uploader.js in the page. */
const inPage = (name, ...values) => page.evaluate(([name, values]) => window[name](...values), [name, values]);
const ends = Array.from({ length: Math.ceil(film.length / CHUNK) }, (_, chunk) => (
  Math.min((chunk + 1) * CHUNK, film.length)
));

async function checkComplete(video) {
  const { body } = await inPage('call', 'GET', `${video}?fields=upload.status`);
  check(body.upload.status === 'complete', body);
}

const made = [];
async function create() {
  const { status, body } = await inPage('call', 'POST', '/me/videos', {
    name: 'Surf', upload: { approach: 'tus', size: film.length },
  });
  check(status === 200, `answered ${status}`);
  made.push(body.uri);
  const link = body.upload.upload_link;
  check(new URL(link).origin !== new URL(VIMEO_BASE_URL).origin, 'the upload host is the API itself');
  return link;
}

await run([
  ['log in', async () => {
    const { status, body, headers } = await inPage('call', 'GET', '/me?fields=uri');
    check(status === 200 && body.uri, body);
    check(Number(headers['x-ratelimit-limit']) > 0, 'the page cannot read the rate limit');
  }],
  ['get', async () => {
    const { status, body } = await inPage('call', 'GET', '/videos/404404404');
    check(status === 404 && body.error, body);
  }],
  ['upload', async () => {
    const offsets = await inPage('send', await create());
    // A fault changes where the chunks after it end.
    check(offsets.at(-1) === film.length, offsets);
    await checkComplete(made.at(-1));
  }],
  ['resume', async () => {
    const link = await create();
    const before = await inPage('send', link, { stopAfterChunk: true });
    check(before.join() === String(CHUNK), before);
    // Another page knows only the link.
    await page.evaluate(() => localStorage.clear());
    const after = await inPage('send', link);
    check(after.join() === ends.slice(1).join(), after);
    await checkComplete(made.at(-1));
  }],
  ['override', async () => {
    const offsets = await inPage('send', await create(), { overridePatchMethod: true });
    check(offsets.join() === ends.join(), offsets);
    await checkComplete(made.at(-1));
  }],
  ['edit', async () => {
    const { status, body } = await inPage('call', 'PATCH', made[0], { name: 'Swell' });
    check(status === 200 && body.name === 'Swell', body);
  }],
  ['delete', async () => {
    for (const video of made) {
      const { status } = await inPage('call', 'DELETE', video);
      check(status === 204, `answered ${status}`);
    }
    check(problems.length === 0, problems);
    await browser.close();
    await rm(profile, { recursive: true });
    site.close();
  }],
]);
