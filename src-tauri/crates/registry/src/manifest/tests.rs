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

#[test]
fn sizes_whose_sum_would_overflow_are_refused() {
    let text = |size: u64| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[
            {{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{size}}}]}}"#,
            digest('a')
        )
    };
    assert_eq!(parse(text(1 << 44)).blobs()[0].size, 1 << 44);
    for size in [(1 << 44) + 1, u64::MAX] {
        let said = refused(text(size));
        assert!(said.contains("'layers[0]'") && said.contains("which no blob has"), "{said}");
    }
}
