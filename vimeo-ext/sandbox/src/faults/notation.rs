//! Faults as they are written: in JSON over the control API, and in a header for one request.

use serde::{Deserialize, Serialize};

use super::{Effect, Fault, Phase, every};
use crate::catalog;
use crate::journal::Host;

/// A fault in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    #[serde(rename = "match", default)]
    matches: Match,
    /// How many requests it is to hit.
    #[serde(default = "once")]
    times: u64,
    #[serde(default)]
    phase: Phase,
    effect: Effect,
}

/// Which requests; what is left out fits all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Match {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Host>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// How the path begins.
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    world: Option<u64>,
    /// Counted from 1 among those that fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    nth: Option<u64>,
}

fn once() -> u64 {
    1
}

impl Written {
    /// The fault, or what is wrong with it.
    pub(crate) fn fault(self) -> Result<Fault, String> {
        let Self { matches, times, phase, effect } = self;
        check(&effect)?;
        let method = match matches.method {
            Some(text) => Some(text.parse().map_err(|_| format!("match.method: \"{text}\" is no method"))?),
            None => None,
        };
        if times == 0 {
            return Err("times: a fault that hits no request does nothing".to_owned());
        }
        if matches.nth == Some(0) {
            return Err("match.nth: requests are counted from 1".to_owned());
        }
        if let Some(name) = &matches.operation {
            check_operation(name)?;
        }
        let skip = matches.nth.unwrap_or(1).saturating_sub(1);
        let Match { host, path, operation, world, .. } = matches;
        Ok(Fault { host, method, path, operation, world, skip, times, phase, effect })
    }

    pub(crate) fn of(fault: &Fault) -> Self {
        let matches = Match {
            host: fault.host,
            method: fault.method.as_ref().map(ToString::to_string),
            path: fault.path.clone(),
            operation: fault.operation.clone(),
            world: fault.world,
            nth: (fault.skip > 0).then(|| fault.skip + 1),
        };
        Self { matches, times: fault.times, phase: fault.phase, effect: fault.effect.clone() }
    }
}

/// A name that no operation has would wait for ever.
fn check_operation(name: &str) -> Result<(), String> {
    let names = || catalog::all().map(|operation| operation.name);
    if names().any(|known| known == name) {
        return Ok(());
    }
    let closest = names().max_by(|one, other| {
        let likeness = |known| strsim::normalized_levenshtein(known, name);
        likeness(one).total_cmp(&likeness(other))
    });
    let closest = closest.unwrap_or_default();
    Err(format!("match.operation: Vimeo has no operation \"{name}\"; the closest is \"{closest}\""))
}

/// The largest body that a fault answers.
const MAX_FAULT_BODY: usize = 64 * 1024;

/// Numbers that HTTP cannot carry, and bodies that are too large.
fn check(effect: &Effect) -> Result<(), String> {
    match effect {
        Effect::Status(status) | Effect::Html(status) | Effect::Body(status, ..)
            if !(200..=599).contains(status) =>
        {
            Err(format!("effect: {status} is no status of an answer"))
        }
        // Each request that meets the fault is remembered with it.
        Effect::Body(_, _, body) if body.len() > MAX_FAULT_BODY => {
            Err(format!("effect: a body has at most {MAX_FAULT_BODY} bytes"))
        }
        Effect::Dribble { bytes: 0, .. } => Err("effect: a dribble has at least one byte a piece".to_owned()),
        _ => Ok(()),
    }
}

/// Reads the header `X-Sandbox-Fault`: `effect`, `effect=value`, each with `; phase=…` after it where it is not `before`.
pub(crate) fn header(text: &str) -> Result<(Effect, Phase), String> {
    let mut parts = text.split(';').map(str::trim);
    let effect = effect(parts.next().unwrap_or_default())?;
    check(&effect)?;
    let mut phase = Phase::Before;
    for part in parts {
        phase = match part.split_once('=') {
            Some(("phase", "before")) => Phase::Before,
            Some(("phase", "after_commit")) => Phase::AfterCommit,
            Some(("phase", other)) => match other.strip_prefix("mid_body:").map(str::parse) {
                Some(Ok(bytes)) => Phase::MidBody(bytes),
                _ => {
                    return Err(format!(
                        "the phase \"{other}\" is none of before, mid_body:BYTES, after_commit"
                    ));
                }
            },
            _ => return Err(format!("\"{part}\" is not understood; only phase=… may follow the effect")),
        };
    }
    Ok((effect, phase))
}

fn effect(text: &str) -> Result<Effect, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text, None),
    };
    fn number<T: std::str::FromStr>(
        name: &str,
        value: Option<&str>,
        default: Option<T>,
    ) -> Result<T, String> {
        match (value.map(str::parse), default) {
            (Some(Ok(number)), _) => Ok(number),
            (None, Some(default)) => Ok(default),
            _ => Err(format!("{name} needs a number, as in {name}=1")),
        }
    }
    let pointer = || match value {
        Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => Ok(pointer.to_owned()),
        _ => Err(format!("{name} needs a JSON pointer, as in {name}=/name")),
    };
    Ok(match name {
        "status" => Effect::Status(number(name, value, None)?),
        "html_error" => Effect::Html(number(name, value, Some(502))?),
        "reset" => Effect::Reset,
        "stall" => Effect::Stall,
        "truncate" => Effect::Truncate(number(name, value, None)?),
        "dribble" => Effect::Dribble { bytes: number(name, value, Some(1))?, every: every() },
        "wrong_offset" => Effect::WrongOffset(number(name, value, None)?),
        "lose_upload" => Effect::LoseUpload,
        "wrong_shape" => Effect::WrongShape(pointer()?),
        "unknown_word" => Effect::UnknownWord(pointer()?),
        other => {
            return Err(format!(
                "\"{other}\" is none of status, html_error, reset, stall, truncate, dribble, wrong_offset, \
                 lose_upload, wrong_shape, unknown_word"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_header_names_one_fault() {
        for (text, expected) in [
            ("reset", Ok((Effect::Reset, Phase::Before))),
            ("status=503", Ok((Effect::Status(503), Phase::Before))),
            ("html_error; phase=after_commit", Ok((Effect::Html(502), Phase::AfterCommit))),
            ("stall;phase=mid_body:10", Ok((Effect::Stall, Phase::MidBody(10)))),
            ("wrong_shape=/data/0/name", Ok((Effect::WrongShape("/data/0/name".into()), Phase::Before))),
            ("status", Err("status needs a number")),
            ("status=99", Err("99 is no status")),
            ("status=abc", Err("status needs a number")),
            ("unknown_word=name", Err("needs a JSON pointer")),
            ("dribble=0", Err("at least one byte")),
            ("reset; phase=later", Err("none of before")),
            ("reset; times=2", Err("only phase=")),
            ("explode", Err("none of status")),
            ("", Err("none of status")),
        ] {
            match (header(text), expected) {
                (Ok(read), Ok(expected)) => assert_eq!(read, expected),
                (Err(says), Err(part)) => assert!(says.contains(part), "{text}: {says}"),
                (read, _) => panic!("{text}: {read:?}"),
            }
        }
    }

    #[test]
    fn a_fault_reads_as_it_is_written() {
        for written in [
            json!({"match": {}, "times": 1, "phase": "before", "effect": "reset"}),
            json!({
                "match": {"host": "upload", "method": "PATCH", "path": "/files", "world": 2, "nth": 3},
                "times": 2,
                "phase": {"mid_body": 1024},
                "effect": {"dribble": {"bytes": 4, "every_ms": 10}},
            }),
            json!({
                "match": {"operation": "get_video"}, "times": 1, "phase": "after_commit",
                "effect": {"body": [200, "text/plain", "hello"]},
            }),
        ] {
            let fault = serde_json::from_value::<Written>(written.clone()).unwrap().fault().unwrap();
            assert_eq!(serde_json::to_value(Written::of(&fault)).unwrap(), written);
        }
        for (written, says) in [
            (json!({"effect": {"status": 1000}}), "no status"),
            (json!({"effect": {"body": [200, "text/plain", "x".repeat(65_537)]}}), "at most 65536 bytes"),
            (json!({"effect": "reset", "match": {"method": "NO SUCH"}}), "no method"),
        ] {
            let error = serde_json::from_value::<Written>(written).unwrap().fault().unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert!(serde_json::from_value::<Written>(json!({"effect": "reset", "time": 2})).is_err());
    }
}
