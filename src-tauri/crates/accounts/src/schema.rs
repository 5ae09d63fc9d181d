//! The accounts file's JSON Schema, for editors.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{Account, file::VERSION};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is only described")]
struct File {
    /// The format's version.
    version: u64,
    /// The accounts. Where several are for one address, the first is used unless a profile names another.
    accounts: Vec<Account>,
}

/// The schema, as it is kept in `docs/accounts.schema.json`.
pub fn schema() -> Value {
    let generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let mut schema = Value::from(generator.into_root_schema_for::<File>());
    schema["title"] = json!("Image Syncer accounts");
    schema["properties"]["version"] =
        json!({"description": "The format's version.", "enum": (1..=VERSION).collect::<Vec<_>>()});
    schema
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_in_the_docs_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/accounts.schema.json");
        let text = format!("{:#}\n", super::schema());
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap_or_default(),
            text,
            "run it with UPDATE_SCHEMA=1"
        );
    }
}
