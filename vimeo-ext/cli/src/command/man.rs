//! `vimeo man`.

use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man;

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

/// Generate man pages
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo man\n  $ vimeo man --dir pages")]
pub(crate) struct ManArgs {
    /// Write one page per command to this folder [default: print the main page]
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(context: &Context<'_>, args: &ManArgs, line: &clap::Command) -> Result<ExitCode> {
    let pages = pages(line)?;
    match &args.dir {
        None => {
            if let Some((_, page)) = pages.first() {
                context.streams.write(page)?;
            }
        }
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| CliError::io("create", folder, &error))?;
            for (name, page) in &pages {
                let path = folder.join(format!("{name}.1"));
                std::fs::write(&path, page).map_err(|error| CliError::io("write", &path, &error))?;
            }
            context.streams.note(&format!("wrote {} pages to {}", pages.len(), folder.display()));
        }
    }
    Ok(ExitCode::Done)
}

/// Renders the pages of a command and its subcommands, by name.
fn pages(command: &clap::Command) -> Result<Vec<(String, Vec<u8>)>> {
    fn each(
        command: &clap::Command,
        name: String,
        pages: &mut Vec<(String, Vec<u8>)>,
    ) -> std::io::Result<()> {
        // The page shows the name as typed; its title has the name with dashes.
        let shown =
            command.clone().name(name.clone()).bin_name(name.replace('-', " ")).disable_version_flag(true);
        let mut page = Vec::new();
        Man::new(shown).title(name.to_uppercase()).render(&mut page)?;
        pages.push((name.clone(), page));
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            each(sub, format!("{name}-{}", sub.get_name()), pages)?;
        }
        Ok(())
    }
    let mut all = Vec::new();
    each(command, "vimeo".to_owned(), &mut all)?;
    Ok(all)
}
