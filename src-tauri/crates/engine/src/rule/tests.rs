use registry::{Tag, Target};

use super::*;

const D: &str = "sha256:14b267eb38aa85fd12d0e168fffa2d8a6187ac53a14a0212b0d4fce8d729598c";
const E: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What the source repository of the table has.
fn listed() -> Vec<Tag> {
    tags(&["v1.0", "v1.1", "v2.0", "latest"])
}

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// `source tag->registry/repository:tag` for every image of a rule.
fn images(source: &str, destinations: &[&str]) -> Result<Vec<String>, String> {
    let rule = Rule::parse(source, destinations).map_err(|e| e.to_string())?;
    let none = Vec::new();
    let listed = if rule.needs_list() { listed() } else { none };
    let mut images = Vec::new();
    for to in &rule.destinations {
        let place = format!("{}/{}", to.registry, to.repository);
        match rule.by_digest(to) {
            Some((digest, Target::Tag(tag))) => images.push(format!("{digest}->{place}:{tag}")),
            Some((digest, Target::Digest(as_digest))) => {
                images.push(format!("{digest}->{place}@{as_digest}"));
            }
            None => images.extend(
                rule.pair(to, &listed, &TagDates::new())?
                    .iter()
                    .map(|(from, tag)| format!("{from}->{place}:{tag}")),
            ),
        }
    }
    Ok(images)
}

#[test]
fn every_row_of_the_grammar() {
    let by_digest = format!("quay.io/a/b@{D}");
    let tag_and_digest = format!("quay.io/a/b:v1.0@{D}");
    let to_digest = format!("r.io/x/b@{D}");
    let row12 = format!("{D}->r.io/x/b@{D}");
    let row13 = format!("{D}->r.io/x/b:stable");
    let row14 = format!("{D}->r.io/x/b:v1.0");
    let rows: &[(u32, &str, &[&str], &[&str])] = &[
        (
            1,
            "quay.io/a/b",
            &["r.io/x/b"],
            &[
                "v1.0->r.io/x/b:v1.0",
                "v1.1->r.io/x/b:v1.1",
                "v2.0->r.io/x/b:v2.0",
                "latest->r.io/x/b:latest",
            ],
        ),
        (2, "quay.io/a/b:v1.0", &["r.io/x/b"], &["v1.0->r.io/x/b:v1.0"]),
        (3, "quay.io/a/b:v1.0", &["r.io/x/b:prod"], &["v1.0->r.io/x/b:prod"]),
        (
            4,
            "quay.io/a/b:v1.0,v2.0",
            &["r.io/x/b"],
            &["v1.0->r.io/x/b:v1.0", "v2.0->r.io/x/b:v2.0"],
        ),
        (
            5,
            "quay.io/a/b:v1.0,v2.0",
            &["r.io/x/b:one,two"],
            &["v1.0->r.io/x/b:one", "v2.0->r.io/x/b:two"],
        ),
        (
            4,
            "quay.io/a/b:v1.0,v2.0,v1.0",
            &["r.io/x/b"],
            &["v1.0->r.io/x/b:v1.0", "v2.0->r.io/x/b:v2.0"],
        ),
        (4, "quay.io/a/b:v1.0,v1.0", &["r.io/x/b:1,2"], &["v1.0->r.io/x/b:1", "v1.0->r.io/x/b:2"]),
        (8, "quay.io/a/b:/^v1\\./", &["r.io/x/b"], &["v1.0->r.io/x/b:v1.0", "v1.1->r.io/x/b:v1.1"]),
        (9, "quay.io/a/b:/1/", &["r.io/x/b"], &["v1.0->r.io/x/b:v1.0", "v1.1->r.io/x/b:v1.1"]),
        (10, "quay.io/a/b:/nope/", &["r.io/x/b"], &[]),
        (10, "quay.io/a/b:/nope/", &["r.io/x/b:x"], &[]),
        (
            11,
            "quay.io/a/b:/^v1/",
            &["r.io/x/b:/v/"],
            &["v1.0->r.io/x/b:v1.0", "v1.1->r.io/x/b:v1.1"],
        ),
        (12, &by_digest, &["r.io/x/b"], &[&row12]),
        (12, &by_digest, &[&to_digest], &[&row12]),
        (13, &by_digest, &["r.io/x/b:stable"], &[&row13]),
        (14, &tag_and_digest, &["r.io/x/b"], &[&row14]),
        (14, &tag_and_digest, &["r.io/x/b:stable"], &[&row13]),
        (
            16,
            "quay.io/a/b:v1.0",
            &["r.io/x/b", "s.io/y/c:z"],
            &["v1.0->r.io/x/b:v1.0", "v1.0->s.io/y/c:z"],
        ),
        (17, "nginx:1", &["localhost:5000/n"], &["1->localhost:5000/n:1"]),
        (19, "reg/api-app:1", &["reg.my.com/my-repository"], &["1->reg.my.com/my-repository:1"]),
    ];
    for (row, source, destinations, expected) in rows {
        let images =
            images(source, destinations).unwrap_or_else(|e| panic!("row {row}, {source}: {e}"));
        assert_eq!(images, *expected, "row {row}: {source} -> {destinations:?}");
    }
}

#[test]
fn short_names_are_docker_hub_on_both_sides() {
    for (text, registry, repository) in [
        ("nginx", "docker.io", "library/nginx"),
        ("bitnami/redis", "docker.io", "bitnami/redis"),
        ("reg/api-app", "docker.io", "reg/api-app"),
        ("docker.io/nginx", "docker.io", "library/nginx"),
        ("index.docker.io/bitnami/redis", "docker.io", "bitnami/redis"),
        ("localhost/n", "localhost", "n"),
        ("localhost:5000/n", "localhost:5000", "n"),
        ("reg:5000/a/b/c", "reg:5000", "a/b/c"),
    ] {
        let source = Source::parse(&format!("{text}:1")).unwrap();
        assert_eq!(
            (source.registry.as_str(), source.repository.as_str()),
            (registry, repository),
            "{text}"
        );
        let to = DestinationRule::parse(text).unwrap();
        assert_eq!(
            (to.registry.as_str(), to.repository.as_str()),
            (registry, repository),
            "{text}"
        );
    }
}

#[test]
fn a_pattern_may_hold_anything() {
    for (text, repository, pattern) in [
        ("quay.io/a/b:/a/b,c:/d/", "a/b", "a/b,c:/d"),
        ("nginx:/^1\\.[0-9]+@x$/", "library/nginx", "^1\\.[0-9]+@x$"),
        ("localhost:5000/n:/ /", "n", " "),
        ("quay.io/a/b://", "a/b", ""),
        ("quay.io/a/b:/\\/\\-\\_/", "a/b", "\\/\\-\\_"),
    ] {
        let source = Source::parse(text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(source.repository.as_str(), repository);
        let Selection::Matching(regex) = source.select else { panic!("{text} is a pattern") };
        assert_eq!(regex.as_str(), pattern);
    }
}

#[test]
fn only_tags_that_are_not_named_are_listed() {
    let by_digest = format!("quay.io/a/b@{D}");
    for (source, needs) in [
        ("a/b", true),
        ("a/b:/x/", true),
        ("a/b:x", false),
        ("a/b:x,y", false),
        (by_digest.as_str(), false),
    ] {
        assert_eq!(Rule::parse(source, &["r.io/x"]).unwrap().needs_list(), needs, "{source}");
    }
}

#[test]
fn counts_that_only_a_list_can_tell() {
    let pair = |source: &str, destination: &str, listed: &[&str]| {
        let rule = Rule::parse(source, &[destination]).unwrap();
        rule.pair(&rule.destinations[0], &tags(listed), &TagDates::new())
    };
    // row 7
    assert_eq!(
        pair("quay.io/a/b", "r.io/x/b:latest", &["v1"]).unwrap(),
        [(tag("v1"), tag("latest"))]
    );
    assert_eq!(
        pair("quay.io/a/b", "r.io/x/b:latest", &["v1", "v2"]).unwrap_err(),
        "the source 'quay.io/a/b' has 2 tags, the destination 'r.io/x/b:latest' names 1 tag"
    );
    assert_eq!(
        pair("quay.io/a/b", "r.io/x/b:latest", &[]).unwrap_err(),
        "the source 'quay.io/a/b' has 0 tags, the destination 'r.io/x/b:latest' names 1 tag"
    );
    // row 11: the destination's pattern chooses among the tags that the source's chose
    assert_eq!(
        pair("quay.io/a/b:/^v/", "r.io/x/b:/1/", &["v1", "v2", "1"]).unwrap_err(),
        "the source 'quay.io/a/b:/^v/' has 2 tags, the destination 'r.io/x/b:/1/' names 1 tag"
    );
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// Rows 6, 15 and 18, and whatever else is wrong before anything is asked.
#[test]
fn bad_rules_name_the_text_and_the_place() {
    let tags_at_once =
        "name as many tags on both sides, or none at the destination to keep the source's";
    let digest_form =
        "a digest is 'sha256:' with 64 or 'sha512:' with 128 lower-case hexadecimal digits";
    let by_digest = format!("quay.io/a/b@{D}");
    let other_digest = format!("r.io/x/b@{E}");
    let tagged_digest = format!("r.io/x/b:stable@{D}");
    let list_digest = format!("quay.io/a/b:v1,v2@{D}");
    let upper_digest = format!("quay.io/a/b@{}", D.to_uppercase().replace("SHA", "sha"));
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "quay.io/a/b:v1.0,v2.0",
            "r.io/x/b:one",
            "destination 'r.io/x/b:one': it names 1 tag, the source 'quay.io/a/b:v1.0,v2.0' names 2 tags (character 10)",
            tags_at_once,
        ),
        (
            "quay.io/a/b:v1.0,v2.0",
            "r.io/x/b:/1/",
            "destination 'r.io/x/b:/1/': it names 1 tag, the source 'quay.io/a/b:v1.0,v2.0' names 2 tags (character 10)",
            tags_at_once,
        ),
        (
            &by_digest,
            "r.io/x/b:one,two",
            &format!(
                "destination 'r.io/x/b:one,two': it names 2 tags, the source '{by_digest}' names 1 tag (character 10)"
            ),
            tags_at_once,
        ),
        (
            &by_digest,
            &other_digest,
            &format!(
                "destination '{other_digest}': its digest is not the source's, {D} (character 10)"
            ),
            "leave the digest out: content keeps its digest when it is copied",
        ),
        (
            &by_digest,
            "r.io/x/b:/v/",
            "destination 'r.io/x/b:/v/': it has a pattern, and the source, which is a digest, has no tags to match (character 10)",
            "name one tag, or none to copy without a tag",
        ),
        (
            "quay.io/a/b:v1",
            &other_digest,
            &format!(
                "destination '{other_digest}': it has a digest, and the source has none (character 10)"
            ),
            "leave the digest out, or name it at the source too",
        ),
        (
            &by_digest,
            &tagged_digest,
            &format!(
                "destination '{tagged_digest}': it has a tag and a digest, and can have one of them (character 16)"
            ),
            "write 'r.io/x/b:stable': the digest is the source's anyway",
        ),
        (
            "quay.io/a/b:v1.0, v2.0",
            "r.io/x",
            "source 'quay.io/a/b:v1.0, v2.0': its tag has a space (character 18)",
            "write tags without spaces: 'quay.io/a/b:v1.0,v2.0'",
        ),
        (
            "https://quay.io/a/b",
            "r.io/x",
            "source 'https://quay.io/a/b': it begins with a scheme, 'https://' (character 1)",
            "leave the scheme out: 'quay.io/a/b'",
        ),
        (
            "a/b",
            "docker://r.io/x",
            "destination 'docker://r.io/x': it begins with a scheme, 'docker://' (character 1)",
            "leave the scheme out: 'r.io/x'",
        ),
        (
            "quay.io/A/B:v1",
            "r.io/x",
            "source 'quay.io/A/B:v1': its repository has an upper-case letter 'A' (character 9)",
            "repository names have no upper-case letters: 'quay.io/a/b:v1'",
        ),
        (
            "B.io/B:B",
            "r.io/x",
            "source 'B.io/B:B': its repository has an upper-case letter 'B' (character 6)",
            "repository names have no upper-case letters: 'B.io/b:B'",
        ),
        (
            "quay.io/a/b:/v[/",
            "r.io/x",
            "source 'quay.io/a/b:/v[/': its pattern is no regular expression: unclosed character class (character 15)",
            "",
        ),
        (
            "quay.io/a/b:/v(1/",
            "r.io/x",
            "source 'quay.io/a/b:/v(1/': its pattern is no regular expression: unclosed group (character 15)",
            "",
        ),
        (
            "quay.io/a/b:/^v1",
            "r.io/x",
            "source 'quay.io/a/b:/^v1': its pattern has no '/' at its end (character 13)",
            "a pattern stands between two slashes: ':/^v1\\./'",
        ),
        (
            "",
            "r.io/x",
            "source '': it is empty",
            "write 'registry/repository', with ':tag' where one is meant",
        ),
        (
            "a/b",
            "r.io",
            "destination 'r.io': it names a registry, 'r.io', and no repository (character 1)",
            "write 'r.io/repository'",
        ),
        (
            "a/b",
            "localhost:5000",
            "destination 'localhost:5000': it names a registry, 'localhost:5000', and no repository (character 1)",
            "write 'localhost:5000/repository'",
        ),
        ("a/b", "r.io/", "destination 'r.io/': its repository is empty (character 6)", ""),
        ("a/b:", "r.io/x", "source 'a/b:': its tag is empty (character 5)", ""),
        ("a/b:v1,", "r.io/x", "source 'a/b:v1,': its tag is empty (character 8)", ""),
        (
            "a/b:v1:v2",
            "r.io/x",
            "source 'a/b:v1:v2': its tag has the character ':' (character 7)",
            "tags are separated by commas",
        ),
        ("a/b:-1", "r.io/x", "source 'a/b:-1': its tag begins with '-' (character 5)", ""),
        (
            " a/b",
            "r.io/x",
            "source ' a/b': its repository has a space (character 1)",
            "take the space out",
        ),
        (
            "a/b@sha256:12",
            "r.io/x",
            "source 'a/b@sha256:12': its digest can't be used: its length is wrong (character 5)",
            digest_form,
        ),
        (
            &upper_digest,
            "r.io/x",
            &format!(
                "source '{upper_digest}': its digest can't be used: it must be lower-case hexadecimal (character 13)"
            ),
            digest_form,
        ),
        (
            &list_digest,
            "r.io/x",
            &format!("source '{list_digest}': it has several tags and one digest (character 13)"),
            "write one rule for each image",
        ),
        (
            "r.io:x/b",
            "r.io/x",
            "source 'r.io:x/b': its registry has the port 'x', which is no number from 1 to 65535 (character 6)",
            "",
        ),
        (
            "q.io/ä/b",
            "r.io/x",
            "source 'q.io/ä/b': its repository has the character 'ä' (character 6)",
            "",
        ),
        (
            "q.io/a:äö ü",
            "r.io/x",
            "source 'q.io/a:äö ü': its tag has the character 'ä' (character 8)",
            "",
        ),
    ];
    for (source, destination, message, hint) in cases {
        let error = Rule::parse(source, &[destination]).map(|_| ()).expect_err(message);
        assert_eq!(error.to_string(), *message);
        assert_eq!(error.hint.as_deref().unwrap_or_default(), *hint, "{message}");
        assert!(error.written.is_char_boundary(error.at), "{message}");
    }
    let none = Rule::parse("a/b", &[]).map(|_| ()).unwrap_err();
    assert_eq!(none.to_string(), "source 'a/b': it has no destination");
}

#[test]
fn a_pattern_too_big_to_compile_is_an_error() {
    let source = format!("a/b:/{}/", "(\\pL{1000}){1000}");
    let error = Source::parse(&source).map(|_| ()).unwrap_err();
    assert!(error.why.starts_with("its pattern can't be used: "), "{error}");
}

#[test]
fn a_login_in_a_rule_is_never_shown() {
    for text in ["user:hunter2@q.io/a/b:v1", "https://user:hunter2@q.io/a/b"] {
        for (from, to) in [(text, "r.io/x"), ("r.io/x:1", text)] {
            let error = Rule::parse(from, &[to]).unwrap_err();
            let told = format!("{error} {:?}", error.hint);
            assert!(!told.contains("hunter2") && told.contains("it holds a login"), "{told}");
        }
    }
}
