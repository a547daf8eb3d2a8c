//! The outcome of each step of each client, as a table.

use std::collections::BTreeMap;

/// The steps of the scenario. A client that has no call for a step skips it.
const STEPS: [&str; 13] = [
    "log in",
    "reject",
    "get",
    "page",
    "upload",
    "resume",
    "override",
    "edit",
    "replace",
    "picture",
    "portrait",
    "text track",
    "delete",
];

/// The steps by name, with the reason if a step failed.
pub(super) type Steps = BTreeMap<String, Option<String>>;

pub(super) fn print(table: &[(String, Steps)]) {
    let width = table.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    println!("{:width$}  {}", "", STEPS.join("  "));
    for (name, steps) in table {
        let cells = STEPS.iter().map(|step| {
            let says = match steps.get(*step) {
                Some(None) => "ok",
                Some(Some(_)) => "FAILED",
                None => "-",
            };
            format!("{says:len$}", len = step.len())
        });
        println!("{name:width$}  {}", cells.collect::<Vec<_>>().join("  "));
    }
    for (name, steps) in table {
        for (step, failed) in steps {
            if let Some(failed) = failed {
                println!("{name}, {step}: {failed}");
            }
        }
    }
}

/// The first step of a script that the table has no column for.
pub(super) fn unknown(steps: &Steps) -> Option<&str> {
    steps.keys().map(String::as_str).find(|step| !STEPS.contains(step))
}
