// The connector's page for the operator in a browser, with `vimeo serve` and the sandbox: an API key opens it, an account logs in, is
// disabled and disconnected, hostile text stays text, and a limited key sees its own accounts only.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

const { CHROMIUM, SANDBOX, SCREENSHOTS, VIMEO } = process.env;
const HOSTILE = '<img src=x onerror=alert(1)>';
const folder = await mkdtemp(join(tmpdir(), 'connector-page-'));

/** Calls `read` with the lines of a stream until it returns something. The rest of the stream is dropped. */
function firstOf(stream, read) {
  return new Promise((done) => {
    createInterface(stream).on('line', (line) => {
      const found = read(line);
      if (found !== undefined) done(found);
    });
  });
}

// Both end with this process.
const sandbox = spawn(SANDBOX, [], { stdio: ['ignore', 'pipe', 'inherit'] });
const vimeo = await firstOf(sandbox.stdout, JSON.parse);
process.env.VIMEO_BASE_URL = vimeo.url;
const { check, run } = await import('./steps.mjs');
await writeFile(join(folder, 'accounts.key'), randomBytes(32).toString('base64'), { mode: 0o600 });
const env = {
  PATH: process.env.PATH, HOME: folder, XDG_STATE_HOME: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config'),
  VIMEO_BASE_URL: vimeo.url, VIMEO_CLIENT_ID: vimeo.client_id, VIMEO_CLIENT_SECRET: vimeo.client_secret,
  VIMEO_KEY_FILE: join(folder, 'accounts.key'),
};

/** Runs `vimeo serve keys`; gives its standard output. */
function keys(...args) {
  const ran = spawnSync(VIMEO, ['serve', 'keys', ...args], { env, encoding: 'utf8' });
  check(ran.status === 0, ran.stderr);
  return ran.stdout;
}

function serve(...args) {
  const service = spawn(VIMEO, ['serve', '--listen', '127.0.0.1:0', ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  process.on('exit', () => service.kill());
  return firstOf(service.stderr, (line) => line.match(/^listening on (\S+)$/)?.[1]);
}

const all = JSON.parse(keys('create', 'operator', '--json')).key;
const home = await serve();

/** Calls the service as another program does. */
async function call(method, path, body) {
  const response = await fetch(new URL(path, home), {
    method, headers: { authorization: `Bearer ${all}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body),
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

const browser = await chromium.launchPersistentContext(join(folder, 'profile'), {
  executablePath: CHROMIUM,
  headless: true,
  viewport: { width: 1280, height: 900 },
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});
const problems = [];
function watch(watched) {
  watched.on('pageerror', (error) => problems.push(String(error)));
  watched.on('dialog', (dialog) => { problems.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  // The browser reports responses with an error status; the steps expect those of wrong keys and absent accounts.
  watched.on('console', (message) => {
    if (message.type() === 'error' && !/status of (401|404|409)/.test(message.text())) problems.push(message.text());
  });
  return watched;
}
const page = watch(await browser.newPage());
const entry = (identifier, on = page) => on.locator('#account-list > li').filter({ has: on.getByText(identifier, { exact: true }) });
const inEntry = (identifier, button) => entry(identifier).getByRole('button', { name: `${button} ${identifier}`, exact: true });

async function unlock(on, key) {
  await on.getByLabel('API key', { exact: true }).fill(key);
  await on.getByRole('button', { name: 'Open' }).click();
}

async function picture(name, on = page) {
  await on.screenshot({ path: join(SCREENSHOTS, `connector-page-${name}.png`), fullPage: true });
}

await run([
  ['closed without a key', async () => {
    await call('PUT', '/v1/accounts/secret-person');
    const response = await page.goto(home);
    check(response.headers()['content-security-policy'].startsWith("default-src 'none'"), 'the policy is missing');
    await page.getByLabel('API key', { exact: true }).waitFor();
    check(!await page.locator('main').isVisible(), 'the page is open');
    check(!(await page.content()).includes('secret-person'), 'the page has data');
    await picture('closed');
  }],
  ['a wrong key says so', async () => {
    for (const wrong of ['wrong', vimeo.token, all.slice(0, -1), 'schlüssel']) {
      await unlock(page, wrong);
      await page.locator('#unlock-error', { hasText: 'The API key is wrong' }).waitFor();
      check(!await page.locator('main').isVisible(), `${wrong} opened the page`);
    }
  }],
  ['open and list', async () => {
    await unlock(page, all);
    await page.getByText('API key: operator').waitFor();
    await entry('secret-person').getByText('pending').waitFor();
    await page.locator('#live', { hasText: 'live' }).waitFor();
    check(page.url() === `${home}/`, page.url());
    check(!(await page.content()).includes(all), 'the key is in the document');
    await page.reload();
    await entry('secret-person').waitFor();
  }],
  ['an account logs in, and the page shows it at once', async () => {
    await page.locator('#connect-form').getByLabel('Identifier').fill('user 7');
    await page.locator('#connect-form').getByLabel('Scopes').fill('public private edit upload');
    await page.getByRole('button', { name: 'Create a link' }).click();
    await entry('user 7').getByText('pending').waitFor();
    const [login] = await Promise.all([
      browser.waitForEvent('page'), page.getByRole('link', { name: 'Log in at Vimeo' }).click(),
    ]);
    check((await login.locator('li').allTextContents()).join() === 'public,private,edit,upload', 'other scopes are asked for');
    check(await login.evaluate(() => window.opener === null && document.referrer === ''), 'the login sees the page');
    await login.getByRole('button', { name: 'Accept' }).click();
    await login.getByText('is connected').waitFor();
    await login.close();
    await entry('user 7').getByText('active').waitFor();
    await entry('user 7').getByText('/users/').waitFor();
    await page.locator('#change-list li').filter({ hasText: 'user 7' }).filter({ hasText: 'active' }).waitFor();
    check(!await page.locator('#link').isVisible(), 'the used link is still shown');
  }],
  ['verify, refresh, disable and enable', async () => {
    for (const action of ['Verify', 'Refresh']) {
      const answered = page.waitForResponse((response) => response.url().endsWith(`/${action.toLowerCase()}`));
      await inEntry('user 7', action).click();
      check((await answered).status() === 200, action);
    }
    await inEntry('user 7', 'Disable').click();
    await entry('user 7').getByText('disabled', { exact: true }).waitFor();
    check((await call('POST', '/v1/accounts/user%207/tools/vimeo_me_get', {})).status === 409, 'it still makes calls');
    await inEntry('user 7', 'Enable').click();
    await entry('user 7').getByText('active').waitFor();
  }],
  ['limits, uploads and errors appear', async () => {
    check((await call('POST', '/v1/accounts/user%207/tools/vimeo_me_get', {})).status === 200, 'the tool failed');
    check((await call('POST', '/v1/accounts/user%207/tools/vimeo_video_get', { video_id: '404404' })).status === 404, 'no error');
    const token = await call('POST', '/v1/accounts/user%207/upload-tokens', { max_uploads: 3, video: { name: HOSTILE } });
    const begun = await fetch(token.body.upload_url, { method: 'POST', headers: { 'tus-resumable': '1.0.0', 'upload-length': '5000000' } });
    check(begun.status === 201, `the upload was answered with ${begun.status}`);
    await page.locator('#limit-list li').filter({ hasText: 'user 7' }).getByText('calls left').first().waitFor();
    await page.locator('#upload-list li').filter({ hasText: 'user 7' }).getByText('5.0 MB').waitFor();
    const row = page.locator('#token-list li').filter({ hasText: 'user 7' });
    await row.getByText('2 of 3 left').waitFor();
    const error = page.locator('#error-list li').filter({ hasText: '404 not_found' });
    await error.getByText('user 7').waitFor();
    await error.getByText('POST /v1/accounts/{identifier}/tools/{name}').waitFor();
  }],
  ['hostile text stays text', async () => {
    check((await call('PUT', `/v1/accounts/${encodeURIComponent(HOSTILE)}`)).status === 200, 'the account was not created');
    keys('create', HOSTILE);
    await entry(HOSTILE).waitFor();
    await page.locator('#key-list').getByText(HOSTILE).waitFor();
    await page.locator('#token-list').getByText(HOSTILE).waitFor();
    check((await page.locator('img').count()) === 0, 'text became markup');
    await picture('1280-light');
  }],
  ['a disconnect asks first', async () => {
    await inEntry(HOSTILE, 'Disconnect').click();
    await page.getByRole('dialog').getByText(HOSTILE).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    check((await call('GET', `/v1/accounts/${encodeURIComponent(HOSTILE)}`)).status === 200, 'it was disconnected without an answer');
    await inEntry(HOSTILE, 'Disconnect').click();
    await picture('dialog');
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    await entry(HOSTILE).waitFor({ state: 'detached' });
    await page.locator('#change-list li').filter({ hasText: 'disconnected' }).waitFor();
    check((await call('GET', `/v1/accounts/${encodeURIComponent(HOSTILE)}`)).status === 404, 'it is still there');
  }],
  ['filters and pages', async () => {
    for (let number = 10; number < 70; number += 1) await call('PUT', `/v1/accounts/many-${number}`);
    await page.locator('#account-filter').getByLabel('Status').selectOption('active');
    await entry('secret-person').waitFor({ state: 'detached' });
    check((await page.locator('#account-list > li').count()) === 1, 'other accounts than the active one are shown');
    await page.locator('#account-filter').getByLabel('Status').selectOption('');
    await page.getByText('50, and more').waitFor();
    await page.getByRole('button', { name: 'Show more accounts' }).click();
    await page.locator('#account-count', { hasText: '62' }).waitFor();
    await page.locator('#account-filter').getByLabel('Identifier, exact').fill('many-33');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await entry('many-10').waitFor({ state: 'detached' });
    check((await page.locator('#account-list > li').count()) === 1, 'other accounts than the one are shown');
    await page.locator('#account-filter').getByLabel('Identifier, exact').fill('user 7');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await entry('user 7').waitFor();
  }],
  ['an upload token is revoked', async () => {
    await page.locator('#token-list').getByRole('button', { name: 'Revoke a token of user 7' }).click();
    await page.locator('#token-list li').waitFor({ state: 'detached' });
  }],
  ['a limited key sees its own accounts, until it is revoked', async () => {
    const limited = JSON.parse(keys('create', 'limited', '--accounts', 'many-10,many-11', '--routes', 'accounts', '--json'));
    const tab = watch(await browser.newPage());
    await tab.goto(home);
    // Another tab has no key.
    await unlock(tab, limited.key);
    await entry('many-10', tab).waitFor();
    check((await tab.locator('#account-list > li').count()) === 2, 'it sees more than its accounts');
    for (const section of ['#errors', '#uploads', '#keys']) check(!await tab.locator(section).isVisible(), `${section} is shown`);
    await picture('limited', tab);
    keys('revoke', limited.id);
    await tab.locator('#unlock-error', { hasText: 'was revoked' }).waitFor();
    check(!await tab.locator('main').isVisible() && !(await tab.content()).includes('many-10'), 'what it showed is still there');
    await tab.close();
  }],
  ['a service without the page', async () => {
    const other = await serve('--no-page');
    check((await fetch(other)).status === 404, 'there is a page');
  }],
  ['keyboard, narrow and dark', async () => {
    await page.keyboard.press('Tab');
    check(await page.evaluate(() => document.activeElement !== document.body), 'nothing has the focus');
    for (const [width, scheme] of [[360, 'light'], [1280, 'dark'], [360, 'dark']]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: scheme });
      const needed = await page.evaluate(() => document.documentElement.scrollWidth);
      check(needed <= width, `${needed} px wide at ${width}`);
      await picture(`${width}-${scheme}`);
    }
    check(problems.length === 0, problems);
  }],
  ['the key is forgotten', async () => {
    await page.getByRole('button', { name: 'Forget the API key' }).click();
    await page.getByLabel('API key', { exact: true }).waitFor();
    check(!(await page.content()).includes('user 7'), 'what it showed is still there');
    check(await page.evaluate(() => sessionStorage.length === 0 && localStorage.length === 0), 'the key is still stored');
    await page.reload();
    await page.getByLabel('API key', { exact: true }).waitFor();
  }],
  ['close', async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  }],
]);
