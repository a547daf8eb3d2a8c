// The sandbox's login page in a browser: a user accepts, rejects, and uses an unregistered redirect URI.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

const { CHROMIUM, SANDBOX } = process.env;
const app = createServer((_, response) => response.end('back'));
await new Promise((done) => app.listen(0, '127.0.0.1', done));
const home = `http://127.0.0.1:${app.address().port}/callback`;

// The address that the app registers is known only now. The sandbox ends with this process.
const sandbox = spawn(SANDBOX, ['--redirect-uri', home], { stdio: ['ignore', 'pipe', 'inherit'] });
const line = await new Promise((done) => {
  createInterface(sandbox.stdout).once('line', (text) => done(JSON.parse(text)));
});
const { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, url: VIMEO_BASE_URL } = line;
process.env.VIMEO_BASE_URL = VIMEO_BASE_URL;
const { check, run } = await import('./steps.mjs');

const profile = await mkdtemp(join(tmpdir(), 'authorize-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: CHROMIUM,
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});
const page = await browser.newPage();

function ask(redirect) {
  const url = new URL('oauth/authorize', VIMEO_BASE_URL);
  url.search = new URLSearchParams({
    response_type: 'code', client_id: CLIENT_ID, redirect_uri: redirect, scope: 'public private edit', state: 's&t',
  });
  return page.goto(url.href);
}

async function decide(button) {
  await ask(home);
  check((await page.locator('li').allTextContents()).join() === 'public,private,edit', 'other scopes are shown');
  await page.getByRole('button', { name: button }).click();
  await page.waitForURL((url) => url.href.startsWith(home));
  const back = new URL(page.url()).searchParams;
  check(back.get('state') === 's&t', `the state came back as ${back.get('state')}`);
  return back;
}

await run([
  ['accept', async () => {
    const code = (await decide('Accept')).get('code');
    const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: home });
    const authorization = `basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}`;
    const response = await fetch(new URL('oauth/access_token', VIMEO_BASE_URL), {
      method: 'POST', body, headers: { authorization },
    });
    const grant = await response.json();
    check(response.status === 200 && grant.scope === 'public private edit', grant);
  }],
  ['reject', async () => {
    const back = await decide('Reject');
    check(back.get('error') === 'access_denied' && !back.has('code'), back.toString());
  }],
  ['wrong redirect', async () => {
    const response = await ask(`${home}/elsewhere`);
    check(response.status() === 400, `returned ${response.status()}`);
    check((await page.getByRole('button').count()) === 0, 'there is something to click');
    check(page.url().startsWith(VIMEO_BASE_URL), 'the user was sent away');
  }],
  ['close', async () => {
    await browser.close();
    await rm(profile, { recursive: true });
    app.close();
  }],
]);
