//! The commands of `docs/connector.md`, and the output that the guide shows for them.

use std::fmt::Write as _;

/// A block of commands, and the lines that it prints.
#[derive(Debug, Default, PartialEq)]
struct Block {
    commands: String,
    output: String,
}

/// Returns the blocks of a guide that are marked `sh`, each with the block `text` that follows it.
fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut kind = None;
    for line in guide.lines() {
        match (kind, line.strip_prefix("```")) {
            (None, Some("sh")) => {
                blocks.push(Block::default());
                kind = Some("sh");
            }
            (None, Some("text")) => kind = Some("text"),
            (Some(_), Some("")) => kind = None,
            (Some(kind), _) => {
                if let Some(block) = blocks.last_mut() {
                    let text = if kind == "sh" { &mut block.commands } else { &mut block.output };
                    text.push_str(line);
                    text.push('\n');
                }
            }
            (None, _) => {}
        }
    }
    blocks
}

/// Returns a script that runs the blocks in one shell, each with its output in a file of its own: `output-0` and so on.
pub(super) fn script(guide: &str) -> String {
    // A service that is left behind by a failure would keep its port.
    let mut script = "set -eu\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n".to_owned();
    for (number, block) in blocks(guide).iter().enumerate() {
        let _ = write!(script, "exec > output-{number}\n{}", block.commands);
    }
    script
}

/// Returns a text for the first block whose output differs from the shown one.
pub(super) fn difference(guide: &str, printed: impl Fn(usize) -> String) -> Option<String> {
    blocks(guide).iter().enumerate().find_map(|(number, block)| {
        let found = printed(number);
        let (shown, lines): (Vec<_>, Vec<_>) = (block.output.lines().collect(), found.lines().collect());
        let fits =
            shown.len() == lines.len() && shown.iter().zip(&lines).all(|(shown, line)| fits(shown, line));
        (!fits).then(|| format!("{}printed\n{found}and not\n{}", block.commands, block.output))
    })
}

/// Whether a line is the shown one, in which `…` stands for any text. At the end of a line, it can stand for the rest.
fn fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at.saturating_add(part.len())..).unwrap_or_default();
    }
    false
}

/// How many blocks of commands a guide has.
pub(super) fn count(guide: &str) -> usize {
    blocks(guide).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_output_after_them() {
        let guide = "a\n```sh\nx\ny\n```\nb\n```text\n1\n```\n```json\n{}\n```\n```sh\nz\n```\n";
        let block = |commands: &str, output: &str| Block { commands: commands.into(), output: output.into() };
        assert_eq!(blocks(guide), [block("x\ny\n", "1\n"), block("z\n", "")]);
        assert_eq!(difference(guide, |number| ["1\n", ""][number].to_owned()), None);
        assert!(difference(guide, |_| "2\n".to_owned()).is_some());
    }

    #[test]
    fn an_ellipsis_stands_for_any_text() {
        for (shown, line, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a…c", "abbc", true),
            ("a…c", "abb", false),
            ("a…", "abb", true),
            ("a…c", "acx", false),
            ("a…}", "a{b}c}", true),
            ("a…b…c", "abbcc", true),
        ] {
            assert_eq!(fits(shown, line), expected, "{shown} {line}");
        }
    }
}
