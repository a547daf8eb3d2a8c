//! `cargo xtask regen`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use similar::TextDiff;
use vimeo_gen::{ApiTables, Catalogue, Generated};

use crate::workspace::{XtaskError, description, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Compare with the files on disk instead of writing; fail if they differ.
    #[arg(long)]
    check: bool,
    /// Show the whole diff.
    #[arg(long)]
    verbose: bool,
    /// Another description: a file, or a folder of partial documents.
    #[arg(long, requires = "out")]
    description: Option<PathBuf>,
    /// The folder for a separate crate.
    #[arg(long, requires = "description")]
    out: Option<PathBuf>,
}

/// The number of lines of a diff that are shown without `--verbose`.
const FIRST_LINES: usize = 40;

pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let started = Instant::now();
    let source = arguments.description.clone().unwrap_or_else(description);
    let loaded = vimeo_gen::load(&source)?;
    let tables = vimeo_gen::api_tables(&loaded);
    let catalogue = vimeo_gen::catalogue(&loaded);
    let generated = vimeo_gen::generate(loaded)?;
    report(&generated);
    let places = match &arguments.out {
        Some(out) => vec![Place { files: standalone(&generated, out)?, base: out.clone() }],
        None => vec![
            Place { files: in_workspace(&generated)?, base: root().join("vimeo-api") },
            Place { files: for_sandbox(&generated, tables?), base: root().join("vimeo-ext/sandbox") },
            Place { files: for_agent(catalogue?), base: root().join("vimeo-ext/agent") },
        ],
    };
    let mut changed = Vec::new();
    for place in &places {
        changed.push(compare(&place.files, &place.base)?);
    }
    let count: usize = changed.iter().map(Vec::len).sum();
    if arguments.check || arguments.verbose {
        changed.iter().for_each(|changed| show(changed, arguments.verbose));
    }
    if arguments.check {
        return if count == 0 {
            println!("up to date");
            Ok(())
        } else {
            Err(XtaskError::Differs(format!(
                "{count} generated files are out of date; run `cargo xtask regen` and commit"
            )))
        };
    }
    for (place, changed) in places.iter().zip(&changed) {
        write(changed, &place.base)?;
    }
    println!(
        "{} files written, {count} changed, in {:.1} s",
        places.iter().map(|place| place.files.len()).sum::<usize>(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Files to write below one folder.
struct Place {
    base: PathBuf,
    files: BTreeMap<PathBuf, String>,
}

/// The sandbox's tables of the description, and the calls of its tests.
fn for_sandbox(generated: &Generated, tables: ApiTables) -> BTreeMap<PathBuf, String> {
    BTreeMap::from([
        ("src/generated/operations.tsv".into(), tables.operations),
        ("src/generated/schemas.tsv".into(), tables.schemas),
        ("tests/it/generated/calls.rs".into(), generated.every_call.clone()),
    ])
}

/// The agent tools' catalogue of the description.
fn for_agent(catalogue: Catalogue) -> BTreeMap<PathBuf, String> {
    BTreeMap::from([
        ("src/tools/api/generated/operations.tsv".into(), catalogue.operations),
        ("src/tools/api/generated/schemas.tsv".into(), catalogue.schemas),
    ])
}

fn report(generated: &Generated) {
    println!(
        "{} operations, {} types, {} areas",
        generated.operations,
        generated.types,
        generated.features.len()
    );
    let widest = generated.applied.iter().map(|applied| applied.rule.len()).max().unwrap_or_default();
    for applied in &generated.applied {
        println!("  {:>6} × {:widest$}  {}", applied.count, applied.rule, applied.description);
    }
}

/// The files of vimeo-api: its generated module, and its manifest with the features.
fn in_workspace(generated: &Generated) -> Result<BTreeMap<PathBuf, String>, XtaskError> {
    let manifest = root().join("vimeo-api/Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(XtaskError::file(&manifest))?;
    let mut files = below(generated, Path::new("src/generated"));
    files.insert("Cargo.toml".into(), with_features(&text, &generated.features));
    Ok(files)
}

/// A separate crate: the hand-written part of vimeo-api with the generated module.
pub(crate) fn standalone(generated: &Generated, out: &Path) -> Result<BTreeMap<PathBuf, String>, XtaskError> {
    let crate_root = root().join("vimeo-api");
    let mut files = below(generated, Path::new("src/generated"));
    let lib = crate_root.join("src/lib.rs");
    files.insert("src/lib.rs".into(), fs::read_to_string(&lib).map_err(XtaskError::file(&lib))?);
    copy_sources(&crate_root, Path::new("src/runtime"), &mut files)?;
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let manifest = format!(
        "{}\n{}\n{}",
        include_str!("standalone.toml").replace("NAME", &crate_name(&name)),
        with_features(&format!("{FEATURES_START}\n{FEATURES_END}\n"), &generated.features),
        "# Not part of any other workspace.\n[workspace]\n",
    );
    files.insert("Cargo.toml".into(), manifest);
    Ok(files)
}

/// Adds all files of a folder of a crate.
fn copy_sources(
    crate_root: &Path,
    folder: &Path,
    files: &mut BTreeMap<PathBuf, String>,
) -> Result<(), XtaskError> {
    let source = crate_root.join(folder);
    for entry in fs::read_dir(&source).map_err(XtaskError::file(&source))? {
        let path = entry.map_err(XtaskError::file(&source))?.path();
        let name = folder.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_sources(crate_root, &name, files)?;
        } else {
            files.insert(name, fs::read_to_string(&path).map_err(XtaskError::file(&path))?);
        }
    }
    Ok(())
}

fn crate_name(folder: &str) -> String {
    let name: String =
        folder.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '-' }).collect();
    let name = name.trim_matches('-').to_ascii_lowercase();
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name } else { format!("api-{name}") }
}

fn below(generated: &Generated, folder: &Path) -> BTreeMap<PathBuf, String> {
    generated.files.iter().map(|(path, text)| (folder.join(path), text.clone())).collect()
}

const FEATURES_START: &str = "# The areas; this part is written by `cargo xtask regen`.";
const FEATURES_END: &str = "# End of the areas.";

/// Replaces the features between the two marks of a manifest.
fn with_features(manifest: &str, features: &[String]) -> String {
    let (Some(start), Some(end)) = (manifest.find(FEATURES_START), manifest.find(FEATURES_END)) else {
        return manifest.to_owned();
    };
    let quoted: Vec<String> = features.iter().map(|feature| format!("    \"{feature}\",\n")).collect();
    let own: Vec<String> = features.iter().map(|feature| format!("{feature} = []\n")).collect();
    let section = format!(
        "{FEATURES_START}\n[features]\ndefault = [\"all\"]\nall = [\n{}]\n{}inspect = []\n",
        quoted.concat(),
        own.concat()
    );
    format!(
        "{}{section}{}",
        manifest.get(..start).unwrap_or_default(),
        manifest.get(end..).unwrap_or_default()
    )
}

/// A file that differs: its current and expected text; `None` if there is no file.
struct Changed {
    path: PathBuf,
    now: Option<String>,
    wanted: Option<String>,
}

fn compare(files: &BTreeMap<PathBuf, String>, base: &Path) -> Result<Vec<Changed>, XtaskError> {
    let mut changed = Vec::new();
    for (path, wanted) in files {
        let now = read(&base.join(path))?;
        if now.as_ref() != Some(wanted) {
            changed.push(Changed { path: path.clone(), now, wanted: Some(wanted.clone()) });
        }
    }
    // Files of earlier runs that are no longer generated.
    for path in files_below(&base.join("src/generated"))? {
        let path = path.strip_prefix(base).map(Path::to_owned).unwrap_or(path);
        if !files.contains_key(&path) {
            changed.push(Changed { now: read(&base.join(&path))?, path, wanted: None });
        }
    }
    Ok(changed)
}

/// Reads a file with normalized line ends.
fn read(path: &Path) -> Result<Option<String>, XtaskError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.replace("\r\n", "\n"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(XtaskError::file(path)(error)),
    }
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>, XtaskError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(XtaskError::file(&folder)(error)),
        };
        for entry in entries {
            let path = entry.map_err(XtaskError::file(&folder))?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

fn show(changed: &[Changed], verbose: bool) {
    for file in changed {
        let (now, wanted) =
            (file.now.as_deref().unwrap_or_default(), file.wanted.as_deref().unwrap_or_default());
        let diff = TextDiff::from_lines(now, wanted);
        let (on_disk, made) =
            (format!("{} (on disk)", file.path.display()), format!("{} (generated)", file.path.display()));
        let text = diff.unified_diff().context_radius(2).header(&on_disk, &made).to_string();
        let lines = text.lines().count();
        let shown = if verbose { lines } else { FIRST_LINES.min(lines) };
        for line in text.lines().take(shown) {
            println!("{line}");
        }
        if shown < lines {
            println!("… {} more lines; --verbose shows them", lines - shown);
        }
    }
}

/// Writes all files, or none if one cannot be written.
fn write(changed: &[Changed], base: &Path) -> Result<(), XtaskError> {
    let mut ready = Vec::new();
    for file in changed {
        let path = base.join(&file.path);
        if let Some(text) = &file.wanted {
            let folder = path.parent().unwrap_or(base);
            fs::create_dir_all(folder).map_err(XtaskError::file(folder))?;
            let beside = path.with_extension("new");
            fs::write(&beside, text).map_err(XtaskError::file(&beside))?;
            ready.push((beside, path));
        }
    }
    for (beside, path) in ready {
        fs::rename(&beside, &path).map_err(XtaskError::file(&path))?;
    }
    for file in changed.iter().filter(|file| file.wanted.is_none()) {
        let path = base.join(&file.path);
        fs::remove_file(&path).map_err(XtaskError::file(&path))?;
    }
    Ok(())
}
