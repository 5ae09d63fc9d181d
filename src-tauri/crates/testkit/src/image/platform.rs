//! Platforms as indexes and configs write them.

use serde_json::{Map, Value};

/// Reads `os/architecture[/variant][:os.version]`.
pub(super) fn parse(text: &str) -> Value {
    let (platform, version) = match text.split_once(':') {
        Some((platform, version)) => (platform, Some(version)),
        None => (text, None),
    };
    let mut parts = platform.split('/');
    let mut value = Map::new();
    let os = parts.next().unwrap_or_default();
    value.insert("architecture".into(), parts.next().unwrap_or_default().into());
    value.insert("os".into(), os.into());
    if let Some(version) = version {
        value.insert("os.version".into(), version.into());
    }
    if let Some(variant) = parts.next() {
        value.insert("variant".into(), variant.into());
    }
    value.into()
}

/// The platform's fields for a config.
pub(super) fn for_config(platform: Option<&Value>) -> Map<String, Value> {
    platform.and_then(Value::as_object).cloned().unwrap_or_else(|| {
        let mut value = Map::new();
        value.insert("architecture".into(), "amd64".into());
        value.insert("os".into(), "linux".into());
        value
    })
}
