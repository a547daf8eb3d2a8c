//! `cargo xtask screenshot`: runs the command in a pseudo-terminal and draws the screen as SVG.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use vt100::{Color, Parser, Screen};

use crate::artifacts;
use crate::workspace::{XtaskError, root};

const COLUMNS: u16 = 92;
const ROWS: u16 = 24;
/// The typed lines.
const TYPED: [&str; 3] = [
    "vimeo upload sample.mp4 --sandbox",
    "vimeo videos list --sandbox",
    "vimeo api /me/videos --paginate --jq length --sandbox",
];

/// Draws `vimeo-ext/cli/terminal.svg`. Needs `script`, of util-linux.
pub(crate) fn run() -> Result<(), XtaskError> {
    let vimeo = artifacts::binary("vimeo-ext/cli", "vimeo")?;
    let binaries = vimeo.parent().unwrap_or(root());
    let mut parser = Parser::new(ROWS, COLUMNS, 0);
    for line in TYPED {
        parser.process(format!("\x1b[1;32m$\x1b[0m \x1b[1m{line}\x1b[0m\r\n").as_bytes());
        parser.process(&typescript(line, binaries)?);
    }
    let target = root().join("vimeo-ext/cli/terminal.svg");
    fs::write(&target, draw(parser.screen())).map_err(XtaskError::file(target.clone()))
}

/// Returns the terminal output of a line.
fn typescript(line: &str, binaries: &Path) -> Result<Vec<u8>, XtaskError> {
    let folder = root().join("vimeo-ext/examples/media");
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());
    let line = format!("stty cols {COLUMNS} rows {ROWS}; {line}");
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(&folder)
        .env("PATH", path)
        .env("TERM", "xterm-256color")
        .env("COLUMNS", COLUMNS.to_string())
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .map_err(XtaskError::file("script"))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(XtaskError::Command(format!("`{line}` failed: {}", output.status))),
    }
}

/// Draws the rows of the screen up to the last one with content.
fn draw(screen: &Screen) -> String {
    const CELL: (f32, f32) = (8.4, 18.0);
    let rows = (0..ROWS).rev().find(|row| !text_of(screen, *row).trim().is_empty()).map_or(1, |row| row + 1);
    let (width, height) = (f32::from(COLUMNS) * CELL.0 + 24.0, f32::from(rows) * CELL.1 + 20.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         font-family=\"ui-monospace,Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for row in 0..rows {
        let y = f32::from(row) * CELL.1 + 24.0;
        for (column, text, style) in runs(screen, row) {
            let x = f32::from(column) * CELL.0 + 12.0;
            let length = text.chars().count() as f32 * CELL.0;
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\" {style}>{}</text>",
                escape(&text)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn text_of(screen: &Screen, row: u16) -> String {
    (0..COLUMNS)
        .filter_map(|column| screen.cell(row, column))
        .map(|cell| cell.contents().to_owned())
        .collect()
}

/// Returns the runs of a row with the same style and their start columns, without surrounding spaces.
fn runs(screen: &Screen, row: u16) -> Vec<(u16, String, String)> {
    let mut runs: Vec<(u16, String, String)> = Vec::new();
    for column in 0..COLUMNS {
        let Some(cell) = screen.cell(row, column) else { continue };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let weight = if cell.bold() { " font-weight=\"bold\"" } else { "" };
        let style = format!("fill=\"{}\"{weight}", colour(cell.fgcolor(), cell.dim()));
        match runs.last_mut() {
            Some((_, run, known)) if *known == style => run.push_str(text),
            _ => runs.push((column, text.to_owned(), style)),
        }
    }
    let mut trimmed = Vec::new();
    for (column, text, style) in runs {
        let ahead = text.len() - text.trim_start().len();
        let shown = text.trim();
        if !shown.is_empty() {
            trimmed.push((column + u16::try_from(ahead).unwrap_or(0), shown.to_owned(), style));
        }
    }
    trimmed
}

fn colour(colour: Color, dim: bool) -> &'static str {
    match colour {
        _ if dim => "#8b93a1",
        Color::Idx(1 | 9) => "#f2777a",
        Color::Idx(2 | 10) => "#8ac97d",
        Color::Idx(3 | 11) => "#f0c66b",
        Color::Idx(6 | 14) => "#62c4d1",
        _ => "#d7dae0",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_colours() {
        let mut parser = Parser::new(ROWS, COLUMNS, 0);
        parser.process(b"\x1b[32mgood\x1b[0m & <plain>\r\n");
        let svg = draw(parser.screen());
        assert!(svg.contains("fill=\"#8ac97d\">good</text>"), "{svg}");
        assert!(svg.contains("&amp; &lt;plain&gt;</text>"), "{svg}");
        assert!(svg.len() < 1000);
    }
}
