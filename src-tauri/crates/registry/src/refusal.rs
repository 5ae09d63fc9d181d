//! What a registry's refusal to write means. Registries agree neither on the status nor on the code, so that their
//! words decide where the code does not.

use crate::{Code, Error, MediaType};

/// A refused upload or mount.
pub(crate) fn of_blob(error: Error) -> Error {
    if !is_refusal(&error) {
        return error;
    }
    of_place(error).unwrap_or_else(|error| error)
}

/// A refused manifest.
pub(crate) fn of_manifest(error: Error, media_type: &MediaType) -> Error {
    if !is_refusal(&error) {
        return error;
    }
    let (status, code, words) =
        (error.http_status().unwrap_or_default(), code(&error), words(&error));
    if is_immutable(status, &words) {
        return of_locked_tag(error);
    }
    if code == "MANIFEST_BLOB_UNKNOWN" || code == "BLOB_UNKNOWN" {
        return error.becomes(Code::BlobNotFound, "the registry misses what the manifest names");
    }
    // ECR says so with 405 and UNSUPPORTED
    let is_invalid = matches!(&*code, "MANIFEST_INVALID" | "MANIFEST_UNVERIFIED")
        || words.contains("imagemanifest")
        || words.contains("invalid json");
    let error = if is_invalid {
        error
    } else {
        match of_place(error) {
            Ok(read) => return read,
            Err(error) => error,
        }
    };
    let refused = is_invalid
        || status == 415
        || status == 413
        || code.starts_with("UNSUPPORTED")
        || ["manifest class", "vnd.oci.empty", "media type", "mediatype"]
            .iter()
            .any(|text| words.contains(text));
    if refused && media_type.is_schema1() {
        return error
            .becomes(Code::ManifestSchema1, "the registry refuses the old schema 1 format");
    }
    if refused {
        let message = format!("the registry refuses the manifest ({media_type})");
        return error.becomes(Code::ManifestRejected, message);
    }
    error
}

/// A tag that does not move.
pub(crate) fn of_locked_tag(error: Error) -> Error {
    error.becomes(Code::TagImmutable, "the tag is locked and has another image")
}

/// What is wrong with the place that was written to, whatever it was: space, name, existence, rights.
fn of_place(error: Error) -> Result<Error, Error> {
    let (status, code, words) =
        (error.http_status().unwrap_or_default(), code(&error), words(&error));
    let full =
        ["quota", "no space left", "insufficient storage", "storage limit", "storage is full"];
    Ok(if status == 507 || full.iter().any(|text| words.contains(text)) {
        error.becomes(Code::QuotaExceeded, "the registry is out of space or quota")
    } else if status == 405 {
        error.becomes(Code::RegistryReadOnly, "the registry does not allow writing")
    } else if code == "NAME_INVALID" {
        error.becomes(Code::RepoName, "the registry does not take this repository name")
    } else if (status == 404 && !code.starts_with("BLOB_"))
        || code == "NAME_UNKNOWN"
        || code.contains("REPOSITORYNOTFOUND")
        || words.contains("repositorynotfound")
    {
        error.becomes(Code::RepoMustExist, "the repository must be created first")
    } else {
        return Err(error);
    })
}

/// Whether a registry answered and said no, as opposed to being unreachable, busy, or not knowing us.
fn is_refusal(error: &Error) -> bool {
    error.http_status().is_some()
        && !matches!(
            error.code(),
            Code::AuthRequired
                | Code::AuthRejected
                | Code::AuthUnavailable
                | Code::RateLimited
                | Code::NotARegistry
                | Code::ProxyFailed
                | Code::RedirectRefused
        )
}

fn is_immutable(status: u16, words: &str) -> bool {
    status == 412
        || words.contains("immutab")
        || words.contains("tagalreadyexists")
        || words.contains("tag_already_exists")
        || (words.contains("tag") && words.contains("cannot be overwritten"))
        || (status == 409 && words.contains("tag") && words.contains("exist"))
}

fn code(error: &Error) -> String {
    error.registry_code().unwrap_or_default().to_ascii_uppercase()
}

/// The registry's code and message, in lower case.
fn words(error: &Error) -> String {
    let code = error.registry_code().unwrap_or_default();
    format!("{code} {}", error.registry_message().unwrap_or_default()).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, code: &str, message: &str) -> Error {
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        Error::new(Code::RegistryRefused, "refused").status(status).said(some(code), some(message))
    }

    #[test]
    fn refusals_in_the_words_of_many_registries() {
        let oci = MediaType::OciManifest;
        for (status, code, message, means) in [
            (
                400,
                "TAG_INVALID",
                "The image tag '1' already exists and cannot be overwritten because the tag is immutable.",
                Code::TagImmutable,
            ),
            (400, "ImageTagAlreadyExistsException", "", Code::TagImmutable),
            (409, "", "tag 1 exists", Code::TagImmutable),
            (412, "PRECONDITION", "matched rule, configured as immutable", Code::TagImmutable),
            (412, "", "", Code::TagImmutable),
            (400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", Code::BlobNotFound),
            (404, "BLOB_UNKNOWN", "", Code::BlobNotFound),
            (400, "MANIFEST_INVALID", "manifest invalid", Code::ManifestRejected),
            (
                405,
                "UNSUPPORTED",
                "Invalid parameter at 'ImageManifest': 'Invalid JSON syntax'",
                Code::ManifestRejected,
            ),
            (415, "", "", Code::ManifestRejected),
            (413, "", "", Code::ManifestRejected),
            (405, "MANIFEST_INVALID", "Invalid JSON syntax", Code::ManifestRejected),
            (400, "UNSUPPORTED", "Invalid JSON syntax", Code::ManifestRejected),
            (
                403,
                "DENIED",
                "unknown manifest class for application/vnd.oci.empty.v1+json",
                Code::ManifestRejected,
            ),
            (
                403,
                "DENIED",
                "adding 10 MiB will exceed the configured upper limit of project quota",
                Code::QuotaExceeded,
            ),
            (507, "", "", Code::QuotaExceeded),
            (500, "", "write /store: no space left on device", Code::QuotaExceeded),
            (405, "UNSUPPORTED", "The operation is unsupported.", Code::RegistryReadOnly),
            (404, "NAME_UNKNOWN", "", Code::RepoMustExist),
            (404, "", "", Code::RepoMustExist),
            (400, "", "RepositoryNotFoundException: no such repository", Code::RepoMustExist),
            (400, "NAME_INVALID", "", Code::RepoName),
            (403, "DENIED", "requested access is denied", Code::RegistryRefused),
            (400, "", "", Code::RegistryRefused),
        ] {
            let error = of_manifest(said(status, code, message), &oci);
            assert_eq!(error.code(), means, "{status} {code} {message}");
        }
        let schema1 = of_manifest(said(400, "MANIFEST_INVALID", ""), &MediaType::Schema1Signed);
        assert_eq!(schema1.code(), Code::ManifestSchema1);
    }

    #[test]
    fn blobs_know_of_places_only() {
        for (status, code, message, means) in [
            (404, "NAME_UNKNOWN", "", Code::RepoMustExist),
            (405, "", "", Code::RegistryReadOnly),
            (403, "DENIED", "quota exceeded", Code::QuotaExceeded),
            (400, "NAME_INVALID", "", Code::RepoName),
            (412, "", "", Code::RegistryRefused),
        ] {
            assert_eq!(of_blob(said(status, code, message)).code(), means, "{status} {code}");
        }
    }

    #[test]
    fn what_is_no_refusal_keeps_its_code() {
        let words = |code| Error::new(code, "x").said(None, Some("quota".into()));
        assert_eq!(of_blob(words(Code::NetReset)).code(), Code::NetReset);
        for code in [Code::AuthRejected, Code::RateLimited, Code::NotARegistry] {
            let error = of_manifest(words(code).status(405), &MediaType::OciIndex);
            assert_eq!(error.code(), code);
        }
    }
}
