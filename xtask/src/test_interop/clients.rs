//! The client libraries of other projects that are played.

/// A client library of another project.
pub(super) struct Client {
    /// Its name and, if several versions are played, the version.
    pub(super) name: &'static str,
    pub(super) script: Script,
    /// The package that the script loads, if it can load several.
    pub(super) package: &'static str,
    /// Its name for `vimeo-sandbox env --for`.
    pub(super) lines: &'static str,
    /// The switches of its sandbox.
    pub(super) switches: &'static [&'static str],
    /// Whether two runs send the same requests in the same order.
    pub(super) is_repeatable: bool,
    /// The fault of its last run.
    pub(super) fault: Option<Fault>,
}

/// A script in xtask/python, xtask/node or xtask/php.
#[derive(Clone, Copy)]
pub(super) enum Script {
    Python(&'static str),
    Node(&'static str),
    Php(&'static str),
    Ruby(&'static str),
}

pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) json: &'static str,
    pub(super) times: usize,
}

/// A reset before the end of the first PATCH, whose body has at least 50,000 bytes.
const RESET_IN_PATCH: Fault = Fault {
    name: "connection reset in a PATCH",
    json: r#"{"match": {"host": "upload", "method": "PATCH"}, "phase": {"mid_body": 20000}, "effect": "reset"}"#,
    times: 1,
};

const TWO_503: Fault = Fault {
    name: "two PATCHes answered 503",
    json: r#"{"match": {"host": "upload", "method": "PATCH"}, "times": 2, "effect": {"status": 503}}"#,
    times: 2,
};

const ONE_423: Fault = Fault {
    name: "a PATCH answered 423",
    json: r#"{"match": {"host": "upload", "method": "PATCH"}, "effect": {"status": 423}}"#,
    times: 1,
};

/// What django-allauth and social-core need: they call api.vimeo.com, and the second sends the token in the query.
const LOGIN: &[&str] = &["--https", "--proxy", "--form-credentials", "--query-token"];

pub(super) const CLIENTS: [Client; 20] = [
    python("PyVimeo", "pyvimeo.py", "python", Some(RESET_IN_PATCH)),
    // In parallel, the order of the requests varies.
    Client { is_repeatable: false, ..python("PyVimeo × 16", "worlds.py", "python", None) },
    python("tuspy", "tuspy.py", "shell", Some(ONE_423)),
    login("django-allauth"),
    login("social-core"),
    node("@vimeo/vimeo 3.0.3", "vimeo-js.mjs", "@vimeo/vimeo", "node", TWO_503),
    node("vimeo 2.3.1", "vimeo-js.mjs", "vimeo-2", "node", TWO_503),
    node("tus-js-client 1.8.0", "tus-js.mjs", "tus-js-client-1", "shell", RESET_IN_PATCH),
    node("tus-js-client 2.3.2", "tus-js.mjs", "tus-js-client-2", "shell", RESET_IN_PATCH),
    node("tus-js-client 3.1.3", "tus-js.mjs", "tus-js-client-3", "shell", RESET_IN_PATCH),
    node("tus-js-client 4.3.1", "tus-js.mjs", "tus-js-client", "shell", RESET_IN_PATCH),
    node("tus-js-client 5.0.0-pre2", "tus-js.mjs", "tus-js-client-5", "shell", RESET_IN_PATCH),
    browser("Chromium, tus-js-client 1.8.0", "tus-js-client-1", RESET_IN_PATCH),
    browser("Chromium, tus-js-client 2.3.2", "tus-js-client-2", TWO_503),
    browser("Chromium, tus-js-client 3.1.3", "tus-js-client-3", RESET_IN_PATCH),
    browser("Chromium, tus-js-client 4.3.1", "tus-js-client", TWO_503),
    browser("Chromium, tus-js-client 5.0.0-pre2", "tus-js-client-5", RESET_IN_PATCH),
    browser("Chromium, @uppy/tus 6.0.0", "@uppy/tus", RESET_IN_PATCH),
    Client {
        name: "PHP's curl",
        script: Script::Php("scenario.php"),
        package: "",
        lines: "php",
        switches: &["--https", "--portrait-answers-201"],
        is_repeatable: true,
        fault: Some(RESET_IN_PATCH),
    },
    Client {
        name: "Ruby's Net::HTTP",
        script: Script::Ruby("scenario.rb"),
        package: "",
        lines: "shell",
        switches: &["--https", "--proxy", "--tls-uploads"],
        is_repeatable: true,
        fault: Some(ONE_423),
    },
];

const fn python(
    name: &'static str,
    script: &'static str,
    lines: &'static str,
    fault: Option<Fault>,
) -> Client {
    Client {
        name,
        script: Script::Python(script),
        package: "",
        lines,
        switches: &[],
        is_repeatable: true,
        fault,
    }
}

const fn login(package: &'static str) -> Client {
    Client { package, switches: LOGIN, ..python(package, "login.py", "shell", None) }
}

const fn node(
    name: &'static str,
    script: &'static str,
    package: &'static str,
    lines: &'static str,
    fault: Fault,
) -> Client {
    let script = Script::Node(script);
    Client { name, script, package, lines, switches: &[], is_repeatable: true, fault: Some(fault) }
}

/// A browser takes seconds to start, so it plays no second run for comparison.
const fn browser(name: &'static str, package: &'static str, fault: Fault) -> Client {
    Client { is_repeatable: false, ..node(name, "browser.mjs", package, "shell", fault) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use super::*;

    #[test]
    fn names_have_the_installed_versions() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/package.json");
        let manifest: Value = serde_json::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
        for client in &CLIENTS {
            let Script::Node(_) = client.script else { continue };
            let pinned = manifest["dependencies"][client.package].as_str().unwrap_or_default();
            let (_, version) = pinned.rsplit_once('@').unwrap_or_default();
            let version = if version.is_empty() { pinned } else { version };
            let (_, named) = client.name.rsplit_once(' ').unwrap_or_default();
            assert_eq!(named, version, "{}", client.name);
        }
    }

    #[test]
    fn each_client_has_its_own_name() {
        let names: std::collections::BTreeSet<&str> = CLIENTS.iter().map(|client| client.name).collect();
        assert_eq!(names.len(), CLIENTS.len());
    }
}
