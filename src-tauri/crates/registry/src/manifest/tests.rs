use super::*;

mod kinds;
mod rewriting;

/// `sha256:` and the letter 64 times.
fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

fn parse(text: impl Into<Vec<u8>>) -> Manifest {
    let text = text.into();
    let shown = String::from_utf8_lossy(&text).into_owned();
    Manifest::parse(text.into(), None, None).unwrap_or_else(|e| panic!("{e} in {shown}"))
}

fn refused(text: impl Into<Vec<u8>>) -> String {
    let error = Manifest::parse(Bytes::from(text.into()), None, None).expect_err("must be refused");
    assert_eq!(error.code(), Code::ManifestInvalid);
    error.to_string()
}
