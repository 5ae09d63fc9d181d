//! The page's types are those of Rust.

use std::path::Path;

#[test]
fn the_committed_types_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/backend/generated.ts");
    let wanted = api::typescript::file();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == wanted,
        "run `UPDATE_TYPES=1 cargo test -p api --test typescript` and commit the file"
    );
}

#[test]
fn nothing_that_crosses_the_border_is_a_bigint() {
    let file = api::typescript::file();
    assert!(!file.contains("bigint"), "{file}");
    assert!(
        file.contains("'accounts.save': { request: AccountDraft; answer: Account };"),
        "{file}"
    );
}
