//! Tables: aligned and truncated to the width of a terminal, tab-separated and untruncated in a pipe.

use std::io;

use console::{measure_text_width, truncate_str};

use super::IoStreams;
use crate::text::is_control;

/// A table with column titles.
pub(crate) struct Table {
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(titles: &[&'static str]) -> Self {
        Self { titles: titles.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| sanitize(&cell)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn print(&self, streams: &IoStreams) -> io::Result<()> {
        let Some(width) = streams.width() else {
            for row in &self.rows {
                streams.line(&row.join("\t"))?;
            }
            return Ok(());
        };
        if self.is_empty() {
            return Ok(());
        }
        let widths = self.widths(width);
        let titles: Vec<String> = self.titles.iter().map(|title| title.to_uppercase()).collect();
        streams.line(&streams.paint().bold(&self.format_row(&titles, &widths)))?;
        for row in &self.rows {
            streams.line(&self.format_row(row, &widths))?;
        }
        Ok(())
    }

    /// Returns the column widths. If the table is too wide, the widest columns are narrowed first.
    fn widths(&self, available: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| measure_text_width(title)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        let gaps = 2 * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > available {
            let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > 6) else { break };
            *widest -= 1;
        }
        widths
    }

    fn format_row(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if index > 0 {
                line.push_str("  ");
            }
            let cut = truncate_str(cell, *width, "…");
            line.push_str(&cut);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(measure_text_width(&cut))));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Puts untrusted text on one line and removes control characters.
pub(crate) fn sanitize(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => clean.push(' '),
            // Includes the marks that change the text direction.
            c if is_control(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["uri", "name", "seconds"]);
        table.row(["/videos/1".to_owned(), "Surf\tand \u{1b}[31msand".to_owned(), "5".to_owned()]);
        table.row(["/videos/22".to_owned(), "A very long title that goes on".to_owned(), "605".to_owned()]);
        table
    }

    #[test]
    fn terminal_tables_fit_the_width() {
        let (streams, out, _) = IoStreams::captured(Some(36));
        table().print(&streams).unwrap();
        let expected = [
            "URI         NAME             SECONDS",
            "/videos/1   Surf and [31ms…  5",
            "/videos/22  A very long ti…  605",
        ];
        assert_eq!(out.text().lines().collect::<Vec<_>>(), expected);
        for line in out.text().lines() {
            assert!(measure_text_width(line) <= 36, "{line}");
        }
    }

    #[test]
    fn piped_tables_are_tab_separated_and_untruncated() {
        let (streams, out, _) = IoStreams::captured(None);
        table().print(&streams).unwrap();
        assert_eq!(
            out.text(),
            "/videos/1\tSurf and [31msand\t5\n/videos/22\tA very long title that goes on\t605\n"
        );
    }
}
