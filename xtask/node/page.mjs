// The sandbox's page in a browser: an upload appears and plays, a fault is armed and hit, hostile text stays text.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

const { CHROMIUM, SAMPLE, SANDBOX, SCREENSHOTS, VIMEO } = process.env;
const folder = await mkdtemp(join(tmpdir(), 'page-'));

// The sandbox ends with this process.
const sandbox = spawn(SANDBOX, ['--keep-bytes', join(folder, 'bytes')], { stdio: ['ignore', 'pipe', 'inherit'] });
const line = await new Promise((done) => {
  createInterface(sandbox.stdout).once('line', (text) => done(JSON.parse(text)));
});
process.env.VIMEO_BASE_URL = line.url;
const { check, run } = await import('./steps.mjs');

const browser = await chromium.launchPersistentContext(join(folder, 'profile'), {
  executablePath: CHROMIUM,
  headless: true,
  viewport: { width: 1280, height: 900 },
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
  ],
});
const page = await browser.newPage();
const problems = [];
page.on('pageerror', (error) => problems.push(String(error)));
page.on('dialog', (dialog) => { problems.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()); });

/** Runs the command against the sandbox; gives its exit code. */
function vimeo(...args) {
  const env = {
    PATH: process.env.PATH, HOME: folder, XDG_STATE_HOME: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config'),
    VIMEO_BASE_URL: line.url, VIMEO_ACCESS_TOKEN: line.token,
  };
  return spawnSync(VIMEO, args, { env, encoding: 'utf8' });
}

const card = (name) => page.locator('#video-list li').filter({ hasText: name });
const requests = (text) => page.locator('.request').filter({ hasText: text });
const HOSTILE = '<img src=x onerror=alert(1)>';

await run([
  ['open', async () => {
    const response = await page.goto(line.url);
    check(response.headers()['content-type'].startsWith('text/html'), 'the page is not HTML');
    await page.getByText('Connected', { exact: true }).waitFor();
    const api = await fetch(line.url, { headers: { authorization: `bearer ${line.token}` } });
    check(api.status === 200 && api.headers.get('content-type').includes('json'), 'API clients no longer get the API');
  }],
  ['an upload appears and plays', async () => {
    const uploaded = vimeo('upload', SAMPLE, '--name', 'Surf');
    check(uploaded.status === 0, uploaded.stderr);
    await card('Surf').waitFor();
    await requests('/me/videos').first().waitFor();
    await page.getByRole('button', { name: '+1 minute' }).click();
    await card('Surf').getByText('available').waitFor();
    const played = await card('Surf').locator('video').evaluate(async (video) => {
      video.muted = true;
      await video.play();
      await new Promise((done, fail) => {
        video.ontimeupdate = () => { if (video.currentTime > 0.2) done(); };
        video.onerror = () => fail(new Error(video.error?.message));
      });
      video.pause();
      return { time: video.currentTime, width: video.videoWidth };
    });
    check(played.time > 0.2 && played.width > 0, played);
    const part = await fetch(new URL(`_sandbox/videos/${(await card('Surf').getAttribute('data-key'))}/file`, line.url), {
      headers: { range: 'bytes=4-7' },
    });
    check(part.status === 206 && (await part.text()) === 'ftyp', `a range gave ${part.status}`);
  }],
  ['the address that the command prints leads to the video', async () => {
    const small = await browser.newPage();
    await small.setViewportSize({ width: 360, height: 500 });
    for (const name of ['Beach', 'Dunes', 'Waves']) check(vimeo('upload', SAMPLE, '--name', name).status === 0, name);
    const id = await card('Surf').getAttribute('data-key');
    const shown = vimeo('videos', 'links', id);
    check(shown.stdout.includes(`page\t${line.url}#videos/${id}\n`), shown.stdout + shown.stderr);
    await small.goto(`${line.url}#videos/${id}`);
    const marked = small.locator('#video-list li[aria-current]');
    await marked.filter({ hasText: 'Surf' }).waitFor();
    await small.waitForFunction(() => {
      const card = document.querySelector('#video-list li[aria-current]');
      const { top, bottom } = card.getBoundingClientRect();
      return document.activeElement === card && top >= 0 && bottom <= innerHeight;
    });
    const other = await page.locator('#video-list li').filter({ hasText: 'Waves' }).getAttribute('data-key');
    await small.evaluate((next) => { location.hash = `#worlds/1/videos/${next}`; }, other);
    await marked.filter({ hasText: 'Waves' }).waitFor();
    check((await marked.count()) === 1, 'several videos are marked');
    await small.evaluate(() => { location.hash = '#videos/1'; });
    await small.getByText('Video 1 is not among').waitFor();
    check((await marked.count()) === 0, 'another video is marked');
    await small.close();
  }],
  ['a fault is armed and hit', async () => {
    await page.locator('#fault-form select[name=effect]').selectOption('status:503');
    await page.locator('#fault-form input[name=path]').fill('/users');
    await page.getByRole('button', { name: 'Arm' }).click();
    await page.locator('#fault-list li').waitFor();
    const failed = await fetch(new URL('users/1', line.url), { headers: { authorization: `bearer ${line.token}` } });
    check(failed.status === 503, `returned ${failed.status}`);
    const row = requests('/users/1').first();
    await row.locator('.code', { hasText: '503' }).waitFor();
    await row.locator('summary').press('Enter');
    await row.getByText('fault', { exact: true }).waitFor();
    await row.getByText('Something went wrong').waitFor();
    await page.locator('#fault-list li').waitFor({ state: 'detached' });
  }],
  ['an unknown path shows the closest operation', async () => {
    await fetch(new URL('me/vidoes', line.url), { headers: { authorization: `bearer ${line.token}` } });
    const row = requests('/me/vidoes').first();
    await row.locator('summary').click();
    await row.getByText('closest operation').waitFor();
  }],
  ['hostile text stays text', async () => {
    const edited = await fetch(new URL('me/videos?fields=uri,password', line.url), {
      method: 'POST',
      headers: { authorization: `bearer ${line.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: HOSTILE, upload: { approach: 'tus', size: 10 }, password: 'hunter2' }),
    });
    check(edited.ok, `returned ${edited.status}`);
    await card(HOSTILE).waitFor();
    // The query tells this row from those of the uploads before it, which can be there sooner.
    const row = requests('/me/videos?fields=uri,password').first();
    // The page fills in the bodies of a request when its row is opened.
    await row.locator('summary').click();
    await row.getByText('"password"').first().waitFor();
    check((await page.locator('#video-list img, #request-list img').count()) === 0, 'the name became markup');
    check(!(await page.content()).includes('hunter2'), 'the page shows a password');
  }],
  ['webhooks and the rate limit', async () => {
    await page.locator('#event-kinds').selectOption('video-updated');
    await page.getByRole('button', { name: 'Trigger' }).click();
    await page.locator('#event-list li').filter({ hasText: 'video-updated' }).first().waitFor();
    await page.locator('#limit-form input[name=plain]').fill('7');
    await page.locator('#limit-form input[name=with_fields]').fill('9');
    await page.getByRole('button', { name: 'Set limit' }).click();
    await page.locator('#limits td', { hasText: /^7$/ }).waitFor();
    await page.getByRole('button', { name: 'Freeze' }).click();
    await page.getByText('frozen', { exact: true }).waitFor();
  }],
  ['a request is copied as code that names no file', async () => {
    await browser.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(line.url).origin });
    await fetch(new URL('me/likes?copied=1', line.url), { method: 'POST', body: '@/etc/hostname' });
    const row = requests('copied=1').first();
    await row.locator('summary').click();
    await row.getByRole('button', { name: 'curl' }).click();
    await page.getByText('Copied.').waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    check(copied.includes("--data-raw '@/etc/hostname'"), copied);
  }],
  ['a sandbox that was started again shows its own requests only', async () => {
    const start = async (port) => {
      const started = spawn(SANDBOX, ['--port', port], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ready = await new Promise((done) => {
        createInterface(started.stdout).once('line', (text) => done(JSON.parse(text)));
      });
      return { started, ready };
    };
    const first = await start('0');
    const { url, token } = first.ready;
    const get = (path) => fetch(new URL(path, url), { headers: { authorization: `bearer ${token}` } });
    const other = await browser.newPage();
    await other.goto(url);
    await other.getByText('Connected', { exact: true }).waitFor();
    for (const path of ['me?first=1', 'me?first=2']) await get(path);
    await other.locator('.request').filter({ hasText: 'first=2' }).waitFor();
    await new Promise((done) => { first.started.once('exit', done).kill(); });
    await other.getByText('Disconnected').waitFor();
    const second = await start(new URL(url).port);
    await get('me?second=1');
    await other.locator('.request').filter({ hasText: 'second=1' }).waitFor();
    check((await other.locator('.request').count()) === 1, await other.locator('#request-list').innerText());
    await other.close();
    second.started.kill();
  }],
  ['closed to other origins', async () => {
    const other = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<title>other</title>'));
    await new Promise((done) => other.listen(0, '127.0.0.1', done));
    const stranger = await browser.newPage();
    await stranger.goto(`http://127.0.0.1:${other.address().port}/`);
    const reads = await stranger.evaluate(async (base) => {
      const read = async (path) => {
        try {
          return (await fetch(new URL(path, base), { headers: { accept: 'text/html' } })).status;
        } catch {
          return 'refused';
        }
      };
      return [await read('_sandbox/worlds'), await read('_sandbox/page/page.js'), await read('')];
    }, line.url);
    check(reads.every((status) => status === 'refused' || status === 403), reads);
    await stranger.close();
    other.close();
  }],
  ['keyboard, narrow and dark', async () => {
    problems.splice(0, problems.length, ...problems.filter((problem) => !problem.includes('503')));
    await page.keyboard.press('Tab');
    check(await page.evaluate(() => document.activeElement !== document.body), 'nothing has the focus');
    for (const [width, scheme] of [[360, 'light'], [1280, 'light'], [360, 'dark'], [1280, 'dark']]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: scheme });
      const needed = await page.evaluate(() => document.documentElement.scrollWidth);
      check(needed <= width, `${needed} px wide at ${width}`);
      await page.screenshot({ path: join(SCREENSHOTS, `page-${width}-${scheme}.png`), fullPage: true });
    }
    check(problems.length === 0, problems);
  }],
  ['close', async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  }],
]);
