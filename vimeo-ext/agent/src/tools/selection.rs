//! Which tools are given out.

use super::{Spec, Toolset, tool};

/// Which of the tools are given out, beside what the scopes allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolSelection {
    /// The sets; empty for the basic ones.
    pub toolsets: Vec<Toolset>,
    /// Tools by name, beside those of the sets; when there are names and no sets, these alone.
    pub names: Vec<String>,
    /// Only what changes nothing.
    pub read_only: bool,
    /// Nothing that takes away what is there: no overwriting, moving or deleting.
    pub no_destructive: bool,
}

impl ToolSelection {
    /// Whether the tool is among them.
    pub fn includes(&self, spec: &Spec) -> bool {
        let named = self.names.iter().any(|name| name == spec.name);
        let in_set = match (self.toolsets.as_slice(), self.names.as_slice()) {
            ([], []) => spec.toolset.is_default(),
            (sets, _) => sets.contains(&spec.toolset),
        };
        (named || in_set)
            && (spec.effect.is_read_only() || !self.read_only)
            && !(spec.effect.is_destructive() && self.no_destructive)
    }

    /// The first of the names that no tool has.
    pub fn unknown_name(&self) -> Option<&str> {
        self.names.iter().map(String::as_str).find(|name| tool(name).is_none())
    }
}
