//! The profile file's JSON Schema, for editors.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{Profile, VERSION};

// `engine::Overwrite` as the file names it.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum OverwriteName {
    Never,
    Differing,
    Always,
}

// `engine::Attestations` as the file names it.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum AttestationsName {
    Keep,
    Strip,
    Auto,
}

// `engine::IndexPolicy` as the file names it.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum IndexName {
    Rewrite,
    Sparse,
}

// `engine::NewestBy` as the file names it.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum NewestByName {
    Version,
    Created,
}

/// The schema, as it is kept in `docs/profile.schema.json`.
pub fn schema() -> Value {
    let generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let mut schema = Value::from(generator.into_root_schema_for::<Profile>());
    schema["title"] = json!("Image Syncer profile");
    // The file says its version; a profile in memory has none.
    let mut properties = Map::new();
    properties.insert(
        "version".into(),
        json!({"description": "The format's version.", "const": VERSION}),
    );
    if let Some(others) = schema["properties"].as_object_mut() {
        properties.append(others);
        *others = properties;
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.insert(0, json!("version"));
    }
    schema
}
