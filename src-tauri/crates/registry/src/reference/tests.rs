use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn references_in_full() {
    let long = format!("quay.io/a/b:v1@{DIGEST}");
    let by_digest = format!("nginx@{DIGEST}");
    let by_digest_full = format!("docker.io/library/nginx@{DIGEST}");
    for (text, full) in [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/redis", "docker.io/bitnami/redis"),
        ("docker.io/nginx", "docker.io/library/nginx"),
        ("index.docker.io/library/nginx:latest", "docker.io/library/nginx:latest"),
        ("registry-1.docker.io/nginx", "docker.io/library/nginx"),
        ("reg/api-app:1", "docker.io/reg/api-app:1"),
        ("quay.io/a/b/c/d", "quay.io/a/b/c/d"),
        ("Quay.IO/a/b:V1", "quay.io/a/b:V1"),
        ("quay.io:443/a/b", "quay.io/a/b"),
        ("reg:443/a", "reg:443/a"),
        ("localhost/n", "localhost/n"),
        ("localhost:5000/n:x", "localhost:5000/n:x"),
        ("reg:05000/n", "reg:5000/n"),
        ("127.0.0.1:5000/n", "127.0.0.1:5000/n"),
        ("[::1]:5000/n:x", "[::1]:5000/n:x"),
        ("[0:0::1]/n", "[::1]/n"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("r.io/a__b/c-----d/e.f_g:_x", "r.io/a__b/c-----d/e.f_g:_x"),
        (&long, &long),
        (&by_digest, &by_digest_full),
    ] {
        let reference: Reference = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(reference.to_string(), full, "{text}");
        assert_eq!(
            full.parse::<Reference>().unwrap(),
            reference,
            "{full} must read back as itself"
        );
    }
}

#[test]
fn the_target_is_the_digest_then_the_tag_then_latest() {
    let target = |text: &str| text.parse::<Reference>().unwrap().target().to_string();
    assert_eq!(target("nginx"), "latest");
    assert_eq!(target("nginx:1"), "1");
    assert_eq!(target(&format!("nginx:1@{DIGEST}")), DIGEST);
}

#[test]
fn bad_references_name_the_place() {
    let long_tag = format!("r.io/a:{}", "x".repeat(129));
    let long_name = format!("r.io/{}", "a/".repeat(127) + "bc");
    let port = "which is no number from 1 to 65535";
    for (text, at, why) in [
        ("", 0, "it is empty".to_owned()),
        ("https://quay.io/a/b", 0, "it begins with a scheme, 'https://'".into()),
        ("docker://nginx", 0, "it begins with a scheme, 'docker://'".into()),
        ("quay.io/A/b:v1", 8, "it has an upper-case letter 'A'".into()),
        ("Nginx", 0, "it has an upper-case letter 'N'".into()),
        ("Team/app", 0, "it has an upper-case letter 'T'".into()),
        ("quay.io/a/b :v1", 11, "it has a space".into()),
        ("quay.io/a/b:v1, v2", 14, "its tag has the character ','".into()),
        ("quay.io/a/b:v 1", 13, "its tag has a space".into()),
        ("quay.io/a/b:", 12, "its tag is empty".into()),
        ("quay.io/a/b:-v", 12, "its tag begins with '-'".into()),
        ("quay.io/a/b:v\u{e4}", 13, "its tag has the character '\u{e4}'".into()),
        ("quay.io/a\tb", 9, "it has the control character \\t".into()),
        ("quay.io/", 8, "it is empty".into()),
        ("quay.io/a//b", 10, "it has an empty path component".into()),
        ("quay.io/a/", 10, "it has an empty path component".into()),
        ("/a", 0, "it has an empty path component".into()),
        ("quay.io/a/-b", 10, "it has a path component that begins with '-'".into()),
        ("quay.io/a_/b", 9, "it has a path component that ends with '_'".into()),
        ("quay.io/a..b", 9, "it has '..' where '.', '_', '__' or dashes may be".into()),
        ("quay.io/c/a___b", 11, "it has '___' where '.', '_', '__' or dashes may be".into()),
        ("quay.io/a.b._c", 11, "it has '._' where '.', '_', '__' or dashes may be".into()),
        ("foo:bar/baz", 4, format!("its registry has the port 'bar', {port}")),
        ("r.io:99999/b", 5, format!("its registry has the port '99999', {port}")),
        ("r.io:0/b", 5, format!("its registry has the port '0', {port}")),
        ("r.io:+5/b", 5, format!("its registry has the port '+5', {port}")),
        ("-r.io/b", 0, "its registry has a part of its host name that begins with '-'".into()),
        ("r..io/b", 2, "its registry has an empty part in its host name".into()),
        ("r_x.io/b", 1, "its registry has the character '_'".into()),
        ("user@r.io/b", 4, "its registry has the character '@'".into()),
        ("[::g]/b", 0, "its registry has no IPv6 address between its brackets".into()),
        (":5000/b", 0, "its registry has no host name".into()),
        ("nginx@sha256:12", 6, "its digest can't be used: its length is wrong".into()),
        ("nginx@", 6, "its digest can't be used: it has no algorithm before a colon".into()),
        (&long_tag, 135, "its tag is longer than 128 characters".into()),
        (&long_name, 260, "it is longer than 255 characters".into()),
    ] {
        let error = text.parse::<Reference>().expect_err(text);
        assert_eq!((error.at, &*error.why), (at, &*why), "{text}");
        assert_eq!(error.to_string(), format!("'{text}' is not a valid reference: {why}"));
    }
}

#[test]
fn registries_by_their_names() {
    for hub in [
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "https://index.docker.io/v1/",
        "https://index.docker.io",
        "DOCKER.io:443",
    ] {
        let registry: Registry = hub.parse().unwrap();
        assert_eq!(
            (registry.as_str(), registry.api_host()),
            ("docker.io", "registry-1.docker.io"),
            "{hub}"
        );
    }
    let registry: Registry = "localhost:5000".parse().unwrap();
    assert_eq!((registry.as_str(), registry.api_host()), ("localhost:5000", "localhost:5000"));
    for (text, why) in [
        ("https://quay.io", "it begins with a scheme, 'https://'"),
        ("https://index.docker.io/v3", "it begins with a scheme, 'https://'"),
        ("quay.io/", "it has the character '/'"),
        ("", "it has no host name"),
    ] {
        assert_eq!(text.parse::<Registry>().unwrap_err().why, why, "{text}");
    }
}

#[test]
fn splitting_leaves_patterns_alone() {
    for (text, registry, rest) in [
        ("nginx:/^1\\.2/", "docker.io", "nginx:/^1\\.2/"),
        ("my.app:/a/b:/c/", "docker.io", "my.app:/a/b:/c/"),
        ("quay.io/a/b:/https://x/", "quay.io", "a/b:/https://x/"),
        ("localhost:5000/a:1,2", "localhost:5000", "a:1,2"),
        ("team/app:/v/", "docker.io", "team/app:/v/"),
    ] {
        let (found, left) = Reference::split_registry(text).unwrap();
        assert_eq!((found.as_str(), left), (registry, rest), "{text}");
    }
}

#[test]
fn a_name_alone_is_in_library_only_on_docker_hub() {
    let hub: Registry = "docker.io".parse().unwrap();
    let other: Registry = "quay.io".parse().unwrap();
    assert_eq!(hub.repository("nginx").unwrap().as_str(), "library/nginx");
    assert_eq!(hub.repository("a/nginx").unwrap().as_str(), "a/nginx");
    assert_eq!(other.repository("nginx").unwrap().as_str(), "nginx");
    assert_eq!(hub.repository("Nginx").unwrap_err().at, 0);
}

#[test]
fn a_login_in_a_reference_is_never_shown() {
    for text in ["user:hunter2@q.io/a/b:v1", "https://user:hunter2@q.io/a/b:v1"] {
        let error = text.parse::<Reference>().unwrap_err().to_string();
        assert!(!error.contains("hunter2") && error.contains("holds a login"), "{error}");
        let error = Reference::split_registry(text).unwrap_err().to_string();
        assert!(!error.contains("hunter2") && error.contains("holds a login"), "{error}");
    }
    let error = "user:hunter2@q.io".parse::<Registry>().unwrap_err().to_string();
    assert!(!error.contains("hunter2") && error.contains("holds a login"), "{error}");
    // the same shape, and no login
    let error = "q.io/a:v1@sha256:12".parse::<Reference>().unwrap_err().to_string();
    assert!(error.contains("sha256:12"), "{error}");
}
