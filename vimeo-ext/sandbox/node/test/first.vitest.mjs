// Vitest runs these tests in two processes at a time: here and in second.vitest.mjs.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { startSandbox } from 'vimeo-sandbox';

import { clientOf, statusOf } from './client.mjs';
import { CONTENT, film } from './film.mjs';

let sandbox, world, client;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(() => sandbox.close());

beforeEach(async () => {
  world = await sandbox.world();
  client = clientOf(world);
});

test.each(['one', 'two'])('the world of test %s is empty', async (name) => {
  expect(await world.videos()).toEqual([]);
  const uri = await client.upload(film(), { name }, () => {});
  expect((await world.videos()).map((video) => video.name)).toEqual([name]);
  expect(await world.uploadBytes(uri)).toEqual(CONTENT);
});

test('a fault rejects a request', async () => {
  await world.addFault(503, { path: '/me' });
  expect(await statusOf(client, '/me')).toBe(503);
  expect(await statusOf(client, '/me')).toBe(200);
});
