//! The two hosts: every request is written to the journal, meets its fault, and is answered.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use url::Url;

use crate::doors::ports::Ports;
use crate::drift::Drift;
use crate::errors::{ApiError, INVALID, StartError};
use crate::faults::{Effect, Faults, Fired, Phase, Target, alter, notation};
use crate::journal::{Host, Journal, Line, bearer, fingerprint};
use crate::links::Place;
use crate::persistence::{self, Read as Kept, StateError};
use crate::server::Connection;
use crate::start::check;
use crate::world::handle::World;
use crate::world::reach::Reach;
use crate::world::registry::{Cell, Origin, Worlds};
use crate::world::seed::{LARGE, Seed, SeedError};
use crate::{api, control, doors, fixture, tus};

/// What both hosts work on.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) worlds: Arc<Worlds>,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    /// Where signed links lead, without a closing slash.
    pub(crate) upload_base: String,
    pub(crate) addresses: Addresses,
    /// Worlds that have a port of their own.
    pub(crate) ports: Ports,
    /// Where those ports are, and what runs behind them.
    pub(crate) listen: IpAddr,
    pub(crate) one_host: bool,
    pub(crate) runtime: tokio::runtime::Handle,
}

/// Where the sandbox is met.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) api: Url,
    pub(crate) upload: Url,
    pub(crate) https: Option<Url>,
    pub(crate) proxy: Option<Url>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) unix: Option<PathBuf>,
}

/// Lets one request name its own fault.
const FAULT: HeaderName = HeaderName::from_static("x-sandbox-fault");

impl Shared {
    /// Makes a world; tokens that look real or cannot be sent and scopes that Vimeo does not have are refused.
    pub(crate) fn new_world(self: &Arc<Self>, mut origin: Origin) -> Result<Arc<Cell>, StartError> {
        check(&origin.tokens)?;
        let port = origin.port;
        if port.is_some() && origin.tokens.is_empty() {
            // Whoever comes by a port has the first world's token.
            origin.tokens = self.worlds.first().map(|first| first.origin().tokens).unwrap_or_default();
        }
        let cell = self.worlds.add(origin).map_err(StartError::TokenTwice)?;
        if let Some(port) = port
            && let Err(error) = self.open_port(cell.id, port)
        {
            self.end_world(cell.id);
            return Err(error);
        }
        Ok(cell)
    }

    /// Ends a world and drops what is remembered of it; `false` when it has ended already.
    pub(crate) fn end_world(&self, world: u64) -> bool {
        let ends = self.worlds.remove(world).is_some();
        self.ports.close(world);
        self.forget(world);
        ends
    }

    /// Where the API of a world is.
    pub(crate) fn url_of(&self, world: u64) -> Url {
        self.ports.url(world).unwrap_or_else(|| self.addresses.api.clone())
    }

    /// The worlds that a connection leads to.
    pub(crate) fn reach(&self, connection: &Connection) -> Reach<'_> {
        match connection.own() {
            Some(own) => Reach::only(&self.worlds, self.worlds.get(own.world)),
            None => Reach::all(&self.worlds),
        }
    }

    /// Fills a world; answers how many videos came.
    pub(crate) fn fill(&self, cell: &Arc<Cell>, seed: &Seed) -> Result<usize, SeedError> {
        let count = || cell.look().0.videos.len();
        let before = count();
        let world = World::new(Arc::clone(cell));
        match seed {
            Seed::Empty => {}
            Seed::Small => fixture::run(self, cell, fixture::SMALL)?,
            Seed::Drifted => {
                fixture::run(self, cell, fixture::SMALL)?;
                world.set_drift(Some(Drift::Fuzz));
            }
            Seed::Large => drop(world.seed_videos(LARGE)),
            Seed::Videos(videos) => drop(world.seed_videos(*videos)),
            Seed::Fixture(text) => fixture::run(self, cell, text)?,
        }
        Ok(count().saturating_sub(before))
    }

    /// Drops what is remembered of a world beside its state.
    pub(crate) fn forget(&self, world: u64) {
        self.journal.forget(world);
        self.faults.clear_world(world);
    }

    /// The world that a request belongs to by its port, its token or its link.
    fn world_of(&self, host: Host, parts: &http::request::Parts, connection: &Connection) -> Option<u64> {
        match host {
            Host::Api if connection.own().is_some() => connection.own().map(|own| own.world),
            Host::Api => self.worlds.of(bearer(&parts.headers)?).map(|cell| cell.id),
            Host::Upload => Place::parse(parts.uri.path()).map(|place| place.world),
        }
    }

    pub(crate) fn export_state(&self) -> Result<Vec<u8>, StateError> {
        for cell in self.worlds.all() {
            let uploads = cell.look().0.uploads();
            uploads.iter().for_each(|upload| upload.catch_up());
        }
        let written = self.worlds.hold_all(|held| persistence::document(held));
        written.map_err(|source| StateError::Unreadable { place: "the state".to_owned(), source })
    }

    pub(crate) fn import_state(self: &Arc<Self>, document: &[u8]) -> Result<usize, StateError> {
        let place = "the document";
        let worlds = persistence::understood(persistence::read(document, place)?, place)?;
        let count = worlds.len();
        for Kept { id, clock, origin, state } in worlds {
            let restored = self.worlds.restore(id, clock, origin, state);
            restored.map_err(|token| StateError::TokenTaken(fingerprint(&token)))?;
        }
        // The sandbox that wrote it may still have its ports.
        self.open_ports(true).map_err(|error| StateError::NoPort(error.to_string()))?;
        Ok(count)
    }
}

/// More than any request to the API is; files go to the other host.
const MOST_BODY: usize = 16 * 1024 * 1024;

pub(crate) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// The routes of the API's host, with what controls the sandbox itself beside the API.
pub(crate) fn api_router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(api_host).with_state(shared)
}

pub(crate) fn upload_router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(upload_host).with_state(shared)
}

/// Both hosts behind one address: signed links are told by their path, which the API has nothing like.
pub(crate) fn shared_router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(either_host).with_state(shared)
}

async fn either_host(
    shared: State<Arc<Shared>>,
    connection: Extension<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let named = request.uri().host().or_else(|| request.headers().get(header::HOST)?.to_str().ok());
    let upload = named.is_some_and(|host| doors::is_upload(host.split(':').next().unwrap_or_default()))
        || Place::parse(request.uri().path()).is_some();
    match upload {
        true => upload_host(shared, connection, request).await,
        false => api_host(shared, connection, request).await,
    }
}

/// A request in the course of being answered.
pub(crate) struct Exchange {
    pub(crate) parts: http::request::Parts,
    pub(crate) line: Line,
    pub(crate) connection: Connection,
    fault: Option<Fired>,
}

impl Exchange {
    fn begin(
        shared: &Shared,
        host: Host,
        parts: http::request::Parts,
        connection: Connection,
    ) -> Result<Self, Box<Response<Body>>> {
        let line = shared.journal.begin(host, &parts);
        if let (Some(own), Host::Api) = (connection.own(), host) {
            line.in_world(own.world);
        }
        let fault =
            match parts.headers.get(&FAULT).map(|text| notation::header(text.to_str().unwrap_or_default())) {
                Some(Ok((effect, phase))) => Some(shared.faults.at_once(effect, phase, line.seq())),
                Some(Err(message)) => {
                    line.note(|entry| entry.status = Some(400));
                    let message = format!("X-Sandbox-Fault: {message}.");
                    let error = ApiError::new(StatusCode::BAD_REQUEST, None, "No such fault.", message);
                    return Err(Box::new(api::refusal(&error)));
                }
                None if shared.faults.waiting() == 0 => None,
                None => {
                    let path = parts.uri.path();
                    let operation =
                        (host == Host::Api).then(|| api::operation_name(&parts.method, path)).flatten();
                    let world = shared.world_of(host, &parts, &connection);
                    let target = Target { host, method: &parts.method, path, operation, world };
                    shared.faults.meet(&target, line.seq())
                }
            };
        if let Some(fired) = &fault {
            line.note(|entry| entry.fault = Some(fired.fault));
        }
        Ok(Self { parts, line, connection, fault })
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.fault.as_ref().map(|fault| fault.phase)
    }

    pub(crate) fn effect(&self) -> Option<&Effect> {
        self.fault.as_ref().map(|fault| &fault.effect)
    }

    /// How many bytes of the body may be taken before the fault strikes.
    pub(crate) fn strikes_at(&self) -> Option<u64> {
        match self.phase() {
            Some(Phase::MidBody(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// What the fault answers in place of the true answer; `None` when it only alters that, or does nothing here.
    pub(crate) async fn strike(&self) -> Option<Response<Body>> {
        match self.effect()? {
            Effect::Status(status) => Some(with_status(*status)),
            Effect::Html(status) => Some(html(*status)),
            Effect::Body(status, media, body) => Some(with_body(*status, media, body)),
            Effect::Reset => {
                self.connection.cut();
                Some(Response::new(Body::empty()))
            }
            Effect::Stall => std::future::pending().await,
            Effect::Truncate(_)
            | Effect::Dribble { .. }
            | Effect::WrongShape(_)
            | Effect::UnknownWord(_)
            | Effect::WrongOffset(_)
            | Effect::LoseUpload => None,
        }
    }

    /// Ends the exchange: the fault's last chance, then the journal.
    async fn end(self, response: Response<Body>) -> Response<Body> {
        let response = match self.phase() {
            Some(Phase::AfterCommit) => match self.strike().await {
                Some(instead) => instead,
                None => response,
            },
            _ => response,
        };
        let response = match self.effect() {
            Some(effect) => alter::altered(response, effect).await,
            None => response,
        };
        self.note_answer(&response);
        response
    }

    fn note_answer(&self, response: &Response<Body>) {
        let reset = matches!(self.effect(), Some(Effect::Reset));
        let offset =
            response.headers().get(UPLOAD_OFFSET).and_then(|value| value.to_str().ok()?.parse().ok());
        self.line.note(|entry| {
            entry.status = (!reset).then(|| response.status().as_u16());
            entry.answered_offset = offset;
        });
    }
}

async fn api_host(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if control::is_meant(parts.uri.path()) {
        return control::answer(&shared, &parts, &connection, body).await;
    }
    let exchange = match Exchange::begin(&shared, Host::Api, parts, connection) {
        Ok(exchange) => exchange,
        Err(response) => return *response,
    };
    let response = api_answer(&shared, &exchange, body).await;
    exchange.end(response).await
}

async fn api_answer(shared: &Shared, exchange: &Exchange, body: Body) -> Response<Body> {
    if exchange.phase() == Some(Phase::Before)
        && let Some(response) = exchange.strike().await
    {
        return response;
    }
    let body = match read(body, exchange).await {
        Read::All(body) => body,
        Read::Struck(response) => return response,
        Read::TooLarge => {
            let message = format!("A request to the API holds at most {MOST_BODY} bytes.");
            return api::refusal(&ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, None, "Too large.", message));
        }
        Read::BrokenOff => {
            return api::refusal(&ApiError::bad_request(
                INVALID,
                "The body broke off, or is no chunked body.",
            ));
        }
    };
    let request = api::request(&exchange.parts, body);
    let method = &exchange.parts.method;
    let reach = shared.reach(&exchange.connection);
    let own_base = exchange.connection.own().and_then(|own| own.upload_base.as_deref());
    let upload_base = own_base.unwrap_or(&shared.upload_base);
    let response = api::answer(&reach, upload_base, method, &request, &exchange.line);
    kept(shared, method, response).await
}

/// The answer, once what it tells of is on the disk, where it is to be there.
async fn kept(shared: &Shared, method: &Method, response: Response<Body>) -> Response<Body> {
    if method.is_safe() {
        return response;
    }
    match shared.worlds.kept().await {
        Ok(()) => response,
        Err(reason) => {
            let message = format!("The state cannot be written: {reason}.");
            let status = StatusCode::INSUFFICIENT_STORAGE;
            api::refusal(&ApiError::new(status, None, "Something went wrong.", message))
        }
    }
}

enum Read {
    All(Bytes),
    Struck(Response<Body>),
    TooLarge,
    BrokenOff,
}

async fn read(mut body: Body, exchange: &Exchange) -> Read {
    let mut bytes = BytesMut::new();
    let mut strikes_at = exchange.strikes_at();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Read::BrokenOff };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MOST_BODY {
            return Read::TooLarge;
        }
        bytes.extend_from_slice(&data);
        exchange.line.note(|entry| entry.body_length = bytes.len() as u64);
        // A fault that only alters the answer must not cost the rest of the request.
        if strikes_at.take_if(|at| bytes.len() as u64 >= *at).is_some()
            && let Some(response) = exchange.strike().await
        {
            return Read::Struck(response);
        }
    }
    // The body was shorter than where the fault waits: its end is where it strikes.
    if strikes_at.is_some()
        && let Some(response) = exchange.strike().await
    {
        return Read::Struck(response);
    }
    Read::All(bytes.freeze())
}

async fn upload_host(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let exchange = match Exchange::begin(&shared, Host::Upload, parts, connection) {
        Ok(exchange) => exchange,
        Err(response) => return *response,
    };
    let response = match exchange.phase() {
        Some(Phase::Before) => match exchange.strike().await {
            Some(response) => response,
            None => tus::answer(&shared, &exchange, body).await,
        },
        _ => tus::answer(&shared, &exchange, body).await,
    };
    let response = kept(&shared, &exchange.parts.method, response).await;
    exchange.end(response).await
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn with_status(status: u16) -> Response<Body> {
    let message = "A fault that was set on purpose.";
    api::refusal(&ApiError::new(status_of(status), None, "Something went wrong.", message))
}

fn html(status: u16) -> Response<Body> {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{status}</h1>\
         <p>A gateway in front of the API gave up.</p></body></html>\n"
    );
    with_body(status, "text/html; charset=utf-8", page.as_bytes())
}

fn with_body(status: u16, media: &str, body: &[u8]) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_vec()));
    *response.status_mut() = status_of(status);
    if let Ok(media) = HeaderValue::from_str(media) {
        response.headers_mut().insert(header::CONTENT_TYPE, media);
    }
    response
}
