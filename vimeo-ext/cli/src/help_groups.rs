//! Groups the commands in the help of `vimeo`.

use clap::builder::styling::Styles;

/// Headings with their commands; every command is in exactly one group.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Videos", &["upload", "uploads", "replace", "picture", "texttrack", "ai", "videos"]),
    ("Related resources", &["folders", "showcases", "live", "analytics", "webhooks"]),
    ("Accounts", &["auth", "doctor", "limits", "accounts", "connections"]),
    ("API access", &["api", "ops"]),
    ("Agents, services and testing", &["tools", "mcp", "serve", "sandbox"]),
    ("Help and shell integration", &["help", "man", "completion"]),
];

/// Assumed terminal width, in columns.
const WIDTH: usize = 80;

/// Replaces the help template's list of commands with grouped lists.
pub(crate) fn grouped(command: clap::Command) -> clap::Command {
    let names = command.get_subcommands().map(|sub| sub.get_name().len());
    let margin = names.max().unwrap_or_default() + 4;
    let header = Styles::styled().get_header().to_owned();
    let mut text = String::new();
    for (title, names) in GROUPS {
        text.push_str(&format!("{header}{title}:{header:#}\n"));
        // Some commands depend on a feature of the build.
        for sub in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            let mut name = sub.get_name();
            for line in wrap(&about, WIDTH - margin) {
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

fn wrap(text: &str, width: usize) -> Vec<String> {
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
    fn every_command_is_in_one_group() {
        let mut command = crate::cli::command();
        let help = command.render_help().to_string();
        let mut known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        let mut shown: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        if cfg!(not(feature = "stores")) {
            shown.retain(|name| !["accounts", "connections"].contains(name));
        }
        if cfg!(not(feature = "mcp")) {
            shown.retain(|name| *name != "mcp");
        }
        if cfg!(not(feature = "connector")) {
            shown.retain(|name| *name != "serve");
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
    fn wraps_between_words() {
        assert_eq!(wrap("a bc def ghij", 6), ["a bc", "def", "ghij"]);
        assert_eq!(wrap("longer than that", 4), ["longer", "than", "that"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
