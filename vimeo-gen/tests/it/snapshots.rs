//! Snapshots of all generated files of a small description.

use insta::assert_snapshot;

use crate::generated;

#[test]
fn generated_files() {
    let generated = generated();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (path, text) in &generated.files {
            let name = path.with_extension("").display().to_string().replace(['/', '\\'], "-");
            assert_snapshot!(name, text);
        }
    });
    let names: Vec<String> = generated.files.keys().map(|path| path.display().to_string()).collect();
    assert_snapshot!("files", names.join("\n"));
}

#[test]
fn applied_rules() {
    let generated = generated();
    let applied: Vec<String> =
        generated.applied.iter().map(|applied| format!("{:>3} {}", applied.count, applied.rule)).collect();
    assert_snapshot!("rules", applied.join("\n"));
    assert_eq!(generated.features, ["clips", "watch-later"]);
    assert_eq!((generated.operations, generated.types), (5, 7));
}
