use std::{fs, path::PathBuf};

use engine::{DestinationTags, JobRule, Selection};
use registry::Code;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;

fn original(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/original").join(name)
}

fn env(name: &str) -> Option<String> {
    match name {
        "NAME" => Some("me".into()),
        "SECRET" => Some("CANARY$NAME".into()),
        "HOST" => Some("r.io".into()),
        "UPPER" => Some("R.io/UPPER".into()),
        _ => None,
    }
}

/// Files in a directory of their own.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Problems or warnings as text, without the directory.
    fn told(&self, problems: &[Problem]) -> Vec<String> {
        let dir = format!("{}/", self.0.path().display());
        problems
            .iter()
            .map(|p| {
                assert!(!format!("{p:?}").contains("CANARY"), "{p:?}");
                format!("{p} | {}", p.hint.as_deref().unwrap_or("-")).replace(&dir, "")
            })
            .collect()
    }
}

/// `source -> destination, destination`
fn shown(rules: &[Rule]) -> Vec<String> {
    rules
        .iter()
        .map(|rule| {
            let to: Vec<&str> = rule.destinations.iter().map(|to| to.written.as_str()).collect();
            format!("{} -> {}", rule.source.written, to.join(", "))
        })
        .collect()
}

/// `key user:password insecure`
fn logins(auth: &[AuthEntry]) -> Vec<String> {
    auth.iter()
        .map(|entry| {
            let password = entry.password.as_ref().map_or("-", |password| password.expose_secret());
            let user = entry.username.as_deref().unwrap_or("-");
            format!(
                "{} {user}:{password}{}",
                entry.address,
                if entry.insecure { " insecure" } else { "" }
            )
        })
        .collect()
}

#[test]
fn the_originals_examples_mean_what_they_meant() {
    const PROXY: &str = "quay.io/coreos/kube-rbac-proxy";
    const DIGEST: &str = "sha256:14b267eb38aa85fd12d0e168fffa2d8a6187ac53a14a0212b0d4fce8d729598c";
    let rules = [
        format!("{PROXY} -> quay.io/ruohe/kube-rbac-proxy"),
        format!("{PROXY}:v1.0 -> quay.io/ruohe/kube-rbac-proxy"),
        format!("{PROXY}:v1.0,v2.0 -> quay.io/ruohe/kube-rbac-proxy"),
        format!("{PROXY}@{DIGEST} -> quay.io/ruohe/kube-rbac-proxy"),
        format!("{PROXY}:v1.1 -> quay.io/ruohe/kube-rbac-proxy1, quay.io/ruohe/kube-rbac-proxy2"),
        format!("{PROXY}:/a+/ -> quay.io/ruohe/kube-rbac-proxy"),
    ];
    let auth = |third: &str| {
        [
            "quay.io xxx:xxxxxxxxx insecure".to_owned(),
            "registry.cn-beijing.aliyuncs.com xxx:xxxxxxxxx".into(),
            format!("{third} xxx:xxxxxxxxxx"),
            "quay.io/coreos abc:xxxxxxxxx insecure".into(),
        ]
    };
    let yaml = load(Some(&original("auth.yaml")), &original("images.yaml"), &env).unwrap();
    let json = load(Some(&original("auth.json")), &original("images.json"), &env).unwrap();
    for (loaded, hub) in [(&yaml, "docker.io"), (&json, "registry.hub.docker.com")] {
        assert_eq!(shown(&loaded.rules), rules);
        assert_eq!(logins(&loaded.auth), auth(hub));
        assert_eq!(loaded.warnings, []);
        assert!(matches!(&loaded.rules[3].source.select, Selection::Digest { tag: None, .. }));
        assert!(
            matches!(&loaded.rules[5].source.select, Selection::Matching(regex) if regex.as_str() == "a+")
        );
    }
    assert_eq!(
        yaml.rules[4].origin.as_ref().unwrap().to_string(),
        format!("{}:5:1", original("images.yaml").display())
    );
    assert_eq!(yaml.auth[3].origin, format!("{}:11", original("auth.yaml").display()));

    let yaml = load_config(&original("config.yaml")).unwrap();
    assert_eq!(shown(&yaml.rules), rules[..3]);
    assert_eq!(logins(&yaml.auth), auth("docker.io"));
    let json = load_config(&original("config.json")).unwrap();
    assert_eq!(
        shown(&json.rules),
        [
            rules[0].clone(),
            "xxxx -> xxxxx".into(),
            "xxx/xxx/xx:tag1,tag2,tag3 -> xxx/xxx/xx".into()
        ]
    );
    assert_eq!(json.rules[1].source.repository.as_str(), "library/xxxx");
    assert_eq!(logins(&json.auth), auth("registry.hub.docker.com"));
}

#[test]
fn scalars_are_texts_where_a_text_is_meant() {
    let files = Files::new(&[(
        "auth.yaml",
        "r.io: {username: 007, password: 123456, insecure: yes}\n\
         s.io: {username: true, password: 1_0.50e3, insecure: \"true\"}\n\
         t.io:\n  username: me\n  password: \"x: y # z\"\n  insecure: OFF\n  ca: certs/ca.pem\n  \
           cert: /abs/c.pem\n  key: k.pem\n  proxy: socks5h://u:CANARY@p:1080\n  limit: 8\n\
         u.io:\n\
         v.io: {username: ~, password: null, insecure: n}\n\
         w.io: {username: '', password: ''}\n",
    )]);
    let loaded = load_auth(&files.path("auth.yaml"), &env).unwrap();
    assert_eq!(
        logins(&loaded.auth),
        [
            "r.io 007:123456 insecure",
            "s.io true:1_0.50e3 insecure",
            "t.io me:x: y # z",
            "u.io -:-",
            "v.io -:-",
            "w.io -:-"
        ]
    );
    assert_eq!(loaded.warnings, []);
    let t = &loaded.auth[2];
    assert_eq!(t.ca, Some(files.path("certs/ca.pem")), "from the file that names it");
    assert_eq!(
        (t.cert.clone(), t.key.clone()),
        (Some("/abs/c.pem".into()), Some(files.path("k.pem")))
    );
    assert_eq!((t.proxy.as_ref().unwrap().port(), t.limit), (Some(1080), Some(8)));
    assert!(!format!("{:?}", loaded.auth).contains("CANARY"));
}

#[test]
fn json_cares_for_case_no_more_than_the_original() {
    let files = Files::new(&[
        (
            "c.json",
            r#"{"Auth": {"r.io": {"Username": "me", "PASSWORD": 12.50}}, "IMAGES": {"a/b": "r.io/x"}}"#,
        ),
        ("c.yaml", "Auth: {}\nimages: {a/b: r.io/x}\n"),
    ]);
    let loaded = load_config(&files.path("c.json")).unwrap();
    assert_eq!(logins(&loaded.auth), ["r.io me:12.50"]);
    assert_eq!(shown(&loaded.rules), ["a/b -> r.io/x"]);
    assert_eq!(loaded.warnings, []);
    let loaded = load_config(&files.path("c.yaml")).unwrap();
    assert_eq!(
        files.told(&loaded.warnings),
        ["c.yaml:1:1: 'Auth' is unknown and is left out | did you mean 'auth'?"]
    );
}

#[test]
fn variables_in_logins_and_destinations() {
    let files = Files::new(&[
        (
            "auth.yaml",
            "r.io: {username: '${NAME}', password: '${SECRET}'}\n\
             s.io: {username: robot$project+ci, password: $SECRET$x}\n",
        ),
        ("images.yaml", "a/b: ['${HOST}/x', \"$HOST/y\"]\n"),
        (
            "c.yaml",
            "auth: {r.io: {username: $NAME, password: '${SECRET}'}}\nimages: {a/b: r.io/x}\n",
        ),
    ]);
    let loaded = load(Some(&files.path("auth.yaml")), &files.path("images.yaml"), &env).unwrap();
    // what a variable holds is taken as it is
    assert_eq!(
        logins(&loaded.auth),
        ["r.io me:CANARY$NAME", "s.io robot$project+ci:CANARY$NAME$x"]
    );
    assert_eq!(shown(&loaded.rules), ["a/b -> r.io/x, r.io/y"]);

    let loaded = load_config(&files.path("c.yaml")).unwrap();
    assert_eq!(
        logins(&loaded.auth),
        ["r.io $NAME:${SECRET}"],
        "nothing is replaced in a combined file"
    );
}

#[test]
fn json_and_yaml_files_with_a_mark_and_windows_lines() {
    let files = Files::new(&[
        ("images.yaml", "\u{feff}a/b:\r\n  - r.io/x\r\n  - r.io/Y\r\n"),
        ("images", "\u{feff}\r\n{\"a/b\": \"r.io/x\"}"),
    ]);
    let rejected = load(None, &files.path("images.yaml"), &env).unwrap_err();
    assert_eq!(
        files.told(&rejected.problems),
        [
            "images.yaml:3:10: destination 'r.io/Y': its repository has an upper-case letter 'Y' (character 6) \
          | repository names have no upper-case letters: 'r.io/y'"
        ]
    );
    assert_eq!(shown(&load(None, &files.path("images"), &env).unwrap().rules), ["a/b -> r.io/x"]);
}

/// What is wrong is told in full, whatever else is wrong.
#[test]
fn bad_images_files() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["images.yaml:1:1: the file is empty | -"]),
        ("# nothing\n", &["images.yaml:1:1: the file is empty | -"]),
        (
            "- a/b\n",
            &[
                "images.yaml:1:1: a map of sources to destinations is expected, and this is a list | -",
            ],
        ),
        (
            "a/b",
            &[
                "images.yaml:1:1: a map of sources to destinations is expected, and this is a text | -",
            ],
        ),
        (
            "a/b: r.io/x\nc/d: r.io/y\na/b: r.io/z\n",
            &[
                "images.yaml:3:1: 'a/b' is written twice, on line 1 and on line 3 | write several destinations as a list under one key",
            ],
        ),
        (
            "a/b:\nc/d: ''\ne/f: []\ng/h: [r.io/x, ~]\n",
            &[
                "images.yaml:1:4: a destination of 'a/b' is empty | write 'registry/repository'",
                "images.yaml:2:6: a destination of 'c/d' is empty | write 'registry/repository'",
                "images.yaml:3:6: the list of destinations of 'e/f' is empty | -",
                "images.yaml:4:15: a destination of 'g/h' is empty | write 'registry/repository'",
            ],
        ),
        (
            "a/b: 5000\nc/d: true\ne/f: {r.io: x}\ng/h: [[r.io/x]]\n",
            &[
                "images.yaml:1:6: a destination of 'a/b' must be a text, and this is a number | write 'registry/repository', or a list of such",
                "images.yaml:2:6: a destination of 'c/d' must be a text, and this is a boolean | write 'registry/repository', or a list of such",
                "images.yaml:3:6: a destination of 'e/f' must be a text, and this is a map | write 'registry/repository', or a list of such",
                "images.yaml:4:7: a destination of 'g/h' must be a text, and this is a list | write 'registry/repository', or a list of such",
            ],
        ),
        (
            "quay.io/a/b:v1.0, v2.0: r.io/x\nhttps://quay.io/a/b: r.io/x\nquay.io/A/B:v1: r.io/x\n'quay.io/a/b:/v[/': r.io/x\n",
            &[
                "images.yaml:1:18: source 'quay.io/a/b:v1.0, v2.0': its tag has a space (character 18) | write tags without spaces: 'quay.io/a/b:v1.0,v2.0'",
                "images.yaml:2:1: source 'https://quay.io/a/b': it begins with a scheme, 'https://' (character 1) | leave the scheme out: 'quay.io/a/b'",
                "images.yaml:3:9: source 'quay.io/A/B:v1': its repository has an upper-case letter 'A' (character 9) | repository names have no upper-case letters: 'quay.io/a/b:v1'",
                "images.yaml:4:16: source 'quay.io/a/b:/v[/': its pattern is no regular expression: unclosed character class (character 15) | -",
            ],
        ),
        (
            "quay.io/a/b:v1,v2:\n  - r.io/x:one\n  - r.io/y:1,2\n  - \"r.io/\\x41\"\n",
            &[
                "images.yaml:2:12: destination 'r.io/x:one': it names 1 tag, the source 'quay.io/a/b:v1,v2' names 2 tags (character 8) | name as many tags on both sides, or none at the destination to keep the source's",
                "images.yaml:4:5: destination 'r.io/A': its repository has an upper-case letter 'A' (character 6) | repository names have no upper-case letters: 'r.io/a'",
            ],
        ),
        (
            "a/b: ${NOPE}/x\nc/d: r.io/${NOPE2}\ne/f: r.io/$NOPE\ng/h: ${UPPER}\n'${HOST}/x': r.io/x\n",
            &[
                "images.yaml:1:6: destination '${NOPE}/x': the environment variable NOPE is not set | set NOPE before the run",
                "images.yaml:2:11: destination 'r.io/${NOPE2}': the environment variable NOPE2 is not set | set NOPE2 before the run",
                "images.yaml:3:11: destination 'r.io/$NOPE': its repository has the character '$' (character 6) | -",
                "images.yaml:4:6: destination 'R.io/UPPER': its repository has an upper-case letter 'U' (character 6) | repository names have no upper-case letters: 'R.io/upper'",
                "images.yaml:5:2: source '${HOST}/x': its repository has the character '$' (character 1) | variables are replaced in destinations, not in sources",
            ],
        ),
        (
            "\"a/b:\\e[31m\\u202e\": r.io/x\n",
            &[
                "images.yaml:1:1: source 'a/b:\\u{1b}[31m\\u{202e}': its tag has the control character \\u{1b} (character 5) | -",
            ],
        ),
        (
            "auth: {r.io: {username: x}}\nimages: {a/b: r.io/x}\n",
            &[
                "images.yaml:1:1: this is a combined file, with 'auth' and 'images' in it | give it with --config, or make two files of it",
            ],
        ),
        (
            "a/b: r.io/x\n c/d: r.io/y\n",
            &[
                "images.yaml:2:5: malformed YAML: mapping values are not allowed in this context | indent it as its neighbours are, or put a text that holds ': ' in quotes",
            ],
        ),
    ];
    for (text, want) in cases {
        let files = Files::new(&[("images.yaml", text)]);
        let rejected =
            load(None, &files.path("images.yaml"), &env).map(|l| shown(&l.rules)).expect_err(text);
        assert_eq!(files.told(&rejected.problems), *want, "{text}");
        assert!(rejected.problems.iter().all(|problem| problem.code == Code::ConfigInvalid));
    }
}

#[test]
fn an_auth_file_names_a_clouds_sign_in() {
    use accounts::SecretKind;
    let files = Files::new(&[(
        "auth.yaml",
        "a.io: {provider: ecr, region: eu-west-1}\n\
         b.io: {provider: ecr, username: AKIA, password: x, role: 'arn:aws:iam::1:role/ci'}\n\
         c.io: {provider: ecr-public, profile: ci}\n\
         d.io: {provider: ecr, username: AWS, password: x}\n\
         e.io: {provider: gar, secret_file: key.json}\n\
         f.io: {provider: azure, username: id, password: x, tenant: t.example}\n\
         g.io: {provider: azure, username: admin, password: x}\n\
         h.io: {secret_kind: alibaba-key, username: LTAI, password: x, instance: cri-1, endpoint: 'https://cr-vpc.example/'}\n\
         i.io: {provider: harbor, username: 'robot$p+ci', password: x}\n\
         j.io: {secret_kind: identity-token, password: x}\n",
    )]);
    let loaded = load_auth(&files.path("auth.yaml"), &env).unwrap();
    assert_eq!(loaded.warnings, []);
    let kinds: Vec<_> = loaded.auth.iter().map(accounts::AuthEntry::sign_in_kind).collect();
    assert_eq!(
        kinds,
        [
            Some(SecretKind::AwsEnvironment),
            Some(SecretKind::AwsKeys),
            Some(SecretKind::AwsProfile),
            None,
            Some(SecretKind::GoogleKey),
            Some(SecretKind::AzurePrincipal),
            None,
            Some(SecretKind::AlibabaKey),
            None,
            Some(SecretKind::IdentityToken),
        ]
    );
    assert_eq!(loaded.auth[0].options.region.as_deref(), Some("eu-west-1"));
    assert_eq!(loaded.auth[1].options.role.as_deref(), Some("arn:aws:iam::1:role/ci"));
    assert_eq!(loaded.auth[4].secret_file, Some(files.path("key.json")));
    assert_eq!(loaded.auth[5].options.tenant.as_deref(), Some("t.example"));
    assert_eq!(loaded.auth[7].options.instance.as_deref(), Some("cri-1"));
    let endpoint = loaded.auth[7].options.endpoint.as_ref();
    assert_eq!(endpoint.map(url::Url::as_str), Some("https://cr-vpc.example/"));
}

#[test]
fn an_auth_file_says_what_is_created_and_where_apis_are() {
    let files = Files::new(&[(
        "auth.yaml",
        "a.io: {provider: ecr, create: true}\n\
         b.io: {create: {immutable_tags: true, scan_on_push: yes, encryption: KMS}}\n\
         c.io: {create: {public: true}, provider: harbor, api: 'https://harbor.example.com/x'}\n\
         d.io: {create: false, path_prefix: /artifactory/api/docker/key/}\n",
    )]);
    let loaded = load_auth(&files.path("auth.yaml"), &env).unwrap();
    assert_eq!(loaded.warnings, []);
    let create: Vec<_> = loaded.auth.iter().map(|entry| entry.create.clone()).collect();
    let how = registry::Creation::default;
    assert_eq!(
        create,
        [
            Some(how()),
            Some(registry::Creation {
                immutable_tags: true,
                scan_on_push: true,
                encryption: Some("KMS".into()),
                ..how()
            }),
            Some(registry::Creation { public: true, ..how() }),
            None,
        ]
    );
    let api = loaded.auth[2].api.as_ref();
    assert_eq!(api.map(url::Url::as_str), Some("https://harbor.example.com/x"));
    assert_eq!(loaded.auth[3].path_prefix.as_deref(), Some("artifactory/api/docker/key"));
}

#[test]
fn bad_auth_files() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["auth.yaml:1:1: the file is empty | -"]),
        ("- r.io\n", &["auth.yaml:1:1: a map of registries is expected, and this is a list | -"]),
        (
            "r.io: me:CANARY\ns.io: [CANARY]\n",
            &[
                "auth.yaml:1:7: 'r.io' takes a map of 'username', 'password', 'insecure' and others, and this is a text | -",
                "auth.yaml:2:7: 's.io' takes a map of 'username', 'password', 'insecure' and others, and this is a list | -",
            ],
        ),
        (
            "r.io:\n  username: [CANARY]\n  password: {CANARY: x}\n  insecure: CANARY\n  proxy: CANARY\n  limit: 0\n",
            &[
                "auth.yaml:2:13: 'username' of 'r.io' takes a text, and this is a list | -",
                "auth.yaml:3:13: 'password' of 'r.io' takes a text, and this is a map | -",
                "auth.yaml:4:13: 'insecure' of 'r.io' must be true or false | -",
                "auth.yaml:5:10: 'proxy' of 'r.io' is no proxy | write 'http://host:port', or https, socks5 or socks5h",
                "auth.yaml:6:10: 'limit' of 'r.io' must be a whole number from 1 | -",
            ],
        ),
        (
            "r.io:\n  username: ${NOPE}\n  password: \"CANARY${NOPE2}\"\ns.io: {password: '${CANARY'}\n",
            &[
                "auth.yaml:2:13: 'username' of 'r.io': the environment variable NOPE is not set | set NOPE before the run",
                "auth.yaml:3:20: 'password' of 'r.io': the environment variable NOPE2 is not set | set NOPE2 before the run",
                "auth.yaml:4:19: 'password' of 's.io': '${' begins no variable's name | write '${NAME}'; a text that holds '${' itself can be put into a variable",
            ],
        ),
        (
            "r.io: {username: a}\ndocker.io: {username: a, password: x}\nr.io: {username: b}\nindex.docker.io: {username: b, password: x}\n",
            &[
                "auth.yaml:3:1: 'r.io' is written twice, on line 1 and on line 3 | keep one of them",
                "auth.yaml:4:1: 'docker.io' on line 2 and 'index.docker.io' on line 4 are the same, and say different things | keep one of them",
            ],
        ),
        (
            "r.io: {provider: none-such}\ns.io: {endpoint: 'https://u:CANARY@x/'}\n",
            &[
                "auth.yaml:1:18: 'provider' of 'r.io': there is no provider 'none-such' | write one of acr-enterprise, acr-personal, swr, tcr, harbor, docker-hub, quay, ghcr, gar, gcr, ecr, ecr-public, azure, gitlab, artifactory, nexus, gitea, zot, registry",
                "auth.yaml:2:18: 'endpoint' of 's.io': it must be a URL such as https://api.example.com/ | -",
            ],
        ),
        (
            "r.io: {create: perhaps}\ns.io: {create: {public: 5}}\nt.io: {api: 'https://u:CANARY@x/', path_prefix: a//b}\n",
            &[
                "auth.yaml:1:16: 'create' of 'r.io' must be true or false, or say how | write 'create: true', or a map of public, immutable_tags, scan_on_push, encryption",
                "auth.yaml:2:25: 'public' in 'create' of 's.io' must be true or false | -",
                "auth.yaml:3:13: 'api' of 't.io' is no URL | write it as in 'https://harbor.example.com/'",
                "auth.yaml:3:49: 'path_prefix' of 't.io': it must be a path such as artifactory/api/docker/key | -",
            ],
        ),
        (
            "r.io:\n  password: CANARY: x\n",
            &[
                "auth.yaml:2:19: malformed YAML: mapping values are not allowed in this context | indent it as its neighbours are, or put a text that holds ': ' in quotes",
            ],
        ),
    ];
    for (text, want) in cases {
        let files = Files::new(&[("auth.yaml", text)]);
        let rejected =
            load_auth(&files.path("auth.yaml"), &env).map(|l| logins(&l.auth)).expect_err(text);
        let told = files.told(&rejected.problems);
        let want: Vec<String> = want.iter().map(|w| (*w).to_owned()).collect();
        assert_eq!(told, want, "{text}");
    }
}

#[test]
fn warnings_do_not_stop() {
    let files = Files::new(&[
        (
            "auth.yaml",
            "quay: {username: a, password: x}\n\
             https://quay.io: {username: a, password: x}\n\
             docker.io: {username: a, password: x}\n\
             https://index.docker.io/v1/: {username: a, password: x}\n\
             r.io: {user: a, password: x, tls-verify: false}\n\
             s.io/: {username: a}\n",
        ),
        ("images.yaml", "a/b: [r.io/x, r.io/y, r.io/x]\n"),
        ("none.yaml", "{}\n"),
    ]);
    let loaded = load(Some(&files.path("auth.yaml")), &files.path("images.yaml"), &env).unwrap();
    let known = "known are 'username', 'password', 'insecure', 'ca', 'cert', 'key', 'proxy', 'limit', 'provider', \
                 'secret_kind', 'secret_file', 'profile', 'role', 'region', 'tenant', 'instance', 'endpoint', 'api', 'path_prefix', 'create'";
    assert_eq!(
        files.told(&loaded.warnings),
        [
            "auth.yaml:1:1: 'quay' can match no image and is left out: 'quay' has neither a dot nor a port, and image \
             names can't tell it from a part of Docker Hub; write quay:443 or another port | write a registry, or a \
             registry and a namespace: 'quay.io' or 'quay.io/team'"
                .to_owned(),
            "auth.yaml:2:1: the scheme of 'https://quay.io' says nothing | write the host alone; 'insecure: true' allows plain HTTP".into(),
            "auth.yaml:5:8: 'user' of 'r.io' is unknown and is left out | did you mean 'username'?".into(),
            format!("auth.yaml:5:30: 'tls-verify' of 'r.io' is unknown and is left out | {known}"),
            "auth.yaml:5:1: 'r.io' has a password and no username: it is not used | -".into(),
            "auth.yaml:6:1: 's.io/' has a username and no password | -".into(),
            "images.yaml:1:23: 'r.io/x' is named twice as a destination of 'a/b' | -".into(),
        ]
    );
    assert_eq!(logins(&loaded.auth), ["quay.io a:x", "docker.io a:x", "r.io -:x", "s.io a:-"]);
    assert_eq!(shown(&loaded.rules), ["a/b -> r.io/x, r.io/y"]);
    let none = load(None, &files.path("none.yaml"), &env).unwrap();
    assert_eq!(files.told(&none.warnings), ["none.yaml:1:1: there is no rule | -"]);
}

#[test]
fn everything_wrong_in_all_files_is_told_together() {
    let files = Files::new(&[
        ("auth.json", "{\"r.io\": {\"username\": \"${NOPE}\"}}"),
        ("images.json", "{\"A\": \"r.io/x\"}"),
    ]);
    let rejected =
        load(Some(&files.path("auth.json")), &files.path("images.json"), &env).unwrap_err();
    assert_eq!(
        rejected.to_string().replace(&format!("{}/", files.0.path().display()), ""),
        "auth.json:1:24: 'username' of 'r.io': the environment variable NOPE is not set\n\
         images.json:1:3: source 'A': its repository has an upper-case letter 'A' (character 1)"
    );
    let rejected = load(Some(&files.path("lost.yaml")), &files.path(""), &env).unwrap_err();
    assert!(
        rejected
            .problems
            .iter()
            .all(|problem| problem.code == Code::FileFailed && problem.line == 0)
    );
    let told = files.told(&rejected.problems);
    let hint = "check its name and folder, and that you may read it";
    let lost = "lost.yaml: can't be read: No such file or directory (os error 2)";
    assert_eq!(told[0], format!("{lost} | {hint}"));
    let folder = format!(": can't be read: Is a directory (os error 21) | {hint}");
    assert!(told[1].ends_with(&folder), "{told:?}");
}

#[test]
fn bad_combined_files() {
    for (text, want) in [
        (
            "auth: {}\n",
            "c.yaml:1:1: there is no 'images' | name the rules under 'images'; a file of rules alone is given with --images",
        ),
        ("[]\n", "c.yaml:1:1: a map of 'auth' and 'images' is expected, and this is a list | -"),
        (
            "images: [a/b]\n",
            "c.yaml:1:9: a map of sources to destinations is expected, and this is a list | -",
        ),
        (
            "images: {a/b: '${HOST}/x'}\n",
            "c.yaml:1:16: destination '${HOST}/x': its repository has the character '$' (character 1) | -",
        ),
    ] {
        let files = Files::new(&[("c.yaml", text)]);
        let rejected = load_config(&files.path("c.yaml")).map(|_| ()).expect_err(text);
        assert_eq!(files.told(&rejected.problems), [want]);
    }
    let files = Files::new(&[("c.yaml", "auth:\nimages: {a/b: r.io/x}\nimage: {}\n")]);
    let loaded = load_config(&files.path("c.yaml")).unwrap();
    assert_eq!(
        files.told(&loaded.warnings),
        ["c.yaml:3:1: 'image' is unknown and is left out | did you mean 'images'?"]
    );
}

#[test]
fn anchors_and_merge_keys_as_in_the_original() {
    let files = Files::new(&[
        (
            "auth.yaml",
            "quay.io: &robot\n  username: r\n  password: p\nr.io: *robot\ns.io:\n  <<: *robot\n  insecure: true\n",
        ),
        ("images.yaml", "a/b: &to [r.io/x, s.io/x]\nc/d:v1: *to\n"),
    ]);
    let loaded = load(Some(&files.path("auth.yaml")), &files.path("images.yaml"), &env).unwrap();
    assert_eq!(logins(&loaded.auth), ["quay.io r:p", "r.io r:p", "s.io r:p insecure"]);
    assert_eq!(shown(&loaded.rules), ["a/b -> r.io/x, s.io/x", "c/d:v1 -> r.io/x, s.io/x"]);
}

#[test]
fn rules_become_an_images_file_again() {
    let long: Vec<String> = (0..200).map(|n| format!("v1.{n}.0-alpha")).collect();
    let long = format!("quay.io/a/b:{}", long.join(","));
    let digest = format!("quay.io/a/b:v1@sha256:{}", "a".repeat(64));
    let mut rules: Vec<Rule> = [
        ("quay.io/a/b:/^v1\\.[0-9]+$/", &["r.io/x"][..]),
        ("nginx", &["localhost:5000/n"]),
        ("a/b:/^(a|b) #: [x]{2}\"\u{e4}/", &["r.io/x", "s.io/y"]),
        (&long, &["r.io/x"]),
        (&digest, &["r.io/x"]),
        ("nginx", &["r.io/second", "localhost:5000/n"]),
        ("only/amd64", &["r.io/x"]),
    ]
    .iter()
    .map(|(source, to)| Rule::parse(source, to).unwrap())
    .collect();
    rules[6].platforms = Some(registry::PlatformFilter::parse(["linux"], ["amd64"]).unwrap());
    let narrowed = |rule: &str| {
        let mut rule = Rule::parse(rule, &["r.io/x"]).unwrap();
        rule.tags.newest = Some(3);
        rule
    };
    let pattern = engine::PatternRule::parse("quay.io/team/*", &["r.io/{path}"]).unwrap();
    let others = [narrowed("a/newest").into(), pattern.into()];
    let all: Vec<JobRule> = rules.iter().cloned().map(JobRule::from).chain(others).collect();
    let export = export(&all);
    assert_eq!(
        export.notes,
        [
            format!("the original drops the tag of '{digest}' and copies without a tag"),
            "'only/amd64' is left out: it keeps only os linux, arch amd64, and an images file can't say so; run it by \
             itself with --os and --arch"
                .into(),
            "'a/newest' is left out: its 'tags' narrow what it selects, and an images file can't say so".into(),
            "'quay.io/team/*' is left out: it names repositories by pattern, and an images file can't".into(),
        ]
    );
    assert_eq!(export.taken, 6);
    let files = Files::new(&[("images.yaml", &export.text)]);
    let loaded = load(None, &files.path("images.yaml"), &env)
        .unwrap_or_else(|e| panic!("{e}\n{}", export.text));
    let mut want = shown(&rules[..5]);
    want[1] = "nginx -> localhost:5000/n, r.io/second".into();
    assert_eq!(shown(&loaded.rules), want);
    assert_eq!(
        export.text.lines().take(4).collect::<Vec<_>>(),
        [
            "\"quay.io/a/b:/^v1\\\\.[0-9]+$/\": r.io/x",
            "nginx:",
            "  - localhost:5000/n",
            "  - r.io/second"
        ]
    );
    assert_eq!(super::export(&[]).text, "{}\n");
    assert!(matches!(loaded.rules[0].destinations[0].tags, DestinationTags::Same));
}
