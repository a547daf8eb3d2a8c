//! What is generated from a small description, whole modules at a time.

use insta::assert_snapshot;

use crate::generated;

#[test]
fn every_file() {
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
fn what_the_rules_did() {
    let generated = generated();
    let told: Vec<String> =
        generated.applied.iter().map(|applied| format!("{:>3} {}", applied.count, applied.rule)).collect();
    assert_snapshot!("rules", told.join("\n"));
    assert_eq!(generated.features, ["clips", "watch-later"]);
    assert_eq!((generated.operations, generated.types), (5, 7));
}
