//! The lines that configure clients for a sandbox.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use super::{ControlRequest, Outcome, Reply, description};

/// A client library or tool.
#[cfg_attr(not(feature = "cli"), allow(unreachable_pub, reason = "the command exports it"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum Client {
    /// Environment variables for this project's crates and command
    Shell,
    /// PyVimeo
    Python,
    /// @vimeo/vimeo
    Node,
    /// vimeo.php
    Php,
    /// vimeo_me2 and others that use Net::HTTP, through the proxy
    Ruby,
    /// go-vimeo
    Go,
    /// The official Java library
    Java,
    /// vimeo-dot-net, through the proxy
    Dotnet,
    /// curl
    Curl,
    /// An MCP server that reads its host from `VIMEO_API_BASE`
    Mcp,
}

/// Every client, with the name that people choose it by.
const CLIENTS: [(&str, Client); 10] = [
    ("curl", Client::Curl),
    ("PyVimeo", Client::Python),
    ("@vimeo/vimeo", Client::Node),
    ("environment", Client::Shell),
    ("vimeo.php", Client::Php),
    ("Ruby", Client::Ruby),
    ("go-vimeo", Client::Go),
    ("Java", Client::Java),
    (".NET", Client::Dotnet),
    ("MCP server", Client::Mcp),
];

/// The sandbox lacks a listener that the client needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox has no `{name}`; start it with {how}")]
pub(crate) struct MissingListener {
    name: String,
    how: String,
}

/// Lists the lines of every client for a world. If a client needs a listener that the sandbox lacks, its lines say so.
pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.world()?;
    let line = description(request.app, &handle);
    let lines_of = |client| lines(client, &line, None).unwrap_or_else(|error| error.to_string());
    let clients: Map<String, Value> =
        CLIENTS.iter().map(|(name, client)| ((*name).to_owned(), lines_of(*client).into())).collect();
    Reply::ok(json!({"world": handle.id, "clients": clients}))
}

/// Returns the environment variables for a command, from the sandbox's ready line.
pub(crate) fn variables(line: &Value, control_token: Option<&SecretString>) -> Vec<(&'static str, String)> {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut variables = address_variables(text("url"), text("proxy_url"), text("ca_file"));
    let own = [
        ("VIMEO_ACCESS_TOKEN", text("token")),
        ("VIMEO_CLIENT_ID", text("client_id")),
        ("VIMEO_CLIENT_SECRET", text("client_secret")),
        ("VIMEO_SANDBOX_URL", text("url")),
        ("VIMEO_SANDBOX_CONTROL_TOKEN", control_token.map(|token| token.expose_secret().to_owned())),
    ];
    variables.extend(own.into_iter().filter_map(|(name, value)| Some((name, value?))));
    variables
}

/// Returns the environment variables that lead a command to an address.
pub(crate) fn address_variables(
    url: Option<String>,
    proxy: Option<String>,
    ca: Option<String>,
) -> Vec<(&'static str, String)> {
    let base = url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
    let mut variables = vec![("VIMEO_BASE_URL", url), ("VIMEO_API_BASE", base)];
    // Only if requested, because they affect every program in the environment.
    if proxy.is_some() {
        variables.push(("HTTPS_PROXY", proxy.clone()));
        variables.push(("https_proxy", proxy.clone()));
        // Ruby reads this variable for https as well.
        variables.push(("http_proxy", proxy));
        variables.extend(["NO_PROXY", "no_proxy"].map(|name| (name, Some(NO_PROXY.to_owned()))));
        // Newer versions of Node read the variables above only if this one is set.
        variables.push(("NODE_USE_ENV_PROXY", Some("1".to_owned())));
        variables.push(("PHP_INI_SCAN_DIR", ca.as_deref().and_then(php_scan_folders)));
        variables.extend(CA_VARIABLES.map(|name| (name, ca.clone())));
    }
    variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The variables from which runtimes read the path of a certificate authority.
const CA_VARIABLES: [&str; 4] =
    ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// The hosts that clients reach without the proxy: signed links point to this machine.
const NO_PROXY: &str = "127.0.0.1,localhost";

/// The folders from which PHP reads its settings: its own, and the one of the certificate authority.
fn php_scan_folders(ca_file: &str) -> Option<String> {
    let folder = Path::new(ca_file).parent()?.to_str()?;
    let separator = if cfg!(windows) { ';' } else { ':' };
    Some(format!("{separator}{folder}"))
}

/// Returns the lines for one client. Comments name the options of the sandbox that some calls need.
pub(crate) fn lines(
    client: Client,
    line: &Value,
    control_token: Option<&SecretString>,
) -> Result<String, MissingListener> {
    let text = |name: &str, how: &str| match line.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(MissingListener { name: name.to_owned(), how: how.to_owned() }),
    };
    let [url, token, client_id, secret] = ["url", "token", "client_id", "client_secret"];
    let (url, token) = (text(url, "a newer version")?, text(token, "a newer version")?);
    let (client_id, secret) = (text(client_id, "a newer version")?, text(secret, "a newer version")?);
    let base = url.trim_end_matches('/');
    let https = || text("https_url", "--https");
    let ca = || text("ca_file", "--https");
    let authority = |url: &str| Url::parse(url).map(|url| url.authority().to_owned()).unwrap_or_default();
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    Ok(match client {
        Client::Shell => variables(line, control_token)
            .iter()
            .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
            .collect(),
        Client::Python => format!(
            "import vimeo\n\
             vimeo.VimeoClient.API_ROOT = '{base}'\n\
             client = vimeo.VimeoClient(token='{token}', key='{client_id}', secret='{secret}')\n\
             # upload_picture for a user needs a sandbox with --portrait-answers-201.\n\
             # A login with django-allauth needs --proxy and --form-credentials, one with social-core --query-token, too.\n"
        ),
        Client::Node => {
            let parsed = Url::parse(&url).ok();
            let host = parsed.as_ref().and_then(Url::host_str).unwrap_or("127.0.0.1");
            let port = parsed.as_ref().and_then(Url::port_or_known_default).unwrap_or(80);
            format!(
                "const {{ vimeo_module: vimeo }} = require('@vimeo/vimeo')\n\
                 Object.assign(vimeo.request_defaults, {{ protocol: 'http:', hostname: '{host}', port: {port} }})\n\
                 const client = new vimeo.Vimeo('{client_id}', '{secret}', '{token}')\n"
            )
        }
        Client::Php => format!(
            "$client = new \\Vimeo\\Vimeo('{client_id}', '{secret}', '{token}');\n\
             $client->setCURLOptions([\n\
             \x20   CURLOPT_CONNECT_TO => ['api.vimeo.com:443:{}'],\n\
             \x20   CURLOPT_CAINFO => '{}',\n\
             ]);\n\
             // uploadImage for a user needs a sandbox with --portrait-answers-201.\n\
             // For other PHP code, start a sandbox with --proxy: php -d curl.cainfo='{}' app.php\n",
            authority(&https()?),
            ca()?,
            ca()?
        ),
        Client::Ruby => {
            let proxy = text("proxy_url", "--proxy")?;
            format!(
                "export http_proxy={}\nexport no_proxy='{NO_PROXY}'\nexport SSL_CERT_FILE={}\nexport VIMEO_ACCESS_TOKEN={}\n",
                quoted(proxy.trim_end_matches('/')),
                quoted(&ca()?),
                quoted(&token)
            )
        }
        Client::Go => format!(
            "client := vimeo.NewClient(oauth2.NewClient(context.Background(),\n\
             \toauth2.StaticTokenSource(&oauth2.Token{{AccessToken: \"{token}\"}})), nil)\n\
             client.BaseURL, _ = url.Parse(\"{base}/\")\n\
             // ReplaceFile needs a sandbox with --replace-by-name.\n"
        ),
        Client::Java => format!(
            "VimeoApiConfiguration configuration = new VimeoApiConfiguration.Builder(\"{token}\")\n\
             \x20   .withBaseUrl(\"{base}/\")\n\
             \x20   .build();\n{}",
            java_proxy_lines(line)
        ),
        Client::Dotnet => {
            let proxy = text("proxy_url", "--proxy")?;
            format!(
                "export HTTPS_PROXY={}\nexport SSL_CERT_FILE={}\nexport VIMEO_ACCESS_TOKEN={}\n",
                quoted(proxy.trim_end_matches('/')),
                quoted(&ca()?),
                quoted(&token)
            )
        }
        Client::Curl => match https() {
            Ok(https) => format!(
                "curl --connect-to 'api.vimeo.com:443:{}' --cacert {} -H 'Authorization: bearer {token}' https://api.vimeo.com/me\n",
                authority(&https),
                quoted(&ca()?)
            ),
            Err(_) => format!("curl -H 'Authorization: bearer {token}' '{base}/me'\n"),
        },
        Client::Mcp => {
            format!("export VIMEO_API_BASE={}\nexport VIMEO_ACCESS_TOKEN={}\n", quoted(base), quoted(&token))
        }
    })
}

/// Returns the lines for Java clients whose base URL cannot be changed; empty without a proxy.
fn java_proxy_lines(line: &Value) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let proxy = text("proxy_url").and_then(|url| Url::parse(url).ok());
    let (Some(proxy), Some(ca)) = (proxy, text("ca_file")) else { return String::new() };
    let (host, port) = (proxy.host_str().unwrap_or_default(), proxy.port_or_known_default().unwrap_or(80));
    format!(
        "// A client whose base URL cannot be changed needs these commands instead:\n\
         // keytool -importcert -noprompt -alias vimeo-sandbox -file '{ca}' -keystore sandbox.p12 -storepass sandbox\n\
         // export JAVA_TOOL_OPTIONS='-Dhttps.proxyHost={host} -Dhttps.proxyPort={port} \
         -Djavax.net.ssl.trustStore=sandbox.p12 -Djavax.net.ssl.trustStorePassword=sandbox'\n"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_client_configuration_or_names_the_missing_listener() {
        let plain = json!({
            "url": "http://127.0.0.1:8080/", "token": "tok", "client_id": "id", "client_secret": "it's",
        });
        let mut all = plain.clone();
        all["https_url"] = "https://127.0.0.1:8443/".into();
        all["proxy_url"] = "http://127.0.0.1:8081/".into();
        all["ca_file"] = "/tmp/ca.pem".into();
        for (client, line, expected) in [
            (Client::Shell, &plain, "export VIMEO_CLIENT_SECRET='it'\\''s'"),
            (Client::Python, &plain, "VimeoClient.API_ROOT = 'http://127.0.0.1:8080'"),
            (Client::Node, &plain, "protocol: 'http:', hostname: '127.0.0.1', port: 8080"),
            (Client::Go, &plain, "url.Parse(\"http://127.0.0.1:8080/\")"),
            (Client::Java, &plain, ".withBaseUrl(\"http://127.0.0.1:8080/\")"),
            (Client::Curl, &plain, "'http://127.0.0.1:8080/me'"),
            (Client::Mcp, &plain, "export VIMEO_API_BASE='http://127.0.0.1:8080'"),
            (Client::Php, &plain, "start it with --https"),
            (Client::Dotnet, &plain, "start it with --proxy"),
            (Client::Php, &all, "'api.vimeo.com:443:127.0.0.1:8443'"),
            (Client::Dotnet, &all, "export HTTPS_PROXY='http://127.0.0.1:8081'"),
            (Client::Curl, &all, "--cacert '/tmp/ca.pem'"),
            (Client::Shell, &all, "export NODE_EXTRA_CA_CERTS='/tmp/ca.pem'"),
            (Client::Shell, &all, "export http_proxy='http://127.0.0.1:8081/'"),
            (Client::Shell, &all, "export no_proxy='127.0.0.1,localhost'"),
            (Client::Shell, &all, "export NODE_USE_ENV_PROXY='1'"),
            (Client::Shell, &all, "export PHP_INI_SCAN_DIR=':/tmp'"),
            (Client::Ruby, &plain, "start it with --proxy"),
            (Client::Ruby, &all, "export http_proxy='http://127.0.0.1:8081'\nexport no_proxy="),
            (Client::Java, &all, "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8081 "),
            (Client::Python, &plain, "--portrait-answers-201"),
            (Client::Php, &all, "php -d curl.cainfo='/tmp/ca.pem'"),
            (Client::Go, &plain, "--replace-by-name"),
        ] {
            let printed = lines(client, line, None).unwrap_or_else(|failure| failure.to_string());
            assert!(printed.contains(expected), "{client:?}: {printed}");
        }
        // Only if requested, because they affect every program in the environment.
        let shell = lines(Client::Shell, &plain, None).unwrap();
        assert!(!shell.contains("proxy") && !shell.contains("PHP"), "{shell}");
    }
}
