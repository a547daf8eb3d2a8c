//! Logs of commands that serve, on standard error.

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    /// One JSON object per line.
    Json,
}

/// Logs to standard error from now on. Without `RUST_LOG`, logs what is at least as important as `default`.
pub(crate) fn init(default: LevelFilter, format: LogFormat) {
    let rust_log = std::env::var("RUST_LOG").unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
    };
    // Cannot fail: this process sets no other subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(filter(&rust_log, default)).try_init();
}

/// Parses the filter of `RUST_LOG`: a level, or levels per target, e.g. `info,vimeo_ext=debug`.
///
/// Caps the protocol library at warnings: below that it logs whole messages, which can contain passwords.
fn filter(rust_log: &str, default: LevelFilter) -> Targets {
    const PROTOCOL: &str = "rmcp";
    let fallback = || Targets::new().with_default(default);
    let requested =
        if rust_log.trim().is_empty() { fallback() } else { rust_log.parse().unwrap_or_else(|_| fallback()) };
    let level = requested.default_level().unwrap_or(LevelFilter::WARN);
    let others = requested.iter().filter(|(target, _)| !target.starts_with(PROTOCOL));
    let others: Vec<_> = others.map(|(target, level)| (target.to_owned(), level)).collect();
    Targets::new()
        .with_default(level)
        .with_targets(others)
        .with_target(PROTOCOL, level.min(LevelFilter::WARN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_logs_whole_protocol_messages() {
        let levels = [
            LevelFilter::ERROR,
            LevelFilter::WARN,
            LevelFilter::INFO,
            LevelFilter::DEBUG,
            LevelFilter::TRACE,
        ];
        for (wanted, ours, protocol) in [
            ("", LevelFilter::WARN, LevelFilter::WARN),
            ("debug", LevelFilter::DEBUG, LevelFilter::WARN),
            ("trace", LevelFilter::TRACE, LevelFilter::WARN),
            ("error", LevelFilter::ERROR, LevelFilter::ERROR),
            ("off", LevelFilter::OFF, LevelFilter::OFF),
            ("vimeo_agent=debug", LevelFilter::DEBUG, LevelFilter::WARN),
            ("rmcp=trace,rmcp::service=debug", LevelFilter::WARN, LevelFilter::WARN),
            ("no level at all", LevelFilter::WARN, LevelFilter::WARN),
        ] {
            let filter = filter(wanted, LevelFilter::WARN);
            for level in levels.map(|level| level.into_level().unwrap()) {
                assert_eq!(
                    filter.would_enable("vimeo_agent::mcp", &level),
                    level <= ours,
                    "{wanted} {level}"
                );
                for target in ["rmcp", "rmcp::service"] {
                    assert_eq!(
                        filter.would_enable(target, &level),
                        level <= protocol,
                        "{wanted} {target} {level}"
                    );
                }
            }
        }
    }
}
