'use strict';

const { AssertionError } = require('node:assert');

/** An independent state of a sandbox. index.d.cts describes it. */
class World {
  #control;
  #description;
  #controlToken;
  #isRemoved = false;

  constructor(control, description, controlToken) {
    this.#control = control;
    this.#description = description;
    this.#controlToken = controlToken;
  }

  get id() {
    return this.#description.world;
  }

  get url() {
    return this.#description.url;
  }

  get uploadUrl() {
    return this.#description.upload_url;
  }

  get httpsUrl() {
    return this.#description.https_url ?? null;
  }

  get proxyUrl() {
    return this.#description.proxy_url ?? null;
  }

  get caFile() {
    return this.#description.ca_file ?? null;
  }

  get token() {
    return this.#description.token;
  }

  get clientId() {
    return this.#description.client_id;
  }

  get clientSecret() {
    return this.#description.client_secret;
  }

  get appId() {
    return this.#description.app_id;
  }

  get userId() {
    return this.#description.user_id;
  }

  get env() {
    const variables = {
      VIMEO_BASE_URL: this.url,
      VIMEO_ACCESS_TOKEN: this.token,
      VIMEO_CLIENT_ID: this.clientId,
      VIMEO_CLIENT_SECRET: this.clientSecret,
      VIMEO_SANDBOX_URL: this.url,
    };
    if (this.#controlToken) variables.VIMEO_SANDBOX_CONTROL_TOKEN = this.#controlToken;
    return variables;
  }

  // The request log

  async requests() {
    const lines = (await this.#call('GET', '/requests')).toString().split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  }

  async clearRequests() {
    await this.#call('DELETE', '/requests');
  }

  async assertRequested({ atLeast, atMost, ...conditions }) {
    const expected = { ...conditions, at_least: atLeast, at_most: atMost, world: this.id };
    const { met, unmet } = await this.#control.json('POST', '/requests/verify', { body: { expect: [expected] } });
    if (met) return;
    const [{ expected: wanted, seen, near }] = unmet;
    const lines = [`expected ${JSON.stringify(wanted)}; ${seen} requests match`, ...near.map((line) => `near: ${line}`)];
    throw new AssertionError({ message: lines.join('\n'), stackStartFn: this.assertRequested });
  }

  // Faults

  async addFault(effect, { times = 1, phase = 'before', ...match } = {}) {
    const body = {
      match: { ...match, world: this.id },
      times,
      phase,
      effect: typeof effect === 'number' ? { status: effect } : effect,
    };
    return (await this.#control.json('POST', '/faults', { body })).fault;
  }

  async pendingFaults() {
    return (await this.#json('GET', '/faults')).waiting;
  }

  async faultHits() {
    return (await this.#json('GET', '/faults/fired')).fired;
  }

  async clearFaults() {
    await this.#call('DELETE', '/faults');
  }

  // The clock

  async now() {
    return new Date((await this.#json('GET', '/clock')).now);
  }

  freeze(at) {
    return this.#setClock({ freeze: at ?? true });
  }

  setTime(to) {
    return this.#setClock({ set: to });
  }

  advance(seconds) {
    return this.#setClock({ advance: seconds });
  }

  resume() {
    return this.#setClock({ resume: true });
  }

  // Content

  fill(fixture) {
    return this.#seed(fixture);
  }

  fillVideos(count) {
    return this.#seed({ videos: count });
  }

  fillToml(text) {
    return this.#seed({ fixture: text });
  }

  async reset({ keepAccounts = false } = {}) {
    await this.#call('POST', '/reset', undefined, keepAccounts ? { keep: 'accounts' } : {});
  }

  async videos() {
    return (await this.#json('GET', '/videos')).videos;
  }

  // Uploads

  async uploads() {
    return (await this.#json('GET', '/uploads')).uploads;
  }

  uploadBytes(video) {
    return this.#call('GET', `/videos/${idOf(video)}/file`);
  }

  async setTranscode(rule) {
    await this.#change({ transcode: rule });
  }

  async setPull(error) {
    await this.#change({ pull: error === null ? 'succeeds' : { fails: error } });
  }

  async setMutation(mutation) {
    await this.#change({ mutation });
  }

  async finishTranscode(video) {
    await this.#change({ video: idOf(video), to: 'available' });
  }

  async failTranscode(video) {
    await this.#change({ video: idOf(video), to: 'transcode_failed' });
  }

  async loseUpload(video) {
    await this.#change({ video: idOf(video), to: 'upload_lost' });
  }

  // Rate limits

  async setRateLimit({ plain, withFields, window = 60, headers = 'iso', token = this.token }) {
    await this.#call('POST', '/limits', { plain, with_fields: withFields, window, headers, token });
  }

  rateLimit() {
    return this.#json('GET', '/limits');
  }

  // Events

  async events() {
    return (await this.#json('GET', '/events', undefined, { wait: 'true' })).events;
  }

  async trigger(event, { resource, payload = {} } = {}) {
    return (await this.#json('POST', '/trigger', { event, resource, payload })).event;
  }

  async resend(event) {
    await this.#call('POST', `/events/${event}/resend`);
  }

  async remove() {
    if (this.#isRemoved) return;
    await this.#control.call('DELETE', `/worlds/${this.id}`);
    this.#isRemoved = true;
  }

  #call(method, path, body, query) {
    return this.#control.call(method, path, { body, query: { world: this.id, ...query } });
  }

  #json(method, path, body, query) {
    return this.#control.json(method, path, { body, query: { world: this.id, ...query } });
  }

  async #setClock(change) {
    return new Date((await this.#json('POST', '/clock', change)).now);
  }

  async #seed(fixture) {
    return (await this.#json('POST', '/seed', fixture)).videos;
  }

  #change(transition) {
    return this.#call('POST', '/transitions', transition);
  }
}

// Without this, `await using` cannot be compiled for versions of Node that lack the symbol.
Symbol.asyncDispose ??= Symbol('Symbol.asyncDispose');

World.prototype[Symbol.asyncDispose] = function dispose() {
  return this.remove();
};

/** The ID of a video, from a number or a URI such as `/videos/123` or `/videos/123:hash`. */
function idOf(video) {
  const [, id] = /^(?:\/videos\/)?(\d+)(?::.*)?$/.exec(String(video)) ?? [];
  if (id === undefined) throw new TypeError(`${JSON.stringify(video)} is not the ID or the URI of a video`);
  return Number(id);
}

module.exports = { World };
