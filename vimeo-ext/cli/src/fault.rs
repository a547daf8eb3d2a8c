//! What is said when the program itself is at fault.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::process::ExitCode;

use crate::exit::Exit;

/// Runs the program. What panics is told by its place alone: the text of a panic may hold what the program worked with,
/// and that may be a token.
pub(crate) fn catch_panic(program: impl FnOnce() -> ExitCode) -> ExitCode {
    set_hook(Box::new(|fault| {
        let _ = std::io::stderr().write_all(text(fault, &Backtrace::capture()).as_bytes());
    }));
    catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|_| ExitCode::from(Exit::Other.code()))
}

fn text(fault: &PanicHookInfo<'_>, trace: &Backtrace) -> String {
    let place = fault.location().map(ToString::to_string).unwrap_or_default();
    let mut text = format!(
        "vimeo: a fault of this program, at {place}; what it said is not shown, as it may hold a secret\n\
         next: run it again with RUST_BACKTRACE=1, and report that place and what is printed\n"
    );
    // Names of functions and files, no values.
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

    const SECRET: &str = "token-of-the-fault-test";

    /// Panics as the program would, in the runtime and with a token in its words. Not a test by itself: the next one runs
    /// it in a process of its own, since the hook is one for all of a process.
    #[test]
    #[ignore = "is run by the test after it"]
    fn a_program_at_fault() {
        let code = catch_panic(|| {
            let runtime = crate::runtime().unwrap();
            runtime.block_on(async {
                let token = SecretString::from(SECRET);
                let on_the_side = tokio::spawn(async move { panic!("no {}", token.expose_secret()) });
                assert!(on_the_side.await.is_err());
                let account = format!("{{\"token\": \"{SECRET}\"}}");
                assert_eq!(account, "", "the account of {SECRET}");
                ExitCode::SUCCESS
            })
        });
        assert_eq!(code, ExitCode::from(Exit::Other.code()));
    }

    #[test]
    fn a_fault_is_told_by_its_place_and_shows_no_secret() {
        let mut itself = Command::new(std::env::current_exe().unwrap());
        itself.args(["--exact", "fault::tests::a_program_at_fault", "--ignored", "--nocapture"]);
        for trace in ["0", "full"] {
            let output = itself.env("RUST_BACKTRACE", trace).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success(), "{said}");
            assert_eq!(said.matches("a fault of this program, at ").count(), 2, "{said}");
            assert!(said.contains("src/fault.rs:"), "{said}");
            assert_eq!(said.contains("a_program_at_fault::"), trace == "full", "{said}");
            assert!(!said.contains(SECRET), "{said}");
        }
    }
}
