//! An API call before it is sent.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded;

use super::send::{ResponseFuture, send};
use super::{
    CallTimeout, Client, Error, Fields, InvalidId, Operation, RateLimitOption, Request, RetryOption,
};

/// A typed call before it is sent. Every generated call builder implements it.
///
/// Generic code uses it to list any collection, to decode into another type, or to read the metadata of the operation.
///
/// ```
/// use vimeo_api::{Endpoint, Page};
///
/// /// Works for every operation that returns a page.
/// fn first_page<E, T>(list: E) -> vimeo_api::Call<Page<T>>
/// where
///     E: Endpoint<Response = Page<T>>,
/// {
///     list.into_call().query("per_page", 100)
/// }
/// ```
pub trait Endpoint: Sized {
    /// The response type.
    type Response: DeserializeOwned + Send + 'static;

    /// The metadata of the operation.
    const OPERATION: &'static Operation;

    /// Converts the builder into a [`Call`].
    fn into_call(self) -> Call<Self::Response>;
}

/// Query parameters, in the order in which they were set.
type Query = Vec<(Cow<'static, str>, String)>;

/// A call with its parameters, which returns a `T`.
///
/// Holds its client and can be sent from anywhere. An invalid parameter is reported by [`send`](Call::send), before any
/// request is sent.
#[must_use = "a call does nothing until send() is awaited"]
pub struct Call<T> {
    client: Client,
    operation: Option<&'static Operation>,
    method: Method,
    path: String,
    query: Query,
    headers: HeaderMap,
    body: Body,
    extensions: Extensions,
    invalid: Option<Box<Error>>,
    response: PhantomData<fn() -> T>,
}

/// The body of a call: complete, or an object whose fields are still being set.
#[derive(Clone)]
enum Body {
    Whole(Bytes),
    Fields(Map<String, Value>),
}

impl Body {
    fn into_bytes(self) -> Bytes {
        match self {
            Self::Whole(body) => body,
            // `Display` cannot fail.
            Self::Fields(fields) => Value::Object(fields).to_string().into(),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

/// Prints the size only; a value could be a password.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(body) => write!(f, "{} bytes", body.len()),
            Self::Fields(fields) => write!(f, "{} fields", fields.len()),
        }
    }
}

impl<T> Call<T> {
    /// Creates a call to a known operation, with its path parameters in the order of the path.
    pub fn new(client: &Client, operation: &'static Operation, path_values: &[&dyn PathValue]) -> Self {
        let (path, invalid) = match build_path(operation, path_values) {
            Ok(path) => (path, None),
            Err(error) => (String::new(), Some(Box::new(error))),
        };
        Self {
            client: client.clone(),
            operation: Some(operation),
            method: operation.method.clone(),
            path,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::default(),
            extensions: Extensions::new(),
            invalid,
            response: PhantomData,
        }
    }

    /// Sets a query parameter; a second value replaces the first. Accepts text, numbers, booleans, times, and lists of these.
    ///
    /// ```
    /// # fn demo(client: vimeo_api::Client) -> vimeo_api::Call<serde_json::Value> {
    /// client.call(http::Method::GET, "/me/videos").query("sort", "date").query("per_page", 5)
    /// # }
    /// ```
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl QueryValue) -> Self {
        self.set_query(name, &value);
        self
    }

    /// Sets a query parameter in place.
    pub(crate) fn set_query(&mut self, name: impl Into<Cow<'static, str>>, value: &dyn QueryValue) {
        let (name, value) = (name.into(), value.to_query().into_owned());
        match self.query.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.query.push((name, value)),
        }
    }

    /// Returns the value of a query parameter, if it is set.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Limits the response to these fields. The names are not checked.
    pub fn fields(self, fields: impl Into<Fields>) -> Self {
        let fields = fields.into();
        self.query("fields", fields.as_str())
    }

    /// Sets a header of this call. Replaces a header of the same name, even `Accept`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.set_json(body);
        self
    }

    /// Sets the JSON body in place.
    pub(crate) fn set_json(&mut self, body: &impl Serialize) {
        match serde_json::to_vec(body) {
            Ok(json) => {
                self.body = Body::Whole(json.into());
                self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Err(error) => self.set_invalid(format!("its body cannot be encoded as JSON: {error}")),
        }
    }

    /// Sets one field of the JSON body in place and retains the others.
    pub(crate) fn set_json_field(&mut self, name: &'static str, value: &impl Serialize) {
        let written = serde_json::to_value(value).and_then(|value| {
            let mut fields = match std::mem::take(&mut self.body) {
                Body::Fields(fields) => fields,
                Body::Whole(body) if body.is_empty() => Map::new(),
                Body::Whole(body) => serde_json::from_slice(&body)?,
            };
            fields.insert(name.to_owned(), value);
            Ok(fields)
        });
        match written {
            Ok(fields) => {
                self.body = Body::Fields(fields);
                self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Err(error) => {
                self.set_invalid(format!("the field {name} of its body cannot be encoded as JSON: {error}"));
            }
        }
    }

    /// Sets a form body, which the OAuth endpoints expect.
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.body = Body::Whole(form.into());
        self.headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// Sets the timeout of the whole call, including retries and waits. Overrides the client's timeout.
    pub fn timeout(self, total: Duration) -> Self {
        self.extension(CallTimeout(total))
    }

    /// Sets the retry policy of this call, such as a `vimeo_ext::RetryPolicy`. Overrides the client's policy.
    pub fn retry(self, policy: impl RetryOption) -> Self {
        self.extension(policy)
    }

    /// Sets the rate-limit policy of this call, such as a `vimeo_ext::RateLimitPolicy`. Overrides the client's policy.
    pub fn rate_limit(self, policy: impl RateLimitOption) -> Self {
        self.extension(policy)
    }

    /// Passes a value to the middleware of the transport, such as an option for this call.
    pub fn extension<E: Clone + Send + Sync + 'static>(mut self, value: E) -> Self {
        self.extensions.insert(value);
        self
    }

    /// Returns the operation; `None` for an untyped call to a path that no known operation has.
    pub fn operation(&self) -> Option<&'static Operation> {
        self.operation
    }

    /// Returns the path and query as they are sent, without the host: `/me/videos?page=2`.
    pub fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        format!("{}?{query}", self.path)
    }

    /// Returns the client that sends the call.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Decodes the response as another type, such as a struct of your own with the requested fields, or
    /// [`serde_json::Value`].
    pub fn with_response_type<U>(self) -> Call<U> {
        Call {
            client: self.client,
            operation: self.operation,
            method: self.method,
            path: self.path,
            query: self.query,
            headers: self.headers,
            body: self.body,
            extensions: self.extensions,
            invalid: self.invalid,
            response: PhantomData,
        }
    }

    /// Replaces the path and query by those of a link, such as a paging link.
    pub fn follow(mut self, link: &str) -> Self {
        match self.client.resolve(self.name(), link) {
            Ok((path, query)) => {
                self.path = path;
                self.query = query;
            }
            Err(error) => self.invalid = Some(Box::new(error)),
        }
        self
    }

    /// Sends the call and decodes the response.
    pub fn send(self) -> ResponseFuture<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        Box::pin(send(self))
    }

    /// Sends the call and deserializes the response into `U`.
    pub fn send_as<U: DeserializeOwned + Send + 'static>(self) -> ResponseFuture<U> {
        self.with_response_type().send()
    }

    /// Returns the HTTP request of the call.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if a parameter is invalid.
    pub fn into_request(self) -> Result<Request, Error> {
        if let Some(error) = self.invalid {
            return Err(*error);
        }
        let mut url = self.client.base_url().clone();
        match self.client.prefix() {
            "" => url.set_path(&self.path),
            prefix => url.set_path(&format!("{prefix}{}", self.path)),
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut headers = self.headers;
        if !headers.contains_key(header::ACCEPT) {
            headers.insert(header::ACCEPT, self.client.accept().clone());
        }
        Ok(Request {
            operation: self.operation,
            method: self.method,
            url,
            headers,
            body: self.body.into_bytes(),
            extensions: self.extensions,
        })
    }

    fn name(&self) -> &'static str {
        self.operation.map_or("untyped call", |operation| operation.id)
    }

    pub(super) fn set_invalid(&mut self, reason: String) {
        let name = self.name();
        self.invalid.get_or_insert_with(|| Box::new(Error::invalid(name, reason)));
    }
}

impl Call<serde_json::Value> {
    pub(crate) fn untyped(client: &Client, method: Method, path_and_query: &str) -> Self {
        let mut call = Self {
            client: client.clone(),
            operation: None,
            method,
            path: String::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::default(),
            extensions: Extensions::new(),
            invalid: None,
            response: PhantomData,
        };
        call = call.follow(path_and_query);
        call.operation = crate::operation_at(&call.method, &call.path);
        call
    }
}

impl Client {
    /// Returns the path and query of a link to the API host; rejects other links.
    fn resolve(&self, name: &'static str, link: &str) -> Result<(String, Query), Error> {
        let base = self.base_url();
        let (path, query) = if link.starts_with('/') && !link.starts_with("//") {
            let (path, query) = link.split_once('?').unwrap_or((link, ""));
            (self.without_prefix(path).to_owned(), query.to_owned())
        } else {
            let url = Url::parse(link).map_err(|_| {
                Error::invalid(
                    name,
                    format!("`{}` is neither a path that starts with / nor a URL", truncate(link)),
                )
            })?;
            if url.origin() != base.origin() {
                return Err(Error::invalid(
                    name,
                    format!(
                        "{} is not the API host {}; the access token is sent only there",
                        url.host_str().unwrap_or("the link's host"),
                        base.host_str().unwrap_or_default(),
                    ),
                ));
            }
            (self.without_prefix(url.path()).to_owned(), url.query().unwrap_or_default().to_owned())
        };
        if !is_normalized_path(&path) {
            return Err(Error::invalid(
                name,
                "a path cannot contain `.` or `..` segments, backslashes, tabs or line breaks, encoded or not",
            ));
        }
        let query = form_urlencoded::parse(query.split('#').next().unwrap_or_default().as_bytes())
            .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
            .collect();
        Ok((path, query))
    }

    /// Removes the base URL's path, which precedes the path of every call. A proxy that rewrites the links in responses
    /// includes it.
    fn without_prefix<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.prefix()).filter(|rest| rest.starts_with('/')).unwrap_or(path)
    }
}

/// Whether URL parsing leaves the path unchanged. Parsers convert backslashes to slashes, drop tabs and line breaks, and
/// resolve `.` and `..` even if they are percent-encoded, so the call would go to a path that was not checked.
fn is_normalized_path(path: &str) -> bool {
    !path.contains(['\\', '\t', '\n', '\r'])
        && path
            .split('/')
            .all(|segment| !matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | ".."))
}

fn truncate(text: &str) -> String {
    text.split(['?', '#']).next().unwrap_or_default().chars().take(80).collect()
}

/// Sends the call.
impl<T: DeserializeOwned + Send + 'static> IntoFuture for Call<T> {
    type Output = <ResponseFuture<T> as Future>::Output;
    type IntoFuture = ResponseFuture<T>;

    fn into_future(self) -> Self::IntoFuture {
        self.send()
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            operation: self.operation,
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            extensions: self.extensions.clone(),
            invalid: self.invalid.as_ref().map(|error| Box::new(error.clone_for_retry())),
            response: PhantomData,
        }
    }
}

/// Omits the body and the query values, which can hold passwords.
impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.name())
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query.iter().map(|(name, _)| name.as_ref()).collect::<Vec<_>>())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// Characters that are not encoded in a path segment: the unreserved ones of RFC 3986, and the colon before a video's hash.
const PATH_SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

fn build_path(operation: &'static Operation, values: &[&dyn PathValue]) -> Result<String, Error> {
    let mut values = values.iter();
    let mut path = String::with_capacity(operation.path.len() + 16);
    for segment in operation.path.split('/').skip(1) {
        path.push('/');
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            path.push_str(segment);
            continue;
        };
        let value = match values.next().map(|value| value.to_segment()) {
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                return Err(Error::invalid(operation.id, format!("invalid path parameter {name}: {error}")));
            }
            None => Cow::default(),
        };
        if matches!(&*value, "" | "." | "..") {
            return Err(Error::invalid(
                operation.id,
                format!("invalid path parameter {name}: it cannot be `{value}`"),
            ));
        }
        path.extend(utf8_percent_encode(&value, PATH_SEGMENT));
    }
    Ok(path)
}

/// A value for a path parameter. It is percent-encoded when it is sent.
pub trait PathValue {
    /// Returns the text of the path segment, not yet encoded.
    ///
    /// # Errors
    ///
    /// If the value is not a valid ID.
    fn to_segment(&self) -> Result<Cow<'_, str>, InvalidId>;
}

/// A value for a query parameter. It is percent-encoded when it is sent.
pub trait QueryValue {
    /// Returns the text of the query value, not yet encoded.
    fn to_query(&self) -> Cow<'_, str>;
}

macro_rules! text_values {
    ($($type:ty),*) => {
        $(
            impl PathValue for $type {
                fn to_segment(&self) -> Result<Cow<'_, str>, InvalidId> {
                    Ok(Cow::Borrowed(self))
                }
            }

            impl QueryValue for $type {
                fn to_query(&self) -> Cow<'_, str> {
                    Cow::Borrowed(self)
                }
            }
        )*
    };
}

impl PathValue for &str {
    fn to_segment(&self) -> Result<Cow<'_, str>, InvalidId> {
        Ok(Cow::Borrowed(self))
    }
}

impl<T: QueryValue + ?Sized> QueryValue for &T {
    fn to_query(&self) -> Cow<'_, str> {
        (**self).to_query()
    }
}

macro_rules! display_values {
    ($($type:ty),*) => {
        $(
            impl PathValue for $type {
                fn to_segment(&self) -> Result<Cow<'_, str>, InvalidId> {
                    Ok(Cow::Owned(self.to_string()))
                }
            }

            impl QueryValue for $type {
                fn to_query(&self) -> Cow<'_, str> {
                    Cow::Owned(self.to_string())
                }
            }
        )*
    };
}

text_values!(str, String);
display_values!(u64, i64, u32, i32, f64, bool);

impl QueryValue for chrono::NaiveDate {
    fn to_query(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl QueryValue for DateTime<Utc> {
    fn to_query(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_rfc3339_opts(SecondsFormat::AutoSi, false))
    }
}

impl QueryValue for Fields {
    fn to_query(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.as_str())
    }
}

/// Joins the values with commas.
impl<T: QueryValue> QueryValue for Vec<T> {
    fn to_query(&self) -> Cow<'_, str> {
        Cow::Owned(self.iter().map(|value| value.to_query()).collect::<Vec<_>>().join(","))
    }
}
