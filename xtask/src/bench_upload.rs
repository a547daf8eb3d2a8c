//! `cargo xtask bench-upload`.

use clap::Args;

use crate::install;
use crate::workspace::{XtaskError, cargo, root};

/// The official Python library.
const PYVIMEO: &str = "PyVimeo==1.1.2";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The file size in MiB.
    #[arg(long, default_value_t = 1024)]
    size: u64,
    /// The number of uploads per tool; the median counts.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Skip the sparse file of 8 GiB.
    #[arg(long)]
    no_hole: bool,
}

/// Compares an upload with curl and PyVimeo, using a benchmark of vimeo-ext. Needs curl and Python.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let python = install::python(&[PYVIMEO])?;
    let mut bench = cargo();
    // Compile only the features that an upload needs, as a small program would.
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
