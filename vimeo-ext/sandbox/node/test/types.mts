// Compiled, not run: a program that uses every member, and mistakes that do not compile.
import { Sandbox, SandboxError, World, startSandbox } from 'vimeo-sandbox';
import type { Effect, Expectation, FaultHit, LoggedRequest, SandboxOptions, Transcode } from 'vimeo-sandbox';

const options: SandboxOptions = { command: ['vimeo', 'sandbox'], args: ['--proxy'] };
await using sandbox: Sandbox = await startSandbox(options);
const world: World = await sandbox.world({ seed: 7, fill: 'small', frozen: new Date() });
const first: World = sandbox;
const texts: string[] = [world.url, world.uploadUrl, world.token, world.clientId, world.clientSecret, sandbox.stderr];
const numbers: number[] = [world.id, world.appId, world.userId, sandbox.pid];
const optional: (string | null)[] = [world.httpsUrl, world.proxyUrl, world.caFile];
const env: NodeJS.ProcessEnv = { ...process.env, ...world.env };

const requests: LoggedRequest[] = await world.requests();
const query: string | undefined = requests[0]?.query;
const expected: Expectation = { method: 'GET', host: 'api', status: 200, atLeast: 1, atMost: 2 };
await world.assertRequested(expected);
await world.clearRequests();

const effects: Effect[] = [503, 'reset', { dribble: { bytes: 1 } }, { body: [200, 'text/plain', 'hello'] }];
for (const effect of effects) await world.addFault(effect, { operation: 'get_video', nth: 2, phase: { mid_body: 10 } });
const hits: FaultHit[] = await world.faultHits();
const waiting: number | undefined = (await world.pendingFaults())[0]?.waits.match.nth;
await world.clearFaults();

const times: Date[] = [
  await world.now(),
  await world.freeze(),
  await world.freeze(new Date()),
  await world.setTime(new Date()),
  await world.advance(2.5),
  await world.resume(),
];
const counts: number[] = [await world.fill('large'), await world.fillVideos(2), await world.fillToml('')];
await world.reset({ keepAccounts: true });
const uri: string | undefined = (await world.videos())[0]?.uri;
const sha256: string | null | undefined = (await world.uploads())[0]?.sha256;
const bytes: Buffer = await world.uploadBytes('/videos/1');
const rules: Transcode[] = ['by_hand', { after: 1 }, { after_reads: 2 }];
for (const rule of rules) await world.setTranscode(rule);
await world.setPull(null);
await world.setMutation('fuzz');
for (const change of [world.finishTranscode, world.failTranscode, world.loseUpload]) await change.call(world, 1);
await world.setRateLimit({ plain: 1, withFields: 2, window: 30, headers: 'unix' });
const used: number = (await world.rateLimit()).plain.used;
const event: number = await world.trigger('video-updated', { resource: '/videos/1', payload: { more: true } });
await world.resend(event);
const status: number | null | undefined = (await world.events())[0]?.deliveries[0]?.status;
await world.remove();
await world[Symbol.asyncDispose]();
await sandbox.close();
const failure: Error = new SandboxError('no');
void [first, texts, numbers, optional, env, query, hits, waiting, times, counts, uri, sha256, bytes, used, status, failure];

// @ts-expect-error: there is no such effect.
await world.addFault('explode');
// @ts-expect-error: a world is made by a sandbox.
new World();
// @ts-expect-error: both limits are needed.
await world.setRateLimit({ plain: 1 });
// @ts-expect-error: there is no such fixture.
await sandbox.world({ fill: 'huge' });
// @ts-expect-error: a world is not the process.
await world.close();
