use super::*;

const HEAD: &str = "{\n\t\"zebra\" : [ {\"manifests\":[1,2]} ] ,  \"schemaVersion\":2.0e0,\n \
    \"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\"  : [";
const TAIL: &str =
    "]\t,\r\n\"annotations\":{\"a\\u003c\":\"\u{e9}\",\"manifests\":\"]\"},\"n\":1e400 }\n\n";

fn entry(letter: char, platform: &str) -> String {
    let (os, rest) = platform.split_once('/').unwrap();
    format!(
        "{{ \"size\":7,\"own\\u0020field\":{{\"]\":[\"}},\"]}}, \"digest\":\"{}\",\n\
         \"platform\":{{\"architecture\":\"{rest}\",\"os\":\"{os}\"}} }}",
        digest(letter)
    )
}

fn attestation(letter: char, of: char) -> String {
    format!(
        r#"{{"digest":"{}","size":1,"platform":{{"os":"unknown","architecture":"unknown"}},"annotations":{{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"{}"}}}}"#,
        digest(letter),
        digest(of)
    )
}

fn bare(letter: char) -> String {
    format!(r#"{{"digest":"{}","size":1}}"#, digest(letter))
}

fn index(entries: &[String]) -> String {
    format!("{HEAD}{}{TAIL}", entries.join(","))
}

fn filter(os: &str, arch: &str) -> PlatformFilter {
    let values = |text| Some(text).filter(|t: &&str| !t.is_empty());
    PlatformFilter::parse(values(os), values(arch)).unwrap()
}

fn rewritten(text: &str, filter: &PlatformFilter) -> String {
    let Filtered::Rewritten(manifest) = parse(text).filter(filter).unwrap() else {
        panic!("not rewritten")
    };
    assert_eq!(manifest.digest(), &Digest::sha256(manifest.bytes()));
    assert_eq!(manifest.media_type(), &MediaType::OciIndex);
    String::from_utf8(manifest.bytes().to_vec()).unwrap()
}

#[test]
fn only_the_list_changes() {
    let (amd, arm, win) =
        (entry('a', "linux/amd64"), entry('b', "linux/arm64"), entry('c', "windows/amd64"));
    let text = index(&[amd.clone(), arm.clone(), win.clone()]);
    for (os, arch, left) in [
        ("linux", "", vec![amd.clone(), arm.clone()]),
        ("", "amd64", vec![amd.clone(), win.clone()]),
        ("linux", "arm64", vec![arm.clone()]),
        ("windows", "", vec![win.clone()]),
    ] {
        assert_eq!(rewritten(&text, &filter(os, arch)), index(&left), "{os} {arch}");
    }
}

#[test]
fn separators_go_with_their_entries() {
    let (a, b, c) = (entry('a', "linux/a"), entry('b', "linux/b"), entry('c', "linux/c"));
    let text = format!("{{\"manifests\":\n[ {a}\n ,\t{b} ,\n\n{c}  ] }}");
    for (arch, list) in [
        ("a", format!("[ {a}  ]")),
        ("b", format!("[ {b}  ]")),
        ("c", format!("[ {c}  ]")),
        ("a,b", format!("[ {a}\n ,\t{b}  ]")),
        ("a,c", format!("[ {a}\n ,\t{c}  ]")),
        ("b,c", format!("[ {b} ,\n\n{c}  ]")),
    ] {
        assert_eq!(
            rewritten(&text, &filter("", arch)),
            format!("{{\"manifests\":\n{list} }}"),
            "{arch}"
        );
    }
}

#[test]
fn all_kept_is_the_same_and_none_kept_is_nothing() {
    let text =
        index(&[entry('a', "linux/amd64"), entry('b', "linux/arm64"), attestation('c', 'a')]);
    let outcome = |f: PlatformFilter| parse(text.clone()).filter(&f).unwrap();
    assert!(matches!(outcome(PlatformFilter::default()), Filtered::Same));
    assert!(matches!(outcome(filter("linux", "arm64,amd64")), Filtered::Same));
    assert!(matches!(outcome(filter("windows", "")), Filtered::Nothing));
    assert!(matches!(outcome(filter("linux", "s390x")), Filtered::Nothing));
    let image = parse(r#"{"layers":[]}"#);
    assert!(matches!(image.filter(&filter("windows", "")).unwrap(), Filtered::Same));
    assert!(matches!(
        parse(r#"{"manifests":[]}"#).filter(&filter("windows", "")).unwrap(),
        Filtered::Same
    ));
}

#[test]
fn attestations_go_with_what_they_attest() {
    let (amd, arm) = (entry('a', "linux/amd64"), entry('b', "linux/arm64"));
    let (of_amd, of_arm, of_other) =
        (attestation('1', 'a'), attestation('2', 'b'), attestation('3', 'f'));
    let text = index(&[of_arm.clone(), amd.clone(), arm.clone(), of_amd.clone(), of_other.clone()]);
    assert_eq!(
        rewritten(&text, &filter("", "amd64")),
        index(&[amd, of_amd, of_other.clone()]),
        "what attests something outside of the index stays"
    );
    assert_eq!(rewritten(&text, &filter("", "arm64")), index(&[of_arm, arm, of_other]));
}

#[test]
fn entries_without_a_platform_stay() {
    let (amd, plain) = (entry('a', "linux/amd64"), bare('b'));
    let text = index(&[amd.clone(), plain.clone()]);
    assert_eq!(rewritten(&text, &filter("windows", "")), index(&[plain]));
    // an unknown platform that attests nothing is a platform that does not match
    let text = index(&[amd.clone(), entry('c', "unknown/unknown")]);
    assert_eq!(rewritten(&text, &filter("linux", "")), index(&[amd]));
}

#[test]
fn one_digest_for_two_platforms_keeps_its_attestation() {
    let (v7, v8, proof) =
        (entry('a', "linux/arm"), entry('a', "linux/arm64"), attestation('1', 'a'));
    let text = index(&[v7, v8.clone(), proof.clone()]);
    assert_eq!(rewritten(&text, &filter("", "arm64")), index(&[v8, proof]));
}

#[test]
fn retain_asks_for_every_entry() {
    let (amd, proof) = (entry('a', "linux/amd64"), attestation('1', 'a'));
    let manifest = parse(index(&[amd.clone(), proof]));
    let Filtered::Rewritten(stripped) = manifest.retain(&|entry| !entry.is_attestation()).unwrap()
    else {
        panic!()
    };
    assert_eq!(stripped.bytes(), &index(&[amd]));
    let images = manifest.retain(&Descriptor::is_attestation).unwrap();
    assert!(matches!(images, Filtered::Nothing), "only what attests would be left");
}

#[test]
fn the_algorithm_stays() {
    let text = index(&[entry('a', "linux/amd64"), entry('b', "linux/arm64")]);
    let digest = Digest::of(Algorithm::Sha512, text.as_bytes());
    let manifest = Manifest::parse(text.into(), None, Some(&digest)).unwrap();
    let Filtered::Rewritten(manifest) = manifest.filter(&filter("", "arm64")).unwrap() else {
        panic!()
    };
    assert_eq!(manifest.digest(), &Digest::of(Algorithm::Sha512, manifest.bytes()));
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn space(&mut self) -> &'static str {
        ["", " ", "\n", "\t\t", " \r\n  "][self.below(5)]
    }
}

/// Whatever the whitespace and whichever entries go: what is before the first entry and after the last stays byte for
/// byte, the kept entries are in order and unchanged, and the rest parses to exactly them.
#[test]
fn any_selection_of_any_layout() {
    let mut random = Random(2024);
    for round in 0..500 {
        let count = 1 + random.below(6);
        let entries: Vec<String> = (0..count)
            .map(|i| match random.below(3) {
                0 => entry(['a', 'b', 'c', 'd', 'e', 'f'][i], "linux/amd64"),
                1 => bare(['a', 'b', 'c', 'd', 'e', 'f'][i]),
                _ => entry(['a', 'b', 'c', 'd', 'e', 'f'][i], "windows/arm64"),
            })
            .collect();
        let head = format!("{HEAD}{}", random.space());
        let tail = format!("{}{TAIL}", random.space());
        let mut text = head.clone();
        for (i, entry) in entries.iter().enumerate() {
            if i > 0 {
                text.extend([random.space(), ",", random.space()]);
            }
            text += entry;
        }
        text += &tail;
        let kept: Vec<bool> = entries.iter().map(|_| random.below(2) == 0).collect();
        let spliced = splice::retain(text.as_bytes(), &kept).unwrap();
        let spliced = std::str::from_utf8(&spliced).unwrap();
        let middle =
            spliced.strip_prefix(&*head).and_then(|rest| rest.strip_suffix(&*tail)).unwrap_or_else(
                || panic!("round {round}: bytes outside the list changed:\n{text}\n{spliced}"),
            );
        let left: Vec<&String> =
            entries.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(e, _)| e).collect();
        let mut rest = middle;
        for (i, entry) in left.iter().enumerate() {
            if i > 0 {
                rest = rest
                    .trim_start()
                    .strip_prefix(',')
                    .expect("a comma between entries")
                    .trim_start();
            }
            rest = rest
                .strip_prefix(entry.as_str())
                .unwrap_or_else(|| panic!("round {round}: {spliced}"));
        }
        assert_eq!(rest, "", "round {round}");
        let ManifestKind::Index { manifests, .. } = parse(spliced).kind().clone() else { panic!() };
        assert_eq!(manifests.len(), left.len(), "round {round}");
    }
}
