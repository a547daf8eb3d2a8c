//! What a sandbox is to be, before it starts.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::clock::Clock;
use crate::config::drift::Drift;
use crate::config::rate_limit::RateLimit;
use crate::config::scopes::Scopes;
use crate::config::signature::Signature;
use crate::config::{Config, ContentStorage, MissingPrivate, Plan, Pull, Quota, Transcode};

/// What a sandbox is to be, before it starts.
#[derive(Clone)]
#[must_use]
pub struct SandboxBuilder {
    pub(crate) config: Config,
    pub(crate) tokens: Vec<(String, Scopes)>,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) upload_port: u16,
    pub(crate) request_log_size: usize,
    pub(crate) control_token: Option<SecretString>,
    pub(crate) state: Option<PathBuf>,
    pub(crate) one_host: bool,
    pub(crate) unix: Option<PathBuf>,
    #[cfg(feature = "tls")]
    pub(crate) https_port: Option<u16>,
    #[cfg(feature = "tls")]
    pub(crate) proxy_port: Option<u16>,
    #[cfg(feature = "tls")]
    pub(crate) tls_uploads: bool,
}

/// Without tokens.
impl std::fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("config", &self.config)
            .field("seed", &self.seed)
            .field("address", &self.address)
            .field("port", &self.port)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            tokens: Vec::new(),
            seed: 0,
            clock: Clock::real(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            upload_port: 0,
            request_log_size: 100_000,
            control_token: None,
            state: None,
            one_host: false,
            unix: None,
            #[cfg(feature = "tls")]
            https_port: None,
            #[cfg(feature = "tls")]
            proxy_port: None,
            #[cfg(feature = "tls")]
            tls_uploads: false,
        }
    }
}

impl SandboxBuilder {
    /// Lets the first user have this token, with these scopes. The first one given is what
    /// [`Sandbox::token`](crate::Sandbox::token) answers; without any, a fake one with all scopes is made.
    ///
    /// 32 hexadecimal digits are refused at the start: that is what a real token looks like.
    pub fn token(mut self, text: impl Into<String>, scopes: impl Into<Scopes>) -> Self {
        self.tokens.push((text.into(), scopes.into()));
        self
    }

    /// What ids, keys and made-up data follow from. Default: 0. The same seed and the same requests give the same
    /// answers.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The clock of the first world. Default: [`Clock::real`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The plan of users. Default: [`Plan::Standard`].
    pub fn plan(mut self, plan: Plan) -> Self {
        self.config.plan = plan;
        self
    }

    /// How much users may store. Default: 5 TB, 1 TB in a period.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.config.quota = quota;
        self
    }

    /// The rate limit of every token. Default: so high that nothing meets it by accident.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.config.rate_limit = limit;
        self
    }

    /// How an uploaded video becomes playable. Default: after two seconds of the world's clock.
    pub fn transcode(mut self, rule: Transcode) -> Self {
        self.config.transcode = rule;
        self
    }

    /// What becomes of videos that Vimeo is to fetch itself. Default: [`Pull::Succeeds`].
    pub fn pull(mut self, outcome: Pull) -> Self {
        self.config.pull = outcome;
        self
    }

    /// Whether uploaded bytes are kept in memory, for [`World::bytes`](crate::World::bytes). Default: no; their size is
    /// always known.
    pub fn keep_bytes(mut self, keep: bool) -> Self {
        self.config.content = if keep { ContentStorage::Memory } else { ContentStorage::Nothing };
        self
    }

    /// Keeps uploaded bytes in this folder, a file for each upload. The folder is made when it is not there.
    pub fn keep_bytes_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.content = ContentStorage::Folder(folder.into());
        self
    }

    /// Whether the SHA-256 of uploads is taken, for [`World::stored`](crate::World::stored). It costs more than all
    /// else that is done with a byte: without it a large upload is taken as fast as a server could that throws it away.
    /// Default: yes.
    pub fn digest(mut self, yes: bool) -> Self {
        self.config.digest = yes;
        self
    }

    /// What a list answers to a token without the scope `private`. Default: 403.
    pub fn missing_private(mut self, rule: MissingPrivate) -> Self {
        self.config.missing_private = rule;
        self
    }

    /// Whether the upload host answers 403 to a request that carries an `Authorization` header. Default: no; the journal
    /// tells of it either way.
    pub fn refuse_foreign_tokens(mut self, refuse: bool) -> Self {
        self.config.refuse_foreign_tokens = refuse;
        self
    }

    /// Lets every token in that is not known, as another of the first user's, with all scopes. Default: no; an unknown
    /// token is refused, and so is one that looks real, with a word about it.
    pub fn allow_any_token(mut self, yes: bool) -> Self {
        self.config.allow_any_token = yes;
        self
    }

    /// Whether creating a video with the approach `tus` answers the described 201. Default: no, it answers 200, which the
    /// official Python and PHP libraries and others take alone. The approaches `pull` and `post` always answer 201.
    pub fn create_answers_201(mut self, yes: bool) -> Self {
        self.config.create_answers_201 = yes;
        self
    }

    /// Whether creating a user's portrait answers 201, which the official Python and PHP libraries take alone. Default: no, it
    /// answers the described 200. What Vimeo answers is not known.
    pub fn portrait_answers_201(mut self, yes: bool) -> Self {
        self.config.portrait_answers_201 = yes;
        self
    }

    /// Whether query parameters that the description does not have are refused with 400. Default: no, they are passed over,
    /// since official clients send some; the request log names them either way.
    pub fn refuse_unknown_parameters(mut self, refuse: bool) -> Self {
        self.config.refuse_unknown_parameters = refuse;
        self
    }

    /// Whether the app's client id and secret are also taken from the form, as django-allauth and social-core send them.
    /// Default: no, from Basic authorization alone. What Vimeo takes is not known.
    pub fn form_credentials(mut self, take: bool) -> Self {
        self.config.form_credentials = take;
        self
    }

    /// How long signed links open, by the world's clock. Default: 24 hours; what Vimeo grants is not known.
    pub fn link_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.link_lifetime = lifetime;
        self
    }

    /// Lets tokens that are granted by code or device end after this time of the world's clock. They then come with
    /// `expires_on` and a `refresh_token`, which `POST /oauth/access_token` takes with `grant_type=refresh_token`. Vimeo
    /// documents no such refresh; this is OAuth's own. Default: tokens never end.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.token_lifetime = Some(lifetime);
        self
    }

    /// Registers an address that users may be sent back to after they have let an app in. Without any, every address will
    /// do.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.config.redirect_uris.push(uri.into());
        self
    }

    /// The status that a device gets while its user has not decided. Default: 400; Vimeo's is not known.
    pub fn device_pending_status(mut self, status: u16) -> Self {
        self.config.device_pending = status;
        self
    }

    /// The API's port. Default: 0, one that the system picks.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The upload host's port. Default: 0, one that the system picks.
    pub fn upload_port(mut self, port: u16) -> Self {
        self.upload_port = port;
        self
    }

    /// The address to listen on. Default: 127.0.0.1; anything else lets others in. There, the control API needs a
    /// [`control_token`](Self::control_token), and webhooks a [`webhook_receiver`](Self::webhook_receiver).
    pub fn listen(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// Lets only requests use the control API that carry this token as `X-Sandbox-Control-Token`. Default: on a loopback
    /// address, programs of the user who started the sandbox may use it (where the system does not tell whose a program
    /// is, any program of this machine); on any other address nobody may.
    pub fn control_token(mut self, token: impl Into<String>) -> Self {
        self.control_token = Some(SecretString::from(token.into()));
        self
    }

    /// Lets webhooks be sent to this address of this machine. On a loopback address every address of this machine is
    /// allowed, and this changes nothing. On any other, others could reach programs of this machine by webhooks: there, webhooks
    /// are sent to such addresses alone, and to those of [`forward_to`](Self::forward_to).
    pub fn webhook_receiver(mut self, url: Url) -> Self {
        self.config.webhooks.receivers.push(url);
        self
    }

    /// Lets answers take other shapes than described. Default: no.
    pub fn drift(mut self, drift: Drift) -> Self {
        self.config.drift = Some(drift);
        self
    }

    /// Signs what webhooks with a secret are sent. Default: nothing is signed; how Vimeo signs is not known.
    pub fn webhook_signature(mut self, signature: Signature) -> Self {
        self.config.webhooks.signature = Some(signature);
        self
    }

    /// How many more times an event is sent that its receiver did not take, at once each time. Default: 0; what Vimeo
    /// does is not known.
    pub fn webhook_retries(mut self, retries: u32) -> Self {
        self.config.webhooks.retries = retries;
        self
    }

    /// Sends every event of every world to this address of this machine too, whether there are webhooks or not.
    pub fn forward_to(mut self, url: Url) -> Self {
        self.config.webhooks.forward_to.push(url);
        self
    }

    /// Lets signed links lead to the API's own address, for clients that refuse any other host. Default: no.
    pub fn one_host(mut self, yes: bool) -> Self {
        self.one_host = yes;
        self
    }

    /// Serves both hosts on this Unix socket too. A file of that name that is no socket is left alone, and the start
    /// fails.
    #[cfg(unix)]
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(path.into());
        self
    }

    /// Opens https too, on this port (0 for one that the system picks), under Vimeo's own names: both hosts answer
    /// there, told apart by name. Certificates are of an authority that is made at each start,
    /// [`Sandbox::ca_file`](crate::Sandbox::ca_file).
    #[cfg(feature = "tls")]
    pub fn https(mut self, port: u16) -> Self {
        self.https_port = Some(port);
        self
    }

    /// Opens an HTTP proxy too, on this port (0 for one that the system picks), for clients whose host cannot be changed:
    /// what they send to Vimeo's names ends here, and anything else is refused. Opens https as well.
    #[cfg(feature = "tls")]
    pub fn proxy(mut self, port: u16) -> Self {
        self.proxy_port = Some(port);
        self.https_port.get_or_insert(0);
        self
    }

    /// Lets signed links be https, under the name of one of Vimeo's upload hosts. Only a client whose connections are led
    /// here by name or by the proxy can follow them. Opens https as well. Default: no; links are plain http.
    #[cfg(feature = "tls")]
    pub fn tls_uploads(mut self, yes: bool) -> Self {
        self.tls_uploads = yes;
        if yes {
            self.https_port.get_or_insert(0);
        }
        self
    }

    /// How many of the newest requests the journal keeps; fewer, when their paths, queries and headers hold more than
    /// 64 MiB. Default: 100,000.
    pub fn request_log_size(mut self, entries: usize) -> Self {
        self.request_log_size = entries;
        self
    }

    /// Keeps all worlds in this folder, so that a later start finds them as they were: every request that changed
    /// something is answered only when the change is on the disk. What is kept wins over the seed, clock and tokens given
    /// here. Uploads go on where they were, whether their bytes are kept or not. Default: nothing is kept.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = Some(folder.into());
        self
    }
}
