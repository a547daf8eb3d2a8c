//! Progress bars.

use console::{measure_text_width, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::tracker::{FileProgress, FileState, ProgressTracker, total};
use crate::output::{Paint, bytes, duration, escape_controls_except_colors, sanitize};

/// One bar per file, and one for the total if there are several.
pub(super) struct ProgressBars {
    multi: MultiProgress,
    bars: Vec<ProgressBar>,
    paint: Paint,
}

impl ProgressBars {
    pub(super) fn new(files: usize, paint: Paint) -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(30));
        // Cannot fail: the template is constant.
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let count = if files > 1 { files + 1 } else { files };
        let bars = (0..count)
            .map(|_| {
                let bar = ProgressBar::no_length().with_finish(ProgressFinish::Abandon);
                multi.add(bar.with_style(style.clone()))
            })
            .collect();
        Self { multi, bars, paint }
    }

    pub(super) fn draw(&self, tracker: &ProgressTracker) {
        let width = usize::from(console::Term::stderr().size().1).max(20);
        let mut rows = tracker.snapshot();
        if rows.len() > 1 {
            let all = total(&rows);
            rows.push(all);
        }
        for (bar, row) in self.bars.iter().zip(&rows) {
            bar.set_message(render(row, width, self.paint));
        }
    }

    /// Prints a line above the bars.
    pub(super) fn note(&self, text: &str) {
        let _ = self.multi.println(escape_controls_except_colors(text));
    }

    /// Leaves the final bars on the screen.
    pub(super) fn finish(&self) {
        for bar in &self.bars {
            bar.abandon();
        }
        self.freeze();
    }

    /// Leaves the bars as they are and starts a new line. The terminal has echoed ^C after the last bar, on the next
    /// line because bars are as wide as the terminal: redrawing would move all bars down by one line.
    pub(super) fn abandon(&self) {
        self.freeze();
        super::lines::write_stderr_line("");
    }

    /// Stops all drawing, even by tasks that still hold the bars: it would mix with the output that follows.
    fn freeze(&self) {
        self.multi.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// Renders a row in `width` columns: name, bar, and as many numbers as fit.
pub(super) fn render(row: &FileProgress, width: usize, paint: Paint) -> String {
    let percent = match row.total {
        0 => 100,
        total => u64::try_from(u128::from(row.acknowledged) * 100 / u128::from(total)).unwrap_or(100),
    };
    let mut numbers = vec![format!("{percent:>3} %")];
    if width >= 60 {
        numbers.push(match row.state {
            FileState::Waiting => format!("{} waiting", bytes(row.total)),
            FileState::Uploading => format!("{} / {}", bytes(row.acknowledged), bytes(row.total)),
            state => format!("{} {}", bytes(row.total), state.as_str()),
        });
    }
    if width >= 80 && row.state == FileState::Uploading && row.rate > 0 {
        numbers.push(format!("{}/s", bytes(row.rate)));
        numbers.extend(row.eta.map(duration));
    }
    let numbers = numbers.join("  ");
    // Pad the numbers so that the bar does not move when they change.
    let numbers_width = match width {
        ..60 => 6,
        60..80 => 30,
        _ => 48,
    };
    let numbers = format!("{numbers:<numbers_width$}");
    let name_width = (width / 4).clamp(8, 40);
    let name = sanitize(&row.name);
    let name = truncate_str(&name, name_width, "…");
    let gap = " ".repeat(name_width.saturating_sub(measure_text_width(&name)));
    let bar_width = width.saturating_sub(name_width + numbers.chars().count() + 5);
    let bar = bar(row, bar_width, paint);
    let line = format!("{name}{gap} {bar} {numbers}");
    line.trim_end().to_owned()
}

/// Renders a bar: acknowledged bytes are solid, bytes in transit are light.
fn bar(row: &FileProgress, width: usize, paint: Paint) -> String {
    if width < 3 {
        return String::new();
    }
    let cells = |part: u64| match row.total {
        0 => width,
        total => {
            usize::try_from(u128::from(part) * width as u128 / u128::from(total)).unwrap_or(width).min(width)
        }
    };
    let solid = cells(row.acknowledged);
    let light = cells(row.sent).saturating_sub(solid);
    let empty = width - solid - light;
    let solid = "█".repeat(solid);
    let solid = match row.state {
        FileState::Failed(_) => paint.red(&solid),
        FileState::Done => paint.green(&solid),
        _ => paint.cyan(&solid),
    };
    format!("▕{solid}{}{}▏", "▒".repeat(light), " ".repeat(empty))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(state: FileState) -> FileProgress {
        FileProgress {
            name: "holiday in the mountains, second cut, with titles.mp4".to_owned(),
            total: 400 << 20,
            acknowledged: 128 << 20,
            sent: 300 << 20,
            rate: 12 << 20,
            eta: Some(Duration::from_secs(8)),
            state,
        }
    }

    #[test]
    fn rows_fit_the_terminal_width() {
        for width in [20, 40, 59, 60, 79, 80, 100, 200, 300] {
            for state in [FileState::Waiting, FileState::Uploading, FileState::Transcoding, FileState::Done] {
                let line = render(&row(state), width, Paint(false));
                assert!(measure_text_width(&line) <= width, "{width} {state:?}: {line}");
            }
        }
    }

    #[test]
    fn wide_terminals_show_more_numbers() {
        assert_eq!(
            render(&row(FileState::Uploading), 80, Paint(false)),
            "holiday in the moun… ▕██▒▒▒  ▏  32 %  128.0 MiB / 400.0 MiB  12.0 MiB/s  8 s"
        );
        let wide = render(&row(FileState::Uploading), 200, Paint(false));
        assert!(wide.starts_with("holiday in the mountains, second cut, w… ▕███"), "{wide}");
        assert!(wide.ends_with("8 s"), "{wide}");
        assert_eq!(render(&row(FileState::Done), 40, Paint(false)), "holiday i… ▕██████▒▒▒▒▒▒▒▒     ▏  32 %");
    }

    #[test]
    fn empty_files_are_full_bars() {
        let finished = FileProgress { total: 0, ..row(FileState::Done) };
        assert!(render(&finished, 80, Paint(false)).contains("100 %"));
    }
}
