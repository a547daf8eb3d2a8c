// The example of the README, run by node:test.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { film } from './film.mjs';

test('the example of the README passes', () => {
  const readme = readFileSync(new URL(import.meta.resolve('vimeo-sandbox/package.json')).pathname.replace('package.json', 'README.md'), 'utf8');
  const [[, example], ...others] = readme.matchAll(/^```js\n(.*?)^```/gms);
  assert.equal(others.length, 0);
  const script = new URL('example-of-the-readme.mjs', import.meta.url);
  writeFileSync(script, example);
  // Without the variable, node does not run tests in a test.
  const { NODE_TEST_CONTEXT: _, ...env } = { ...process.env, FILM: film() };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--test-reporter=tap', script.pathname], { env, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^# pass 2$/m);
});
