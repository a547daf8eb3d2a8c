//! Reporting of panics.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};

use crate::exit::ExitCode;

/// Runs the program and reports a panic by its location only: the panic message can contain values, such as a token.
pub(crate) fn catch_panic(program: impl FnOnce() -> std::process::ExitCode) -> std::process::ExitCode {
    set_hook(Box::new(|info| {
        let _ = std::io::stderr().write_all(report(info, &Backtrace::capture()).as_bytes());
    }));
    catch_unwind(AssertUnwindSafe(program))
        .unwrap_or_else(|_| std::process::ExitCode::from(ExitCode::Other.code()))
}

fn report(info: &PanicHookInfo<'_>, trace: &Backtrace) -> String {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let mut text = format!(
        "vimeo: internal error (panic) at {location}; the message is not shown because it can contain secrets\n\
         next: run the command again with RUST_BACKTRACE=1 and report the location and the backtrace\n"
    );
    // A backtrace has names of functions and files, but no values.
    if trace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("{trace}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use secrecy::{ExposeSecret, SecretString};

    use super::*;

    const SECRET: &str = "token-of-the-panic-test";

    /// Panics inside the runtime with a token in the message. The next test runs it in a separate process, because a
    /// panic hook applies to the whole process.
    #[test]
    #[ignore = "run by panic_report_shows_no_secret"]
    fn panicking_program() {
        let code = catch_panic(|| {
            let runtime = crate::runtime().unwrap();
            runtime.block_on(async {
                let token = SecretString::from(SECRET);
                let task = tokio::spawn(async move { panic!("no {}", token.expose_secret()) });
                assert!(task.await.is_err());
                let account = format!("{{\"token\": \"{SECRET}\"}}");
                assert_eq!(account, "", "the account of {SECRET}");
                std::process::ExitCode::SUCCESS
            })
        });
        assert_eq!(code, std::process::ExitCode::from(ExitCode::Other.code()));
    }

    #[test]
    fn panic_report_shows_no_secret() {
        let mut test_binary = Command::new(std::env::current_exe().unwrap());
        test_binary.args(["--exact", "panic::tests::panicking_program", "--ignored", "--nocapture"]);
        for trace in ["0", "full"] {
            let output = test_binary.env("RUST_BACKTRACE", trace).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert!(output.status.success(), "{text}");
            assert_eq!(text.matches("internal error (panic) at ").count(), 2, "{text}");
            assert!(text.contains("src/panic.rs:"), "{text}");
            assert_eq!(text.contains("panicking_program::"), trace == "full", "{text}");
            assert!(!text.contains(SECRET), "{text}");
        }
    }
}
