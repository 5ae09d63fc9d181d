//! Where redirects, upload `Location`s and `Link`s may lead.

use url::Url;

use crate::{Answer, Result};

/// Resolves a `Location` or `Link` target against the URL that answered (RFC 3986), its query kept byte for byte. An
/// `http` address of the registry's own host becomes `https` where the registry speaks that (a TLS proxy in front of
/// it doesn't tell); every other downgrade, and loopback or link-local hosts unless the registry is one itself, is
/// `redirect.refused`.
pub(crate) fn resolve(answer: &Answer, target: &str) -> Result<Url> {
    let _ = (answer, target);
    todo!()
}
