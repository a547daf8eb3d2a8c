/// <reference types="node" />

/** The sandbox cannot be started, or its control API refused a request. */
export class SandboxError extends Error {}

/** One of the sandbox's two hosts. To a client they are different servers. */
export type Host = 'api' | 'upload';

/** What a fault does. A number is a status. */
export type Effect =
  | number
  | 'reset'
  | 'stall'
  | 'lose_upload'
  | { status: number }
  | { html_error: number }
  | { body: [status: number, mediaType: string, text: string] }
  | { truncate: number }
  | { dribble: { bytes: number; every_ms?: number } }
  | { wrong_shape: string }
  | { unknown_value: string }
  | { wrong_offset: number };

/** When a fault takes effect: before the request is processed, after it, or after this many bytes of its body. */
export type Phase = 'before' | 'after_commit' | { mid_body: number };

/** How an upload becomes playable. Times are in seconds of the world's clock; `by_hand` waits for `finishTranscode`. */
export type Transcode =
  | 'immediate'
  | 'by_hand'
  | { after: number }
  | { after_reads: number }
  | { fails_after: number };

/** Predefined content: none, a few videos and folders, the same with mutated responses, or 10,000 videos. */
export type Fixture = 'empty' | 'small' | 'mutated' | 'large';

/** How responses differ from the API description. */
export type Mutation = 'old' | 'new' | 'fuzz';

/** A video by its ID or by its URI, such as `/videos/123`. */
export type VideoReference = number | string;

/** Which requests are meant. What is left out matches all. */
export interface RequestMatch {
  method?: string;
  /** A prefix of the path. */
  path?: string;
  /** Vimeo's name of the operation, such as `get_video`. */
  operation?: string;
  host?: Host;
}

export interface FaultOptions extends RequestMatch {
  /** The first matching request to hit, counted from 1. Default: 1. */
  nth?: number;
  /** How many requests are hit. Default: 1. */
  times?: number;
  /** Default: `before`. */
  phase?: Phase;
}

/** Requests that should be in the request log: at least one, if no number is given. */
export interface Expectation extends RequestMatch {
  status?: number;
  times?: number;
  atLeast?: number;
  atMost?: number;
}

/** One request in the request log. Headers that carry secrets are left out. */
export interface LoggedRequest {
  seq: number;
  in_world: number;
  world: number | null;
  host: Host;
  method: string;
  path: string;
  query: string;
  operation: string | null;
  status: number | null;
  token: string | null;
  headers: Record<string, string>;
  has_authorization: boolean;
  body_length: number;
  answered_offset: number | null;
  fault: number | null;
  near: string | null;
  unknown_parameters?: string[];
}

/** A request that a fault hit. `seq` is that of the request. */
export interface FaultHit {
  fault: number;
  seq: number;
  world: number | null;
  phase: Phase;
  effect: Exclude<Effect, number>;
}

/** A fault that waits for requests. */
export interface PendingFault {
  fault: number;
  waits: { match: RequestMatch & { world?: number; nth?: number }; times: number; phase: Phase; effect: Exclude<Effect, number> };
}

/** An upload. `video` is the URI of its video. */
export interface Upload {
  video: string;
  size: number | null;
  received: number;
  complete: boolean;
  sha256: string | null;
}

/** A video, as the sandbox's page shows it. */
export interface Video {
  id: number;
  uri: string;
  name: string;
  created: string;
  status: string;
  privacy: string;
  size: number | null;
  received: number;
  has_file: boolean;
}

/** An attempt to deliver an event to a webhook. */
export interface Delivery {
  url: string;
  status: number | null;
  error: string | null;
}

/** An event and its deliveries. */
export interface VimeoEvent {
  id: number;
  kind: string;
  resource: string;
  at: string;
  given: Record<string, unknown>;
  deliveries: Delivery[];
}

export interface RateLimitOptions {
  /** Requests per window without `fields`. */
  plain: number;
  /** Requests per window with `fields`. */
  withFields: number;
  /** In seconds. Default: 60. */
  window?: number;
  /** The format of the headers. Default: `iso`. */
  headers?: 'iso' | 'unix' | 'absent';
  /** Default: the world's token. */
  token?: string;
}

/** How much of a rate limit is used, and when its window ends. */
export interface RateLimitWindow {
  used: number;
  reset: string | null;
}

/** The rate limit of a world's token. */
export interface RateLimit {
  world: number;
  limit: { plain: number; with_fields: number; window: number; headers: 'iso' | 'unix' | 'absent' };
  plain: RateLimitWindow;
  with_fields: RateLimitWindow;
}

export interface WorldOptions {
  /** Worlds of the same seed give the same responses to the same requests. Default: 0. */
  seed?: number;
  /** Content to fill the world with. */
  fill?: Fixture;
  /** The time at which the clock stands still. Default: it starts like the clock of the first world. */
  frozen?: Date;
}

export interface SandboxOptions {
  /**
   * A path, a command line, or its words. Default: the environment variable `VIMEO_SANDBOX`, or `vimeo-sandbox` or
   * `vimeo sandbox` on the `PATH`.
   */
  command?: string | string[];
  /** More arguments, such as `--proxy`. */
  args?: string[];
}

/**
 * An independent state of a sandbox, with its own token, user, videos, clock, faults and request log. Times are in seconds.
 */
export class World {
  protected constructor();
  /** The number of the world, as in the request log. */
  readonly id: number;
  /** The base URL of the API, such as `http://127.0.0.1:40123/`. */
  readonly url: string;
  /** The base URL of the upload host, which upload links point to. */
  readonly uploadUrl: string;
  /** The https base URL, if the sandbox was started with `--https`. */
  readonly httpsUrl: string | null;
  /** The URL of the proxy, if the sandbox was started with `--proxy`. */
  readonly proxyUrl: string | null;
  /** The path of the certificate authority for https and the proxy. */
  readonly caFile: string | null;
  /** An access token of the first user. It is obviously fake. */
  readonly token: string;
  /** The client ID of the app. */
  readonly clientId: string;
  /** The client secret of the app. */
  readonly clientSecret: string;
  /** The ID of the app, as in `/apps/{app_id}`. */
  readonly appId: number;
  /** The ID of the first user, as in `/users/{user_id}`. */
  readonly userId: number;
  /** Environment variables for a program that uses this world. */
  readonly env: Record<string, string>;

  /** Returns the requests of this world so far, on both hosts, in order of arrival. */
  requests(): Promise<LoggedRequest[]>;
  /** Removes the requests of this world from the request log. */
  clearRequests(): Promise<void>;
  /** Throws unless the request log has requests that meet all conditions. The error lists requests that fail only one. */
  assertRequested(expected: Expectation): Promise<void>;

  /** Makes the next matching requests of this world fail, and returns the number of the fault. */
  addFault(effect: Effect, options?: FaultOptions): Promise<number>;
  /** Returns the faults of this world that still wait for a request. */
  pendingFaults(): Promise<PendingFault[]>;
  /** Returns the requests of this world that faults hit, in order. */
  faultHits(): Promise<FaultHit[]>;
  /** Removes the pending faults of this world. */
  clearFaults(): Promise<void>;

  /** Returns the time of the world's clock. */
  now(): Promise<Date>;
  /** Stops the clock, at this time or at the present, and returns its time. */
  freeze(at?: Date): Promise<Date>;
  /** Sets the clock, which keeps moving or stays frozen, and returns its time. */
  setTime(to: Date): Promise<Date>;
  /** Advances the clock and returns its time. What is due happens at once: transcoding ends, links expire. */
  advance(seconds: number): Promise<Date>;
  /** Lets a frozen clock move again, and returns its time. */
  resume(): Promise<Date>;

  /** Adds predefined content and returns the number of videos added. */
  fill(fixture: Fixture): Promise<number>;
  /** Adds this many playable videos of the first user, and returns their number. */
  fillVideos(count: number): Promise<number>;
  /** Adds content by the steps of a fixture in TOML, and returns the number of videos added. */
  fillToml(text: string): Promise<number>;
  /**
   * Returns the world to its beginning, with `keepAccounts` except for users and tokens. Also removes its pending faults and its
   * requests from the request log.
   */
  reset(options?: { keepAccounts?: boolean }): Promise<void>;
  /** Returns the newest 200 videos, newest first. */
  videos(): Promise<Video[]>;

  /** Returns the uploads, with the number of received bytes and the SHA-256 of completed ones. */
  uploads(): Promise<Upload[]>;
  /** Returns the bytes of a video's completed upload. */
  uploadBytes(video: VideoReference): Promise<Buffer>;
  /** Sets how later uploads become playable. At the beginning, that is two seconds after the last byte. */
  setTranscode(rule: Transcode): Promise<void>;
  /** Sets the outcome of uploads that Vimeo fetches: success, or an `upload.error` such as `remote_not_found`. */
  setPull(error: string | null): Promise<void>;
  /** Makes responses differ from the API description, or match it. */
  setMutation(mutation: Mutation | null): Promise<void>;
  /** Completes the transcoding of a completed upload. */
  finishTranscode(video: VideoReference): Promise<void>;
  /** Fails the transcoding of a completed upload. */
  failTranscode(video: VideoReference): Promise<void>;
  /** Discards the upload of a video: its link answers 404 from now on. */
  loseUpload(video: VideoReference): Promise<void>;

  /** Sets how many requests a token may send per window, and starts a new window. */
  setRateLimit(limit: RateLimitOptions): Promise<void>;
  /** Returns the rate limit of the world's token, and how much of it is used. */
  rateLimit(): Promise<RateLimit>;

  /** Returns the events so far, once they have been delivered to webhooks or their delivery has failed. */
  events(): Promise<VimeoEvent[]>;
  /**
   * Triggers an event such as `video-updated` for a resource, or for the newest video, and returns its number. The payload is
   * merged into the webhook's body. `events` waits for the delivery.
   */
  trigger(event: string, options?: { resource?: string; payload?: Record<string, unknown> }): Promise<number>;
  /** Delivers an event again. */
  resend(event: number): Promise<void>;

  /**
   * Removes the world: its token and links become invalid. A second call does nothing. The first world of a sandbox cannot be
   * removed.
   */
  remove(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A running sandbox, and its first world. */
export class Sandbox extends World {
  private constructor();
  /** The ID of the process that was started. */
  readonly pid: number;
  /** The end of what the sandbox has written to standard error. */
  readonly stderr: string;
  /** Adds an independent world. */
  world(options?: WorldOptions): Promise<World>;
  /** Stops the sandbox and waits for its end. A second call does nothing. */
  close(): Promise<void>;
}

/**
 * Starts a sandbox on free ports. It stores the bytes of uploads in a temporary folder and stops when this process ends, however
 * it ends.
 */
export function startSandbox(options?: SandboxOptions): Promise<Sandbox>;
