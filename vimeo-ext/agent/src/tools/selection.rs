//! Selects the tools that are offered.

use super::{Effect, Spec, Toolset, tool};

/// Selects the tools that are offered, within what the scopes allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolSelection {
    /// Toolsets to offer; empty for the default ones.
    pub toolsets: Vec<Toolset>,
    /// Names of tools to offer in addition to the toolsets. With names and no toolsets, only these are offered.
    pub names: Vec<String>,
    /// Whether to offer only tools that change nothing. A tool whose effect depends on the arguments then only reads.
    pub read_only: bool,
    /// Whether to leave out tools that overwrite, move or delete, and to refuse such calls of other tools.
    pub no_destructive: bool,
}

impl ToolSelection {
    /// Selects exactly the tools with these names, even if there are none.
    pub fn only(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.into_iter().collect();
        if names.is_empty() {
            // Without names, the default toolsets would be offered. No tool has the empty name.
            names.push(String::new());
        }
        Self { names, ..Self::default() }
    }

    /// Returns whether the selection includes a tool.
    pub fn includes(&self, spec: &Spec) -> bool {
        let by_name = self.names.iter().any(|name| name == spec.name);
        let by_toolset = match (self.toolsets.as_slice(), self.names.as_slice()) {
            ([], []) => spec.toolset.is_default(),
            (toolsets, _) => toolsets.contains(&spec.toolset),
        };
        (by_name || by_toolset) && (spec.effect == Effect::Varies || self.may(spec.effect))
    }

    /// Returns whether calls with this effect are allowed.
    pub(crate) fn may(&self, effect: Effect) -> bool {
        (effect.is_read_only() || !self.read_only) && !(effect.is_destructive() && self.no_destructive)
    }

    /// Returns the first of [`names`](Self::names) that no tool has.
    pub fn unknown_name(&self) -> Option<&str> {
        self.names.iter().map(String::as_str).find(|name| tool(name).is_none())
    }
}
