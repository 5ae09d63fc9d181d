use super::*;

const SIGNED: &[u8] = include_bytes!("schema1-signed.json");
/// What docker-registry 2.8.2 says of it in `Docker-Content-Digest`.
const SIGNED_DIGEST: &str =
    "sha256:d4032e7446cddc8b8f94488b4c1029e079577015ca1dd1febb0451bc199bb899";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn descriptor(media_type: &str, letter: char, size: u64) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{size}}}"#, digest(letter))
}

fn image(extra: &str) -> String {
    let config = descriptor("application/vnd.oci.image.config.v1+json", 'c', 3);
    let (a, b) = (descriptor(LAYER, 'a', 1), descriptor(LAYER, 'b', 0));
    format!(r#"{{"schemaVersion":2,{extra}"config":{config},"layers":[{a},{b},{a}]}}"#)
}

fn letters(blobs: &[Descriptor]) -> String {
    blobs.iter().map(|blob| blob.digest.hex().chars().next().unwrap()).collect()
}

#[test]
fn an_image_names_its_config_and_layers() {
    let text =
        image(r#""mediaType":"application/vnd.docker.distribution.manifest.v2+json","x":[1],"#);
    let manifest = parse(text.clone());
    assert_eq!(manifest.media_type(), &MediaType::DockerManifest);
    assert_eq!(manifest.digest(), &Digest::sha256(text.as_bytes()));
    assert_eq!(manifest.bytes(), &text);
    assert_eq!(letters(&manifest.blobs()), "cab", "config first, each once");
    assert!(manifest.children().is_empty());
    let ManifestKind::Image { config, layers, subject: None, artifact_type } = manifest.kind()
    else {
        panic!()
    };
    assert_eq!(config.as_ref().unwrap().size, 3);
    assert_eq!(letters(layers), "aba", "repeats are kept in the list");
    assert_eq!(artifact_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
}

#[test]
fn the_documents_own_type_wins_then_the_registrys_then_the_structure() {
    let own = |text: &str| format!(r#""mediaType":"{text}","#);
    let acme = "application/vnd.acme.manifest.v1+json";
    for (extra, content_type, media_type) in [
        (own(OCI), Some(DOCKER), OCI),
        (own(DOCKER), Some("text/plain; charset=utf-8"), DOCKER),
        (own(acme), Some(OCI), acme),
        (own(""), Some(DOCKER), DOCKER),
        (own("application/json"), Some(DOCKER), DOCKER),
        (
            String::new(),
            Some("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8"),
            DOCKER,
        ),
        (String::new(), Some("text/plain"), OCI),
        (String::new(), Some("application/json"), OCI),
        (String::new(), Some(OCI_INDEX), OCI),
        (String::new(), Some(acme), OCI),
        (String::new(), None, OCI),
    ] {
        let manifest = Manifest::parse(image(&extra).into(), content_type, None).unwrap();
        assert_eq!(manifest.media_type().as_str(), media_type, "{extra} {content_type:?}");
        assert_eq!(letters(&manifest.blobs()), "cab", "{extra} {content_type:?}");
    }
}

#[test]
fn structure_alone() {
    let entry = descriptor(OCI, 'a', 1);
    for (text, media_type) in [
        (format!(r#"{{"manifests":[{entry}]}}"#), MediaType::OciIndex),
        (format!(r#"{{"blobs":[{entry}]}}"#), MediaType::OciArtifact),
        (format!(r#"{{"config":{entry}}}"#), MediaType::OciManifest),
        (r#"{"layers":[]}"#.into(), MediaType::OciManifest),
        (
            format!(r#"{{"schemaVersion":1,"fsLayers":[{{"blobSum":"{}"}}]}}"#, digest('a')),
            MediaType::Schema1,
        ),
    ] {
        assert_eq!(parse(text.clone()).media_type(), &media_type, "{text}");
    }
}

#[test]
fn an_artifact_names_blobs_and_its_subject() {
    let text = format!(
        r#"{{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"x/y","blobs":[{}],"subject":{}}}"#,
        descriptor("x/z", 'a', 7),
        descriptor(OCI, 'b', 9),
    );
    let manifest = parse(text);
    assert_eq!(letters(&manifest.blobs()), "a");
    let ManifestKind::Image { config: None, subject, artifact_type, .. } = manifest.kind() else {
        panic!()
    };
    assert_eq!(subject.as_ref().unwrap().size, 9);
    assert_eq!(artifact_type.as_deref(), Some("x/y"));
}

#[test]
fn an_unknown_type_is_copied_with_what_it_names() {
    let acme = r#""mediaType":"application/vnd.acme.v1+json""#;
    let named = parse(format!(r#"{{{acme},"layers":[{}]}}"#, descriptor(LAYER, 'a', 1)));
    assert_eq!(letters(&named.blobs()), "a");
    let index = parse(format!(r#"{{{acme},"manifests":[{}]}}"#, descriptor(OCI, 'a', 1)));
    assert_eq!(letters(index.children()), "a");
    for other in [r#""config":"of another shape""#, r#""layers":{}"#, r#""anything":1"#] {
        let manifest = parse(format!("{{{acme},{other}}}"));
        assert!(manifest.blobs().is_empty() && manifest.children().is_empty());
        assert_eq!(manifest.media_type().as_str(), "application/vnd.acme.v1+json");
    }
}

#[test]
fn an_index_may_hold_blobs_nested_indexes_and_unknown_things() {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{},{},{},{},{}]}}"#,
        descriptor(OCI, 'a', 1),
        descriptor(LAYER, 'b', 2),
        descriptor(OCI_INDEX, 'c', 3),
        descriptor("application/vnd.acme.v1+json", 'd', 4),
        descriptor(LAYER, 'b', 2),
    );
    let index = parse(text);
    assert_eq!(letters(index.children()), "acd");
    assert_eq!(letters(&index.blobs()), "b");
    let ManifestKind::Index { manifests, .. } = index.kind() else { panic!() };
    assert_eq!(letters(manifests), "abcdb");
}

#[test]
fn an_entry_is_read_as_far_as_it_can_be() {
    let text = format!(
        r#"{{"mediaType":"{OCI_INDEX}","manifests":[
            {{"digest":"{}","platform":{{"os":"linux","architecture":"arm","variant":"v7","os.version":"1","features":["x"]}}}},
            {{"digest":"{}","size":5,"platform":{{"os":"","architecture":""}},"artifactType":"a/b"}},
            {{"digest":"{}","size":5,"platform":null,"annotations":{{"vnd.docker.reference.digest":17}}}},
            {{"digest":"{}","size":5,"platform":[],"annotations":{{"vnd.docker.reference.digest":"{}"}}}}]}}"#,
        digest('a'),
        digest('b'),
        digest('c'),
        digest('d'),
        digest('a'),
    );
    let index = parse(text);
    let [arm, empty, null, other] = index.children() else { panic!() };
    assert_eq!(arm.platform.as_ref().unwrap().to_string(), "linux/arm/v7:1");
    assert_eq!((arm.size, empty.size), (0, 5));
    assert_eq!((&empty.platform, empty.artifact_type.as_deref()), (&None, Some("a/b")));
    assert_eq!((&null.platform, &null.attests), (&None, &None));
    assert_eq!(
        (&other.platform, other.attests.as_ref()),
        (&None, Some(&digest('a').parse().unwrap()))
    );
}

#[test]
fn foreign_layers_are_left_out_and_empty_lists_are_fine() {
    let foreign = format!(
        r#"{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{}","size":9,"urls":["https://x"]}}"#,
        digest('f')
    );
    let manifest = parse(format!(r#"{{"layers":[{foreign},{}]}}"#, descriptor(LAYER, 'a', 1)));
    assert_eq!(letters(&manifest.blobs()), "a");
    for text in [
        r#"{"layers":[]}"#,
        r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":null}"#,
    ] {
        assert!(parse(text).blobs().is_empty());
    }
}

#[test]
fn schema1_signed_has_the_digest_of_its_payload() {
    let expected: Digest = SIGNED_DIGEST.parse().unwrap();
    let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    for content_type in [Some(signed), Some("application/json"), None] {
        let manifest = Manifest::parse(Bytes::from_static(SIGNED), content_type, None).unwrap();
        assert_eq!(
            (manifest.media_type(), manifest.digest()),
            (&MediaType::Schema1Signed, &expected)
        );
        assert_eq!(manifest.bytes(), SIGNED, "the bytes pass unchanged");
        let ManifestKind::Schema1 { blobs } = manifest.kind() else { panic!() };
        assert_eq!(
            blobs[0].as_str(),
            "sha256:deb230b21e0d7ef6a0a2d65a19599d4251b5f08888a5155882fbef2ef71e1e11"
        );
    }
    // as it is named by its registry, and as one names it that hashes everything
    for digest in [expected, Digest::sha256(SIGNED)] {
        let manifest = Manifest::parse(Bytes::from_static(SIGNED), None, Some(&digest)).unwrap();
        assert_eq!(manifest.digest(), &digest);
    }
    let mut damaged = SIGNED.to_vec();
    damaged[9] ^= 1;
    let error =
        Manifest::parse(damaged.into(), None, Some(&SIGNED_DIGEST.parse().unwrap())).unwrap_err();
    assert_eq!(error.code(), Code::DigestMismatch);
}

#[test]
fn bytes_that_do_not_hash_to_what_was_expected() {
    let text = image("");
    let expected: Digest = digest('0').parse().unwrap();
    let error = Manifest::parse(text.clone().into(), None, Some(&expected)).unwrap_err();
    assert_eq!(error.code(), Code::DigestMismatch);
    let got = Digest::sha256(text.as_bytes());
    assert_eq!(
        error.to_string(),
        format!("the manifest is damaged: expected {expected}, got {got}")
    );
    let sha512 = Digest::of(Algorithm::Sha512, text.as_bytes());
    assert_eq!(Manifest::parse(text.into(), None, Some(&sha512)).unwrap().digest(), &sha512);
}

#[test]
fn what_is_no_manifest() {
    let a = descriptor(LAYER, 'a', 1);
    for (text, why) in [
        (String::new(), "it is empty"),
        ("  \n".into(), "it is empty"),
        ("<!DOCTYPE html><html>".into(), "it is a web page"),
        ("[]".into(), "it is no JSON object"),
        ("null".into(), "it is no JSON object"),
        ("{".into(), "its JSON is wrong: EOF"),
        ("{} {}".into(), "its JSON is wrong: trailing characters"),
        ("{}".into(), "it has neither a media type nor layers nor manifests"),
        (r#"{"errors":[{"code":"UNKNOWN"}]}"#.into(), "it is an error message"),
        (r#"{"mediaType":7,"layers":[]}"#.into(), "its 'mediaType' is wrong"),
        (r#"{"layers":{}}"#.into(), "its 'layers' is wrong"),
        (r#"{"layers":[1]}"#.into(), "its 'layers[0]' is wrong"),
        (r#"{"layers":[{"size":1}]}"#.into(), "its 'layers[0]' is wrong: missing field `digest`"),
        (
            format!(r#"{{"layers":[{{"digest":"{}"}}]}}"#, digest('a')),
            "its 'layers[0]' has no size",
        ),
        (
            format!(r#"{{"layers":[{{"digest":"{}","size":-1}}]}}"#, digest('a')),
            "its 'layers[0]' is wrong",
        ),
        (
            format!(r#"{{"layers":[{{"digest":"{}","size":1e99}}]}}"#, digest('a')),
            "its 'layers[0]' is wrong",
        ),
        (
            format!(r#"{{"layers":[{{"digest":"{}","size":18446744073709551616}}]}}"#, digest('a')),
            "its 'layers[0]' is wrong",
        ),
        (r#"{"config":{"digest":"md5:00","size":1}}"#.into(), "its 'config' can't be verified"),
        (
            format!(r#"{{"layers":[{a}],"layers":[]}}"#),
            "its JSON is wrong: duplicate field `layers`",
        ),
        (format!(r#"{{"layers":[{a}],"manifests":[{a}]}}"#), "it is an index and has 'layers'"),
        (
            format!(r#"{{"mediaType":"{OCI}","manifests":[{a}]}}"#),
            "it is an image and has 'manifests'",
        ),
        (
            format!(r#"{{"mediaType":"{OCI_INDEX}","layers":[{a}]}}"#),
            "it is an index and has 'layers'",
        ),
        (r#"{"fsLayers":[{"blobSum":"x"}]}"#.into(), "its 'fsLayers[0]' can't be verified"),
    ] {
        let error = refused(text.clone());
        assert!(error.starts_with(&format!("no manifest: {why}")), "{text}\n  {error}");
    }
}

#[test]
fn hostile_documents_are_refused_or_read_but_never_panic() {
    let deep = "[".repeat(200_000);
    let pairs = format!("{{\"x\":{}{},\"layers\":[]}}", deep, "]".repeat(200_000));
    let _ = Manifest::parse(pairs.into(), None, None);
    for text in [
        format!("{{\"layers\":{deep}"),
        format!("{{\"layers\":{deep}{}}}", "]".repeat(200_000)),
        format!("{{\"mediaType\":{deep}"),
    ] {
        refused(text);
    }
    refused(b"{\"mediaType\":\"\xff\xfe\",\"layers\":[]}".to_vec());
    refused("{\"mediaType\":\"\\ud800\",\"layers\":[]}");
    for formats in [
        r#"{"formatLength":99999999999999,"formatTail":""}"#,
        r#"{"formatLength":-1}"#,
        "{}",
        "\u{0}",
    ] {
        let protected = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, formats);
        let text = format!(r#"{{"fsLayers":[],"signatures":[{{"protected":"{protected}"}}]}}"#);
        assert_eq!(parse(text.clone()).digest(), &Digest::sha256(text.as_bytes()));
    }
    // every truncation of a good document is refused
    let good = image("");
    for end in 0..good.len() {
        refused(&good.as_bytes()[..end]);
    }
}
