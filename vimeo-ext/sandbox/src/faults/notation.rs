//! Fault notations: JSON for the control API, and a header for a single request.

use serde::{Deserialize, Serialize};

use super::{Effect, Fault, Phase, default_interval};
use crate::catalog;
use crate::request_log::Host;

/// A fault in the JSON of the control API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultSpec {
    #[serde(rename = "match", default)]
    matches: Match,
    /// How many requests the fault hits.
    #[serde(default = "once")]
    times: u64,
    #[serde(default)]
    phase: Phase,
    effect: Effect,
}

/// Which requests match; a member that is left out matches all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Match {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Host>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// A prefix of the path.
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    world: Option<u64>,
    /// Counted from 1 among the matching requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    nth: Option<u64>,
}

fn once() -> u64 {
    1
}

impl FaultSpec {
    /// Validates the specification.
    pub(crate) fn into_fault(self) -> Result<Fault, String> {
        let Self { matches, times, phase, effect } = self;
        check(&effect)?;
        let method = match matches.method {
            Some(text) => {
                Some(text.parse().map_err(|_| format!("match.method: \"{text}\" is not a method"))?)
            }
            None => None,
        };
        if times == 0 {
            return Err("times: must be at least 1".to_owned());
        }
        if matches.nth == Some(0) {
            return Err("match.nth: must be at least 1".to_owned());
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

/// Rejects unknown operations; a fault for one would stay pending for ever.
fn check_operation(name: &str) -> Result<(), String> {
    let names = || catalog::all().map(|operation| operation.name);
    if names().any(|known| known == name) {
        return Ok(());
    }
    let closest = names().max_by(|one, other| {
        let similarity = |known| strsim::normalized_levenshtein(known, name);
        similarity(one).total_cmp(&similarity(other))
    });
    let closest = closest.unwrap_or_default();
    Err(format!("match.operation: unknown operation \"{name}\"; the closest is \"{closest}\""))
}

/// Limits the body of [`Effect::Body`].
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Rejects statuses that HTTP cannot carry and bodies that are too large.
fn check(effect: &Effect) -> Result<(), String> {
    match effect {
        Effect::Status(status) | Effect::Html(status) | Effect::Body(status, ..)
            if !(200..=599).contains(status) =>
        {
            Err(format!("effect: invalid response status {status}"))
        }
        // Each hit is recorded with its effect.
        Effect::Body(_, _, body) if body.len() > MAX_BODY_BYTES => {
            Err(format!("effect: the body must have at most {MAX_BODY_BYTES} bytes"))
        }
        Effect::Dribble { bytes: 0, .. } => {
            Err("effect: dribble needs at least one byte per chunk".to_owned())
        }
        _ => Ok(()),
    }
}

/// Parses the header `X-Sandbox-Fault`: `effect` or `effect=value`, optionally followed by `; phase=…`.
pub(crate) fn parse_header(text: &str) -> Result<(Effect, Phase), String> {
    let mut parts = text.split(';').map(str::trim);
    let effect = parse_effect(parts.next().unwrap_or_default())?;
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
                        "invalid phase \"{other}\": must be before, mid_body:BYTES or after_commit"
                    ));
                }
            },
            _ => return Err(format!("unexpected \"{part}\": only phase=… may follow the effect")),
        };
    }
    Ok((effect, phase))
}

fn parse_effect(text: &str) -> Result<Effect, String> {
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
        "dribble" => Effect::Dribble { bytes: number(name, value, Some(1))?, every: default_interval() },
        "wrong_offset" => Effect::WrongOffset(number(name, value, None)?),
        "lose_upload" => Effect::LoseUpload,
        "wrong_shape" => Effect::WrongShape(pointer()?),
        "unknown_value" | "unknown_word" => Effect::UnknownValue(pointer()?),
        other => {
            return Err(format!(
                "unknown effect \"{other}\": must be status, html_error, reset, stall, truncate, dribble, \
                 wrong_offset, lose_upload, wrong_shape or unknown_value"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parses_fault_headers() {
        for (text, expected) in [
            ("reset", Ok((Effect::Reset, Phase::Before))),
            ("status=503", Ok((Effect::Status(503), Phase::Before))),
            ("html_error; phase=after_commit", Ok((Effect::Html(502), Phase::AfterCommit))),
            ("stall;phase=mid_body:10", Ok((Effect::Stall, Phase::MidBody(10)))),
            ("wrong_shape=/data/0/name", Ok((Effect::WrongShape("/data/0/name".into()), Phase::Before))),
            ("status", Err("status needs a number")),
            ("status=99", Err("invalid response status 99")),
            ("status=abc", Err("status needs a number")),
            ("unknown_value=name", Err("needs a JSON pointer")),
            ("unknown_value=/name", Ok((Effect::UnknownValue("/name".into()), Phase::Before))),
            // Its name in earlier releases.
            ("unknown_word=/name", Ok((Effect::UnknownValue("/name".into()), Phase::Before))),
            ("dribble=0", Err("at least one byte")),
            ("reset; phase=later", Err("invalid phase")),
            ("reset; times=2", Err("only phase=")),
            ("explode", Err("unknown effect")),
            ("", Err("unknown effect")),
        ] {
            match (parse_header(text), expected) {
                (Ok(read), Ok(expected)) => assert_eq!(read, expected),
                (Err(says), Err(part)) => assert!(says.contains(part), "{text}: {says}"),
                (read, _) => panic!("{text}: {read:?}"),
            }
        }
    }

    #[test]
    fn fault_json_round_trips() {
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
            let fault = serde_json::from_value::<FaultSpec>(written.clone()).unwrap().into_fault().unwrap();
            assert_eq!(serde_json::to_value(FaultSpec::of(&fault)).unwrap(), written);
        }
        for (written, says) in [
            (json!({"effect": {"status": 1000}}), "invalid response status 1000"),
            (json!({"effect": {"body": [200, "text/plain", "x".repeat(65_537)]}}), "at most 65536 bytes"),
            (json!({"effect": "reset", "match": {"method": "NO SUCH"}}), "not a method"),
        ] {
            let error = serde_json::from_value::<FaultSpec>(written).unwrap().into_fault().unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert!(serde_json::from_value::<FaultSpec>(json!({"effect": "reset", "time": 2})).is_err());
        for name in ["unknown_value", "unknown_word"] {
            let effect: Effect = serde_json::from_value(json!({name: "/name"})).unwrap();
            assert_eq!(effect, Effect::UnknownValue("/name".into()), "{name}");
        }
    }
}
