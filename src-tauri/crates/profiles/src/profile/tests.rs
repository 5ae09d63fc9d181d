use std::{fs, path::PathBuf, thread};

use accounts::create;
use registry::{Code, Platform};
use tempfile::TempDir;

use super::{library::Error, *};
use crate::image_syncer;

fn rule(source: &str, destinations: &[&str]) -> ProfileRule {
    let destinations = destinations.iter().map(|text| (*text).to_owned()).collect();
    ProfileRule { source: source.into(), destinations, ..ProfileRule::default() }
}

fn platforms(os: &[&str], arch: &[&str]) -> Platforms {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Platforms { os: texts(os), arch: texts(arch) }
}

/// A profile with something in every field.
fn full() -> Profile {
    Profile {
        name: "Team mirror: \"蓝\"".into(),
        rules: vec![
            ProfileRule {
                platforms: Some(platforms(&["linux"], &["arm:v7", "amd64"])),
                ..rule("quay.io/a/b:/^v1\\./", &["r.io/x/b", "localhost:5000/b:1"])
            },
            ProfileRule { platforms: Some(Platforms::default()), ..rule("nginx", &["r.io/nginx"]) },
            rule("quay.io/c/d:v1", &["r.io/d:prod"]),
            ProfileRule {
                tags: Tags {
                    include: vec!["1.*".into()],
                    exclude: vec!["*-rc*".into(), "/^nightly/".into()],
                    versions: Some(">=1.2, <2".into()),
                    newest: Some(5),
                    newest_by: NewestBy::Created,
                },
                repositories: Repositories { exclude: vec!["team/old-*".into()] },
                ..rule("quay.io/team/**", &["r.io/mirror/{path}"])
            },
        ],
        platforms: platforms(&[], &["amd64"]),
        accounts: [("r.io".into(), "r-io".into()), ("quay.io/a".into(), "quay-2".into())].into(),
        policy: ProfilePolicy {
            overwrite: Overwrite::Never,
            attestations: Attestations::Auto,
            index: IndexPolicy::Sparse,
            referrers: true,
            create: Create::How(create::Settings {
                immutable_tags: true,
                encryption: Some("KMS".into()),
                ..create::Settings::default()
            }),
            retries: Some(0),
            proc: Some(8),
            bandwidth: Some(10_000_000),
        },
    }
}

fn named(name: &str) -> Profile {
    Profile { name: name.into(), rules: vec![rule("nginx", &["r.io/nginx"])], ..Profile::default() }
}

fn profiles() -> (TempDir, Profiles) {
    let dir = tempfile::tempdir().unwrap();
    let profiles = Profiles::at(dir.path().join("profiles"));
    (dir, profiles)
}

fn path(dir: &TempDir, file: &str) -> PathBuf {
    dir.path().join("profiles").join(file)
}

/// `id: name` of every profile, `id!` of what is broken.
fn list(profiles: &Profiles) -> Vec<String> {
    let show = |listed: Listed| match listed.profile {
        Ok(stored) => format!("{}: {}", listed.id, stored.profile.name),
        Err(_) => format!("{}!", listed.id),
    };
    profiles.list().unwrap().into_iter().map(show).collect()
}

fn put(dir: &TempDir, file: &str, text: &str) {
    fs::create_dir_all(path(dir, "")).unwrap();
    fs::write(path(dir, file), text).unwrap();
}

#[test]
fn what_is_saved_is_read_back() {
    let (dir, profiles) = profiles();
    for profile in [full(), named("plain"), Profile { name: "empty".into(), ..Profile::default() }]
    {
        let stored = profiles.create(&profile).unwrap();
        assert_eq!(stored.profile, profile);
        assert_eq!(profiles.get(&stored.id).unwrap().profile, profile);
    }
    assert_eq!(
        fs::read_to_string(path(&dir, "team-mirror.yaml")).unwrap(),
        r#"# A profile of Image Syncer, which writes this file anew when it is saved there: comments are not kept.
version: 1
name: "Team mirror: \"蓝\""
rules:
  - source: quay.io/a/b:/^v1\./
    destinations:
      - r.io/x/b
      - localhost:5000/b:1
    platforms:
      os:
        - linux
      arch:
        - arm:v7
        - amd64
  - source: nginx
    destinations:
      - r.io/nginx
    platforms: {}
  - source: quay.io/c/d:v1
    destinations:
      - r.io/d:prod
  - source: quay.io/team/**
    destinations:
      - "r.io/mirror/{path}"
    tags:
      include:
        - "1.*"
      exclude:
        - "*-rc*"
        - "/^nightly/"
      versions: ">=1.2, <2"
      newest: 5
      newest_by: created
    repositories:
      exclude:
        - team/old-*
platforms:
  arch:
    - amd64
accounts:
  quay.io/a: quay-2
  r.io: r-io
policy:
  overwrite: never
  attestations: auto
  index: sparse
  referrers: true
  create:
    immutableTags: true
    encryption: KMS
  retries: 0
  proc: 8
  bandwidth: 10000000
"#
    );
    assert_eq!(
        fs::read_dir(path(&dir, "")).unwrap().count(),
        4,
        "three profiles, a lock, and no temporary file"
    );
}

#[test]
fn what_is_optional_may_be_empty() {
    let (dir, profiles) = profiles();
    let text = "version: 1\nname: p\nrules:\n  - {source: a, destinations: [r.io/x], platforms: }\nplatforms:\naccounts:\npolicy:\n";
    put(&dir, "p.yaml", text);
    let rules = vec![rule("a", &["r.io/x"])];
    let want = Profile { name: "p".into(), rules: rules.clone(), ..Profile::default() };
    assert_eq!(profiles.get("p").unwrap().profile, want);
    put(
        &dir,
        "p.yaml",
        "version: 1\nname: p\nrules: []\npolicy: {retries: ~, proc: ~, bandwidth: ~}\n",
    );
    assert_eq!(profiles.get("p").unwrap().profile, Profile { rules: Vec::new(), ..want });
}

#[test]
fn a_profile_becomes_a_job() {
    let (dir, profiles) = profiles();
    let mut prepared = profiles.create(&full()).unwrap().prepare().unwrap();
    let linux = |arch: &str, variant: Option<&str>| Platform {
        os: "linux".into(),
        architecture: arch.into(),
        variant: variant.map(Into::into),
        os_version: None,
    };
    assert_eq!(prepared.rules.len(), 4);
    let platforms: Vec<_> =
        prepared.rules.iter_mut().map(|rule| rule.platforms_mut().clone()).collect();
    let own = platforms[0].as_ref().unwrap();
    assert!(own.keeps(&linux("arm", Some("v7"))) && own.keeps(&linux("amd64", None)));
    assert!(!own.keeps(&linux("arm", Some("v6"))) && !own.keeps(&linux("arm64", None)));
    assert!(platforms[1].as_ref().unwrap().is_empty(), "all, whatever the profile says");
    assert!(platforms[2].is_none());
    let engine::JobRule::Pattern(pattern) = &prepared.rules[3] else { panic!("{prepared:?}") };
    assert!(pattern.matches("team/a/b") && !pattern.matches("team/old-app"));
    assert_eq!((pattern.tags.include.len(), pattern.tags.exclude.len()), (1, 2));
    assert_eq!(pattern.tags.newest, Some(5));
    assert_eq!(pattern.tags.versions.as_ref().unwrap().to_string(), ">=1.2, <2");
    assert!(prepared.policy.platforms.keeps(&linux("amd64", None)));
    assert!(!prepared.policy.platforms.keeps(&linux("arm64", None)));
    assert_eq!(
        (prepared.policy.overwrite, prepared.policy.referrers, prepared.policy.retries),
        (Overwrite::Never, true, 0)
    );
    assert_eq!(
        (prepared.policy.attestations, prepared.policy.index),
        (Attestations::Auto, IndexPolicy::Sparse)
    );
    let options = &prepared.options;
    assert_eq!(
        (options.retries, options.requests_per_host, options.bandwidth),
        (0, Some(8), Some(10_000_000))
    );
    let create = options.create.clone().unwrap();
    assert_eq!((create.immutable_tags, create.encryption.as_deref()), (true, Some("KMS")));
    let origin = prepared.rules[1].origin_mut().clone().unwrap();
    assert_eq!(origin.to_string(), format!("{}:15:13", path(&dir, "team-mirror.yaml").display()));

    let prepared = named("x").prepare().unwrap();
    assert_eq!(prepared.options.create, None);
    assert_eq!((prepared.policy.retries, prepared.options.retries), (3, 3));
    assert_eq!((prepared.options.requests_per_host, prepared.options.bandwidth), (None, None));
}

#[test]
fn all_faults_are_told_with_their_fields() {
    let profile = Profile {
        name: " ".into(),
        rules: vec![
            rule("quay.io/A", &["r.io/x", "https://r.io/y"]),
            rule("quay.io/a:1,2", &["r.io/x:1"]),
            rule("quay.io/a", &[]),
            ProfileRule {
                platforms: Some(platforms(&["linux,"], &[])),
                ..rule("nginx", &["r.io/x"])
            },
        ],
        platforms: platforms(&["linux"], &["a b"]),
        accounts: [("registry".into(), "x".into())].into(),
        ..Profile::default()
    };
    let faults = profile.check();
    assert_eq!(profile.prepare().map(|_| ()).unwrap_err(), faults);
    let fields: Vec<&Field> = faults.iter().map(|fault| &fault.field).collect();
    assert_eq!(
        fields,
        [
            &Field::Name,
            &Field::Source { rule: 0 },
            &Field::Destination { rule: 0, destination: 1 },
            &Field::Destination { rule: 1, destination: 0 },
            &Field::Destination { rule: 2, destination: 0 },
            &Field::Os { rule: Some(3) },
            &Field::Arch { rule: None },
            &Field::Account { registry: "registry".into() },
        ]
    );
    assert_eq!(
        faults[1].message,
        "source 'quay.io/A': its repository has an upper-case letter 'A' (character 9)"
    );
    assert_eq!(faults[1].at, 8);
    assert_eq!(faults[2].hint.as_deref(), Some("leave the scheme out: 'r.io/y'"));
    assert_eq!(faults[4].message, "'quay.io/a' has no destination");
}

#[test]
fn what_narrows_a_rule_is_checked_and_shown_in_its_file() {
    let (dir, profiles) = profiles();
    put(
        &dir,
        "p.yaml",
        r#"version: 1
name: p
rules:
  - source: quay.io/a
    destinations: [r.io/x]
    tags:
      include: ["1.*", "a[b]"]
      exclude: ["/v[/"]
      versions: "1 to 2"
      newest: 3
  - source: quay.io/a@sha256:DIGEST
    destinations: [r.io/x]
    tags: {newest: 3}
  - source: quay.io/a
    destinations: [r.io/x]
    repositories: {exclude: ["b/*"]}
  - source: quay.io/team/*
    destinations: [r.io/x, "r.io/{label}", "r.io/{path}:1"]
  - source: team/*
    destinations: ["r.io/{path}"]
"#
        .replace("DIGEST", &"a".repeat(64))
        .as_str(),
    );
    let rejected = profiles.get("p").unwrap().prepare().unwrap_err();
    let told: Vec<String> = rejected
        .problems
        .iter()
        .map(|problem| format!("{}:{}: {}", problem.line, problem.column, problem.message))
        .collect();
    let expected = [
        "7:26: the pattern 'a[b]' is wrong: it has the character '[', which no name has",
        "8:20: the pattern '/v[/' is wrong: it is no regular expression: unclosed character class",
        "9:18: '1 to 2' is no range of versions: ",
        "13:12: 'quay.io/a@sha256:",
        "16:31: 'quay.io/a' is one repository",
        "18:20: destination 'r.io/x': all repositories of the rule would go to this one",
        "18:34: destination 'r.io/{label}': it has a placeholder that is not known",
        "18:45: destination 'r.io/{path}:1': it names tags or a digest",
        "19:13: source 'team/*': its pattern names no registry",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
}

#[test]
fn placeholders_are_filled_in_for_one_repository_too() {
    let profile = Profile {
        rules: vec![
            rule(
                "quay.io/team/web/shop:v1",
                &["r.io/{path}:new", "r.io/x/{name}", "r.io/{namespace}-{registry}"],
            ),
            rule("nginx", &["localhost:5000/{path}"]),
            rule("quay.io/a:/^v{1}/", &["r.io/{label}", "r.io/b:/v{2}/", "r.io/{name}X"]),
        ],
        ..named("p")
    };
    let faults = profile.check();
    let told: Vec<_> = faults.iter().map(|fault| (&fault.field, fault.at)).collect();
    let wrong = |destination| Field::Destination { rule: 2, destination };
    assert_eq!(told, [(&wrong(0), 5), (&wrong(2), 0)], "{faults:?}");
    let right = Profile { rules: profile.rules[..2].to_vec(), ..profile };
    let destinations: Vec<String> = right
        .prepare()
        .unwrap()
        .rules
        .iter()
        .flat_map(|rule| match rule {
            engine::JobRule::One(rule) => rule.destinations.iter().map(|to| to.written.clone()),
            engine::JobRule::Pattern(_) => unreachable!("one repository each"),
        })
        .collect();
    assert_eq!(
        destinations,
        [
            "r.io/team/web/shop:new",
            "r.io/x/shop",
            "r.io/team/web-quay.io",
            "localhost:5000/library/nginx"
        ]
    );
}

#[test]
fn words_of_a_policy_are_checked() {
    let (dir, profiles) = profiles();
    let text = "version: 1\nname: p\nrules: []\npolicy: {attestations: drop, index: yes-please}\n";
    put(&dir, "p.yaml", text);
    let Error::Broken(rejected) = profiles.get("p").unwrap_err() else { panic!("it was read") };
    let hints: Vec<_> =
        rejected.problems.iter().map(|problem| problem.hint.clone().unwrap()).collect();
    assert_eq!(hints, ["write 'keep', 'strip' or 'auto'", "write 'rewrite' or 'sparse'"]);
}

#[test]
fn a_wrong_rule_is_shown_in_its_file() {
    let (dir, profiles) = profiles();
    put(
        &dir,
        "p.yaml",
        "version: 1\nname: p\nrules:\n  - {source: 'quay.io/A', destinations: [r.io/x, r.io/y:1 2]}\n  \
         - {source: nginx, destinations: []}\nplatforms: {arch: [amd64, 'a b']}\n",
    );
    let stored = profiles.get("p").unwrap();
    assert_eq!(stored.profile.rules.len(), 2, "it can be opened, to be mended");
    let rejected = stored.prepare().unwrap_err();
    let file = path(&dir, "p.yaml").display().to_string();
    let told: Vec<String> =
        rejected.problems.iter().map(|p| p.to_string().replace(&file, "p")).collect();
    assert_eq!(
        told[..3],
        [
            "p:4:23: source 'quay.io/A': its repository has an upper-case letter 'A' (character 9)",
            "p:4:58: destination 'r.io/y:1 2': its tag has a space (character 9)",
            "p:5:14: 'nginx' has no destination",
        ]
    );
    assert!(told[3].starts_with("p:6:20: "), "{told:?}");
}

/// Every problem of a broken file, in its place.
#[test]
fn broken_files() {
    let known = |of: &str, list: &str| format!("known are '{}'", list.replace(' ', "', '")) + of;
    let cases: &[(&str, &[&str])] = &[
        ("", &["1:1: the file is empty | -"]),
        ("- x\n", &["1:1: the profile must be a map, and this is a list | -"]),
        (
            "version: 1\nname: a: b\n",
            &[
                "2:8: malformed YAML: mapping values are not allowed in this context | indent it as its neighbours are, or put a text that holds ': ' in quotes",
            ],
        ),
        ("name: p\nrules: []\n", &["1:1: there is no 'version' | write 'version: 1'"]),
        (
            "version: 2\nnew: things\n",
            &[
                "1:10: this is format 2, and format 1 is known | a newer Image Syncer wrote it: update this one",
            ],
        ),
        (
            "version: one\n",
            &["1:1: there is no 'name' | -", "1:10: 'version' must be a whole number | -"],
        ),
        (
            "version: 1\nname: 5\nname: x\nrules:\n  - source: [a]\n    destination: r.io/x\n  - nginx\n  - {source: a, destinations: r.io/x}\n",
            &[
                "2:7: 'name' must be a text, and this is a number | put a text that looks like this in quotes",
                "3:1: 'name' is written twice, on line 2 and on line 3 | keep one of them",
                "5:5: rule 1 has no 'destinations' | -",
                "5:13: 'source' must be a text, and this is a list | -",
                "6:5: 'destination' in rule 1 is unknown | did you mean 'destinations'?",
                "7:5: rule 2 must be a map, and this is a text | -",
                "8:31: 'destinations' must be a list, and this is a text | -",
            ],
        ),
        (
            "version: 1\nname: p\nrules: {}\nplatforms: {os: linux, cpu: [x]}\naccounts: {r.io: 1}\npassword: CANARY\npolicy:\n  overwrite: maybe\n  referrers: 1\n  retries: -1\n  proc: 0\n  bandwidth: 10MB\n  create: {immutableTags: 1, scanOnPsh: true}\n",
            &[
                "3:8: 'rules' must be a list, and this is a map | -",
                "4:17: 'os' must be a list, and this is a text | -",
                &format!("4:24: 'cpu' in 'platforms' is unknown | {}", known("", "os arch")),
                "5:18: the account of 'r.io' must be a text, and this is a number | put a text that looks like this in quotes",
                &format!(
                    "6:1: 'password' in the profile is unknown | {}",
                    known("", "version name rules platforms accounts policy")
                ),
                "8:14: 'overwrite' can't be 'maybe' | write 'never', 'differing' or 'always'",
                "9:14: 'referrers' must be true or false | -",
                "10:12: 'retries' must be a whole number | -",
                "11:9: 'proc' must be 1 or more | leave it out for no limit of your own",
                "12:14: 'bandwidth' must be a whole number | -",
                "13:27: 'immutableTags' must be true or false | -",
                "13:30: 'scanOnPsh' in 'create' is unknown | did you mean 'scanOnPush'?",
            ],
        ),
    ];
    for (text, want) in cases {
        let (dir, profiles) = profiles();
        put(&dir, "p.yaml", text);
        assert_eq!(list(&profiles), ["p!"], "{text}");
        let Err(error @ Error::Broken(_)) = profiles.get("p") else { panic!("{text} is broken") };
        assert_eq!(error.code(), Code::ConfigInvalid);
        let Error::Broken(rejected) = error else { unreachable!() };
        let prefix = format!("{}:", path(&dir, "p.yaml").display());
        let told: Vec<String> = rejected
            .problems
            .iter()
            .map(|p| {
                format!(
                    "{} | {}",
                    p.to_string().replace(&prefix, ""),
                    p.hint.as_deref().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(told, *want, "{text}");
        assert!(!format!("{rejected:?}").contains("CANARY"));
        assert_eq!(
            fs::read_to_string(path(&dir, "p.yaml")).unwrap(),
            *text,
            "the file is as it was"
        );
    }
}

#[test]
fn the_life_of_a_profile() {
    let (dir, profiles) = profiles();
    assert_eq!(list(&profiles), [""; 0], "a directory that is not there has no profiles");
    let mirror = profiles.create(&named("  Team  Mirror ")).unwrap();
    assert_eq!((mirror.id.as_str(), mirror.profile.name.as_str()), ("team-mirror", "Team  Mirror"));
    assert_eq!(profiles.create(&named("团队")).unwrap().id, "profile");
    assert_eq!(profiles.create(&named("小组")).unwrap().id, "profile-2");
    assert_eq!(profiles.create(&named("../../etc/passwd")).unwrap().id, "etc-passwd");
    assert_eq!(profiles.create(&named(&"long ".repeat(100))).unwrap().id.len(), 99);

    assert_eq!(
        profiles.create(&named("team  mirror")).unwrap_err(),
        Error::Taken("team  mirror".into())
    );
    assert_eq!(profiles.create(&named(" ")).unwrap_err(), Error::NoName);
    assert_eq!(
        profiles.save("profile", &named("TEAM  MIRROR")).unwrap_err(),
        Error::Taken("TEAM  MIRROR".into())
    );
    assert_eq!(
        profiles.rename("profile", "Team  mirror").unwrap_err(),
        Error::Taken("Team  mirror".into())
    );

    let renamed = profiles.rename("team-mirror", "Mirror").unwrap();
    assert_eq!((renamed.id.as_str(), renamed.profile.name.as_str()), ("team-mirror", "Mirror"));
    assert_eq!(renamed.profile.rules, mirror.profile.rules);
    assert_eq!(profiles.rename("team-mirror", "MIRROR").unwrap().profile.name, "MIRROR");

    let copy = profiles.duplicate("team-mirror").unwrap();
    assert_eq!((copy.id.as_str(), copy.profile.name.as_str()), ("mirror-2", "MIRROR 2"));
    assert_eq!(profiles.duplicate("mirror-2").unwrap().profile.name, "MIRROR 3");
    assert_eq!(profiles.duplicate("team-mirror").unwrap().profile.name, "MIRROR 4");

    let changed = Profile { rules: Vec::new(), ..named("Mirror") };
    assert_eq!(profiles.save("team-mirror", &changed).unwrap().profile, changed);
    assert_eq!(profiles.find("mIRROR").unwrap().id, "team-mirror");
    assert_eq!(profiles.find("team-mirror").unwrap().id, "team-mirror");
    assert_eq!(profiles.find("mirror-2").unwrap().profile.name, "MIRROR 2");

    profiles.remove("mirror-2").unwrap();
    for result in [
        profiles.remove("mirror-2"),
        profiles.get("mirror-2").map(|_| ()),
        profiles.save("mirror-2", &named("new")).map(|_| ()),
        profiles.rename("mirror-2", "new").map(|_| ()),
        profiles.duplicate("mirror-2").map(|_| ()),
    ] {
        assert_eq!(result.unwrap_err(), Error::Unknown("mirror-2".into()));
    }
    put(&dir, "../secret.yaml", "version: 1\nname: x\nrules: []\n");
    for id in ["../secret", "/etc/passwd", "a/b", "", ".", ".lock", "x\0y"] {
        assert_eq!(profiles.get(id).unwrap_err(), Error::Unknown(id.into()));
        assert_eq!(profiles.remove(id).unwrap_err(), Error::Unknown(id.into()));
    }
    assert!(path(&dir, "../secret.yaml").exists());
}

#[test]
fn a_broken_file_is_never_lost() {
    let (dir, profiles) = profiles();
    put(&dir, "mirror.yaml", "version: 1\nname: mine\nrules: oh\n");
    put(&dir, "other.txt", "not a profile");
    assert_eq!(list(&profiles), ["mirror!"]);
    // its file name is taken
    assert_eq!(profiles.create(&named("mirror")).unwrap().id, "mirror-2");
    assert_eq!(list(&profiles), ["mirror-2: mirror", "mirror!"]);
    assert!(matches!(profiles.duplicate("mirror").unwrap_err(), Error::Broken(_)));
    // saved over, and removed: kept under another name each time
    profiles.save("mirror", &named("mended")).unwrap();
    assert_eq!(
        fs::read_to_string(path(&dir, "mirror.yaml.broken-1")).unwrap(),
        "version: 1\nname: mine\nrules: oh\n"
    );
    put(&dir, "mirror.yaml", "again");
    profiles.remove("mirror").unwrap();
    assert_eq!(fs::read_to_string(path(&dir, "mirror.yaml.broken-2")).unwrap(), "again");
    assert_eq!(list(&profiles), ["mirror-2: mirror"]);

    fs::create_dir(path(&dir, "dir.yaml")).unwrap();
    let Err(Error::Broken(rejected)) = profiles.get("dir") else {
        panic!("a directory is no profile")
    };
    assert_eq!(rejected.problems[0].code, Code::FileFailed);
    assert_eq!(list(&profiles), ["mirror-2: mirror", "dir!"]);
}

#[test]
fn many_at_once_lose_nothing() {
    let (dir, profiles) = profiles();
    let made: Vec<Result<Stored, Error>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|n| {
                let profiles = &profiles;
                // two of each name
                scope.spawn(move || profiles.create(&named(&format!("mirror {}", n / 2))))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 8, "each name once");
    assert_eq!(list(&profiles).len(), 8);
    let copies: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| profiles.duplicate("mirror-0").unwrap().id)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let distinct: std::collections::HashSet<&String> = copies.iter().collect();
    assert_eq!(distinct.len(), 8);
    assert_eq!(list(&profiles).len(), 16);
    assert_eq!(fs::read_dir(path(&dir, "")).unwrap().count(), 17, "and the lock");
}

#[test]
fn the_originals_files_become_a_profile() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let images = file(
        "images.yaml",
        "quay.io/a/b: ['${HOST}/b', s.io/b, s.io/b]\nquay.io/A: r.io/a\nnginx:\n  - r.io/n\n  - ${NOPE}/n\nx/y: ${NOPE}/y\n",
    );
    let auth = file(
        "auth.yaml",
        "r.io: {username: me, password: '${SECRET}', limit: 3, cert: c.pem}\nquay: {username: x}\n",
    );
    let env = |name: &str| match name {
        "HOST" => Some("r.io".to_owned()),
        "SECRET" => Some("CANARY".to_owned()),
        _ => None,
    };
    let import = import("mirror", &images, Some(&auth), &env).unwrap();
    assert_eq!(
        import.profile,
        Profile {
            name: "mirror".into(),
            rules: vec![rule("quay.io/a/b", &["r.io/b", "s.io/b"]), rule("nginx", &["r.io/n"])],
            ..Profile::default()
        }
    );
    assert_eq!((import.taken, import.auth.len()), (2, 1));
    let prefix = format!("{}/", dir.path().display());
    let told = |list: &[crate::Problem]| -> Vec<String> {
        list.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
    };
    assert_eq!(
        told(&import.changed),
        [
            "auth.yaml:1:32: 'password' of 'r.io' is what the environment holds now",
            "images.yaml:1:15: destination '${HOST}/b' is 'r.io/b' now"
        ]
    );
    assert_eq!(
        told(&import.refused),
        [
            "images.yaml:2:9: source 'quay.io/A': its repository has an upper-case letter 'A' (character 9)",
            "images.yaml:5:5: destination '${NOPE}/n': the environment variable NOPE is not set",
            "images.yaml:6:6: destination '${NOPE}/y': the environment variable NOPE is not set",
        ]
    );
    assert_eq!(import.warnings.len(), 2, "{:?}", import.warnings);
    assert!(!format!("{import:?}").contains("CANARY"));

    let rejected = super::import("x", &auth, None, &env).unwrap_err();
    assert!(!rejected.problems.is_empty(), "an auth file has no rules");
    // and out again
    let export = image_syncer::export(&import.profile.prepare().unwrap().rules);
    assert_eq!(export.text, "quay.io/a/b:\n  - r.io/b\n  - s.io/b\nnginx: r.io/n\n");
}

/// `docs/profile.schema.json` is the schema; `UPDATE_SCHEMA=1 cargo test -p profiles schema` writes it anew.
#[test]
fn the_schema_in_the_docs_is_ours() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../docs/profile.schema.json");
    let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        schema,
        "run UPDATE_SCHEMA=1 cargo test -p profiles schema"
    );
}

/// The schema and the reader know the same names.
#[test]
fn the_schema_knows_what_the_reader_knows() {
    let schema = schema();
    let names = |at: &serde_json::Value| {
        let mut names: Vec<String> =
            at["properties"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        assert_eq!(at["additionalProperties"], false);
        names
    };
    let sorted = |list: &[&str]| {
        let mut list: Vec<String> = list.iter().map(|name| (*name).to_owned()).collect();
        list.sort();
        list
    };
    assert_eq!(names(&schema), sorted(file::FIELDS));
    assert_eq!(names(&schema["$defs"]["ProfileRule"]), sorted(file::RULE));
    assert_eq!(names(&schema["$defs"]["Tags"]), sorted(file::TAGS));
    assert_eq!(names(&schema["$defs"]["Repositories"]), sorted(file::REPOSITORIES));
    assert_eq!(names(&schema["$defs"]["Platforms"]), sorted(file::PLATFORMS));
    assert_eq!(names(&schema["$defs"]["ProfilePolicy"]), sorted(file::POLICY));
    assert_eq!(names(&schema["$defs"]["CreateSettings"]), sorted(file::CREATE));
    assert_eq!(schema["required"], serde_json::json!(["version", "name", "rules"]));
    assert_eq!(
        schema["$defs"]["ProfileRule"]["required"],
        serde_json::json!(["source", "destinations"])
    );
    let overwrite = &schema["$defs"]["ProfilePolicy"]["properties"]["overwrite"];
    assert_eq!(overwrite["enum"], serde_json::json!(["never", "differing", "always"]));
    let attestations = &schema["$defs"]["ProfilePolicy"]["properties"]["attestations"];
    assert_eq!(attestations["enum"], serde_json::json!(["keep", "strip", "auto"]));
    let index = &schema["$defs"]["ProfilePolicy"]["properties"]["index"];
    assert_eq!(index["enum"], serde_json::json!(["rewrite", "sparse"]));
}
