//! The addresses in answers about uploads, in every form.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Ask, quirk};
use crate::{
    quirk::{LocationForm, Quirk},
    upload::state,
};

/// Where an upload goes on; `None` where the registry does not say.
pub(super) fn of_upload(ask: &Ask, repository: &str, id: &str, offset: u64) -> Option<String> {
    let state = state(&ask.shared.secret, id, offset);
    let query = format!("?_state={}", utf8_percent_encode(&state, NON_ALPHANUMERIC));
    let path = format!("{}/v2/{repository}/blobs/uploads/{id}", ask.prefix);
    let scheme = ask.shared.scheme();
    let host = ask.host();
    Some(match quirk!(ask, Quirk::Location(form) => form) {
        None => format!("{scheme}://{host}{path}{query}"),
        Some(LocationForm::Path) => format!("{path}{query}"),
        Some(LocationForm::Relative) => format!("{id}{query}"),
        Some(LocationForm::SchemeLess) => format!("//{host}{path}{query}"),
        Some(LocationForm::Http) => format!("http://{host}{path}{query}"),
        Some(LocationForm::NoPort) => {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            format!("{scheme}://{name}{path}{query}")
        }
        Some(LocationForm::Storage) => format!("{}{path}{query}", ask.second_host_url()),
        Some(LocationForm::Host(other)) => format!("{scheme}://{other}{path}{query}"),
        Some(LocationForm::NoQuery) => format!("{scheme}://{host}{path}"),
        Some(LocationForm::Verbatim(text)) => text.clone(),
        Some(LocationForm::Missing) => return None,
    })
}

/// Where a blob is.
pub(super) fn of_blob(ask: &Ask, repository: &str, digest: &str) -> String {
    format!("{}/v2/{repository}/blobs/{digest}", ask.base())
}
