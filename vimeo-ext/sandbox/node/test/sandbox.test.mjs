// Tests of a program that uses @vimeo/vimeo, with node:test.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { SandboxError, World, startSandbox } from 'vimeo-sandbox';

import { clientOf, statusOf } from './client.mjs';
import { CONTENT, film } from './film.mjs';

const file = film();
let sandbox, world, client;

before(async () => {
  sandbox = await startSandbox();
});

after(() => sandbox.close());

beforeEach(async () => {
  world = await sandbox.world();
  client = clientOf(world);
});

test('uploads and edits a video', async () => {
  const uri = await client.upload(file, { name: 'Surf' }, () => {});
  assert.equal((await client.call('PATCH', uri, { name: 'Swell' })).name, 'Swell');

  assert.deepEqual(await world.uploadBytes(uri), CONTENT);
  const sha256 = createHash('sha256').update(CONTENT).digest('hex');
  const size = CONTENT.length;
  assert.deepEqual(await world.uploads(), [{ video: uri, size, received: size, complete: true, sha256 }]);
  const [video] = await world.videos();
  assert.deepEqual([video.uri, video.name, video.has_file], [uri, 'Swell', true]);
  const hosts = new Set((await world.requests()).map((request) => request.host));
  assert.deepEqual([...hosts].sort(), ['api', 'upload']);
});

test('a fault hits only the matching requests', async () => {
  const fault = await world.addFault(503, { method: 'GET', path: '/me', nth: 2, times: 2 });
  const statuses = [];
  for (let number = 0; number < 4; number += 1) statuses.push(await statusOf(client, '/me'));
  assert.deepEqual(statuses, [200, 503, 503, 200]);
  const hits = await world.faultHits();
  assert.deepEqual(hits.map((hit) => [hit.fault, hit.effect]), [[fault, { status: 503 }], [fault, { status: 503 }]]);
  const hit = (await world.requests()).filter((request) => request.fault === fault);
  assert.deepEqual(hit.map((request) => request.seq), hits.map((one) => one.seq));

  await world.addFault({ html_error: 502 }, { phase: 'after_commit' });
  assert.equal((await world.pendingFaults()).length, 1);
  await world.clearFaults();
  assert.deepEqual(await world.pendingFaults(), []);
  await assert.rejects(world.addFault(503, { operation: 'get_me' }), { name: 'SandboxError', message: /unknown operation/ });
});

test('a fault leaves other worlds alone', async () => {
  const other = await sandbox.world();
  await other.addFault(503);
  assert.equal(await statusOf(client, '/me'), 200);
  await world.clearFaults();
  assert.equal((await other.pendingFaults()).length, 1);
  await other.remove();
  await other.remove();
  assert.equal(await statusOf(clientOf(other), '/me'), 401);
});

const seen = new Set();

for (const name of ['first', 'second']) {
  test(`each test has a new world: the ${name} one`, async () => {
    assert.equal((await client.call('GET', '/me/videos')).total, 0);
    assert.equal((await world.requests()).length, 1);
    seen.add(await client.upload(file, { name }, () => {}));
    assert.deepEqual((await world.videos()).map((video) => video.name), [name]);
    // Worlds of one seed have the same IDs, whatever happened before.
    assert.equal(seen.size, 1);
  });
}

test('assertions on requests name near misses', async () => {
  await statusOf(client, '/videos/404404404');
  await world.assertRequested({ method: 'GET', path: '/videos/', status: 404, times: 1, host: 'api' });
  await world.assertRequested({ operation: 'get_video', atLeast: 1, atMost: 1 });
  await world.assertRequested({ method: 'DELETE', times: 0 });
  const missing = world.assertRequested({ method: 'DELETE', path: '/videos/404404404' });
  await assert.rejects(missing, { name: 'AssertionError', message: /; 0 requests match\nnear: GET \/videos\/404404404: method/ });
  await world.clearRequests();
  assert.deepEqual(await world.requests(), []);
});

test('the clock decides when a video is playable', async () => {
  const then = new Date('2026-01-01T00:00:00Z');
  assert.deepEqual([await world.freeze(then), await world.now()], [then, then]);
  const uri = await client.upload(file, {}, () => {});
  assert.equal((await client.call('GET', uri)).status, 'transcoding');
  assert.deepEqual(await world.advance(60), new Date('2026-01-01T00:01:00Z'));
  assert.equal((await client.call('GET', uri)).status, 'available');
  assert.deepEqual(await world.setTime(new Date('2027-01-01T00:00:00Z')), new Date('2027-01-01T00:00:00Z'));
  assert.ok(await world.resume() >= new Date('2027-01-01T00:00:00Z'));
  assert.equal((await world.freeze()).getUTCFullYear(), 2027);
});

test('transcoding ends by hand', async () => {
  await world.setTranscode('by_hand');
  const one = await client.upload(file, {}, () => {});
  const other = await client.upload(file, {}, () => {});
  await world.finishTranscode(one);
  await world.failTranscode(other);
  assert.equal((await client.call('GET', one)).status, 'available');
  assert.equal((await client.call('GET', other)).status, 'transcoding_error');
});

test('lost uploads, pulls and mutations', async () => {
  const created = await client.call('POST', '/me/videos', { upload: { approach: 'tus', size: 10 } });
  await world.loseUpload(created.uri);
  const head = await fetch(created.upload.upload_link, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } });
  assert.equal(head.status, 404);

  await world.setTranscode('immediate');
  await world.setPull('remote_not_found');
  const upload = { approach: 'pull', link: 'http://127.0.0.1/film.mp4' };
  const { uri } = await client.call('POST', '/me/videos', { upload });
  await world.advance(60);
  assert.equal((await client.call('GET', uri)).upload.status, 'error');
  await world.setPull(null);

  const plain = await client.call('GET', '/me');
  await world.setMutation('fuzz');
  assert.notDeepEqual(await client.call('GET', '/me'), plain);
  await world.setMutation(null);
  assert.deepEqual(await client.call('GET', '/me'), plain);
});

test('rate limits are per window', async () => {
  await world.freeze();
  await world.setRateLimit({ plain: 1, withFields: 5, window: 30 });
  assert.equal(await statusOf(client, '/me'), 200);
  assert.equal(await statusOf(client, '/me'), 429);
  const { plain, with_fields, limit } = await world.rateLimit();
  assert.deepEqual([plain.used, with_fields.used, limit.window], [1, 0, 30]);
  await world.advance(30);
  assert.equal(await statusOf(client, '/me'), 200);
});

test('worlds are filled and reset', async () => {
  assert.equal(await world.fillVideos(2), 2);
  const added = await world.fill('small');
  assert.equal((await client.call('GET', '/me/videos')).total, 2 + added);
  await world.reset({ keepAccounts: true });
  assert.equal((await client.call('GET', '/me/videos')).total, 0);
  assert.equal((await world.requests()).length, 1);
  await world.reset();
  assert.equal(await statusOf(client, '/me'), 200);
  const frozen = new Date('2026-05-04T00:00:00Z');
  const other = await sandbox.world({ seed: 7, fill: 'small', frozen });
  assert.deepEqual([(await other.videos()).length, await other.now()], [added, frozen]);
});

test('events reach webhooks', async (context) => {
  const received = [];
  const receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => { text += chunk; });
    request.on('end', () => {
      received.push(JSON.parse(text));
      response.end();
    });
  });
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  context.after(() => receiver.close());
  const webhook_url = `http://127.0.0.1:${receiver.address().port}/hook`;
  await client.call('POST', `/apps/${world.appId}/webhooks`, { webhook_type: 'video-updated', webhook_url });
  const number = await world.trigger('video-updated', { resource: '/videos/1', payload: { more: true } });
  const deliveries = async () => (await world.events()).find((event) => event.id === number).deliveries;
  assert.deepEqual((await deliveries()).map((delivery) => delivery.status), [200]);
  await world.resend(number);
  assert.equal((await deliveries()).length, 2);
  assert.deepEqual(received.map((body) => body.more), [true, true]);
});

test('the sandbox is a world too', async () => {
  assert.ok(sandbox instanceof World && sandbox.id === 1 && world.id > 1);
  assert.equal(sandbox.url, world.url);
  assert.notEqual(sandbox.token, world.token);
  assert.equal(world.env.VIMEO_ACCESS_TOKEN, world.token);
  assert.notEqual(world.uploadUrl, world.url);
  assert.deepEqual([world.httpsUrl, world.proxyUrl, world.caFile], [null, null, null]);
  await assert.rejects(sandbox.remove(), SandboxError);
  assert.throws(() => world.uploadBytes('/users/1'), /not the ID or the URI of a video/);
});
