//! `cargo xtask upload-bench`.

use clap::Args;

use crate::install;
use crate::workspace::{Failure, cargo, root};

/// The official Python library, as its users get it today.
const PYVIMEO: &str = "PyVimeo==1.1.2";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The file's size in MiB.
    #[arg(long, default_value_t = 1024)]
    size: u64,
    /// How often each contender uploads it; the median counts.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Leave out the file of 8 GiB that is nothing but a hole.
    #[arg(long)]
    no_hole: bool,
}

/// Measures an upload beside curl and PyVimeo; the benchmark itself is vimeo-ext's. Needs curl and Python.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let python = install::python(&[PYVIMEO])?;
    let mut bench = cargo();
    // Only what an upload needs is compiled, and the client is what a user's own small program would be.
    bench
        .args(["bench", "--quiet", "--package", "vimeo-ext", "--no-default-features", "--features", "rustls"])
        .args(["--bench", "upload", "--", "--size", &arguments.size.to_string()])
        .args(["--runs", &arguments.runs.to_string(), "--python"])
        .arg(python)
        .current_dir(root());
    if arguments.no_hole {
        bench.arg("--no-hole");
    }
    install::finish(&mut bench, "the benchmark")
}
