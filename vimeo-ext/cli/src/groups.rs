//! The commands in groups, as the help of `vimeo` alone shows them.

use clap::builder::styling::Styles;

/// Every command stands in one of them.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Videos", &["upload", "uploads", "replace", "picture", "texttrack", "videos"]),
    ("What is around them", &["folders", "showcases", "live", "analytics", "webhooks"]),
    ("Accounts", &["auth", "doctor", "limits", "accounts"]),
    ("Any call of the API", &["api", "ops"]),
    ("For agents and tests", &["tools", "mcp", "sandbox"]),
    ("The command itself", &["help", "man", "completion"]),
];

/// So wide is a terminal at least.
const WIDTH: usize = 80;

/// Shows the commands in groups.
pub(crate) fn grouped(command: clap::Command) -> clap::Command {
    let names = command.get_subcommands().map(|sub| sub.get_name().len());
    let margin = names.max().unwrap_or_default() + 4;
    let header = Styles::styled().get_header().to_owned();
    let mut text = String::new();
    for (title, names) in GROUPS {
        text.push_str(&format!("{header}{title}:{header:#}\n"));
        // Not all of them are in every build.
        for sub in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            let mut name = sub.get_name();
            for line in wrapped(&about, WIDTH - margin) {
                text.push_str(&format!("  {name:<0$}{line}\n", margin - 2));
                name = "";
            }
        }
        text.push('\n');
    }
    command.help_template(format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{text}{header}Options:{header:#}\n{{options}}{{after-help}}"
    ))
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_none_is_too_wide() {
        let mut command = crate::cli::command();
        let help = command.render_help().to_string();
        let mut known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        let mut shown: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        if cfg!(not(feature = "stores")) {
            shown.retain(|name| *name != "accounts");
        }
        if cfg!(not(feature = "mcp")) {
            shown.retain(|name| *name != "mcp");
        }
        known.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, known);
        for name in known {
            assert_eq!(help.matches(&format!("\n  {name} ")).count(), 1, "{name} in {help}");
        }
        let commands = help.split("\n\nVideos:\n").nth(1).unwrap().split("Options:").next().unwrap();
        assert!(commands.lines().all(|line| line.chars().count() <= WIDTH), "{commands}");
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("a bc def ghij", 6), ["a bc", "def", "ghij"]);
        assert_eq!(wrapped("longer than that", 4), ["longer", "than", "that"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
