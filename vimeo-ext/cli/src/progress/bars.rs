//! ProgressBars in one block.

use console::{measure_text_width, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::board::{Board, Row, State, sum};
use crate::output::{Paint, bytes, duration, escaped_but_colours, plain};

/// A line for each file, and one for all when there are several.
pub(super) struct ProgressBars {
    block: MultiProgress,
    lines: Vec<ProgressBar>,
    paint: Paint,
}

impl ProgressBars {
    pub(super) fn new(files: usize, paint: Paint) -> Self {
        let block = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(30));
        // The template has no part that could be wrong.
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let count = if files > 1 { files + 1 } else { files };
        let lines = (0..count)
            .map(|_| {
                let line = ProgressBar::no_length().with_finish(ProgressFinish::Abandon);
                block.add(line.with_style(style.clone()))
            })
            .collect();
        Self { block, lines, paint }
    }

    pub(super) fn draw(&self, board: &Board) {
        let width = usize::from(console::Term::stderr().size().1).max(20);
        let mut rows = board.snapshot();
        if rows.len() > 1 {
            let all = sum(&rows);
            rows.push(all);
        }
        for (line, row) in self.lines.iter().zip(&rows) {
            line.set_message(render(row, width, self.paint));
        }
    }

    /// Prints a line above the bars.
    pub(super) fn note(&self, text: &str) {
        let _ = self.block.println(escaped_but_colours(text));
    }

    /// Leaves the last of them on the screen.
    pub(super) fn end(&self) {
        for line in &self.lines {
            line.abandon();
        }
        self.freeze();
    }

    /// Leaves them as they are and goes to a line of its own. Ctrl-C stands behind the last of them by now, in the line
    /// below since bars are as wide as the terminal: drawn once more, all would be a line too low.
    pub(super) fn leave(&self) {
        self.freeze();
        super::lines::say("");
    }

    /// Nothing is drawn any more, also not by whoever holds them a moment longer: it would come between what is written
    /// next.
    fn freeze(&self) {
        self.block.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// A row in so many columns: name, bar, and as many numbers as there is room for.
pub(super) fn render(row: &Row, width: usize, paint: Paint) -> String {
    let percent = match row.total {
        0 => 100,
        total => u64::try_from(u128::from(row.acknowledged) * 100 / u128::from(total)).unwrap_or(100),
    };
    let mut numbers = vec![format!("{percent:>3} %")];
    if width >= 60 {
        numbers.push(match row.state {
            State::Waiting => format!("{} waiting", bytes(row.total)),
            State::Uploading => format!("{} / {}", bytes(row.acknowledged), bytes(row.total)),
            state => format!("{} {}", bytes(row.total), state.word()),
        });
    }
    if width >= 80 && row.state == State::Uploading && row.rate > 0 {
        numbers.push(format!("{}/s", bytes(row.rate)));
        numbers.extend(row.eta.map(duration));
    }
    let numbers = numbers.join("  ");
    // The numbers change all the time: the bar shall not move with them.
    let room = match width {
        ..60 => 6,
        60..80 => 30,
        _ => 48,
    };
    let numbers = format!("{numbers:<room$}");
    let name_width = (width / 4).clamp(8, 40);
    let name = plain(&row.name);
    let name = truncate_str(&name, name_width, "…");
    let gap = " ".repeat(name_width.saturating_sub(measure_text_width(&name)));
    let bar_width = width.saturating_sub(name_width + numbers.chars().count() + 5);
    let bar = bar(row, bar_width, paint);
    let line = format!("{name}{gap} {bar} {numbers}");
    line.trim_end().to_owned()
}

/// What the server has is solid, what is on its way is light.
fn bar(row: &Row, width: usize, paint: Paint) -> String {
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
        State::Failed(_) => paint.red(&solid),
        State::Done => paint.green(&solid),
        _ => paint.cyan(&solid),
    };
    format!("▕{solid}{}{}▏", "▒".repeat(light), " ".repeat(empty))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(state: State) -> Row {
        Row {
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
    fn a_row_fits_its_terminal() {
        for width in [20, 40, 59, 60, 79, 80, 100, 200, 300] {
            for state in [State::Waiting, State::Uploading, State::Transcoding, State::Done] {
                let line = render(&row(state), width, Paint(false));
                assert!(measure_text_width(&line) <= width, "{width} {state:?}: {line}");
            }
        }
    }

    #[test]
    fn wide_terminals_get_more_of_it() {
        assert_eq!(
            render(&row(State::Uploading), 80, Paint(false)),
            "holiday in the moun… ▕██▒▒▒  ▏  32 %  128.0 MiB / 400.0 MiB  12.0 MiB/s  8 s"
        );
        let wide = render(&row(State::Uploading), 200, Paint(false));
        assert!(wide.starts_with("holiday in the mountains, second cut, w… ▕███"), "{wide}");
        assert!(wide.ends_with("8 s"), "{wide}");
        assert_eq!(render(&row(State::Done), 40, Paint(false)), "holiday i… ▕██████▒▒▒▒▒▒▒▒     ▏  32 %");
    }

    #[test]
    fn an_empty_or_finished_row_is_full() {
        let finished = Row { total: 0, ..row(State::Done) };
        assert!(render(&finished, 80, Paint(false)).contains("100 %"));
    }
}
