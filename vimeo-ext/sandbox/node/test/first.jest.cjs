// Jest runs these tests in two processes at a time: here and in second.jest.cjs.
const { Vimeo, vimeo_module: vimeo } = require('@vimeo/vimeo');
const { startSandbox } = require('vimeo-sandbox');

let sandbox, world, client;

beforeAll(async () => {
  sandbox = await startSandbox();
  const { hostname, port, protocol } = new URL(sandbox.url);
  Object.assign(vimeo.request_defaults, { hostname, port, protocol });
});

afterAll(() => sandbox.close());

beforeEach(async () => {
  world = await sandbox.world();
  client = new Vimeo(world.clientId, world.clientSecret, world.token);
});

test.each(['one', 'two'])('the world of test %s is empty', async (name) => {
  expect((await client.request('/me/albums')).body.total).toBe(0);
  await client.request({ method: 'POST', path: '/me/albums', query: { name } });
  expect((await client.request('/me/albums')).body.data.map((album) => album.name)).toEqual([name]);
  await world.assertRequested({ path: '/me/albums', times: 3 });
});

test('a fault rejects a request', async () => {
  await world.addFault(503, { path: '/me' });
  await expect(client.request('/me')).rejects.toThrow('error');
  expect((await client.request('/me')).statusCode).toBe(200);
  expect((await world.requests()).map((request) => request.status)).toEqual([503, 200]);
});
