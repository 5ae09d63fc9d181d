//! The profile's file: reading it, with every problem in its place, and writing it.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use accounts::{Create, create};
use engine::{Attestations, IndexPolicy, NewestBy, Overwrite};
use registry::{Sentence, sentence};

use super::{
    Field, Narrowing, Platforms, Profile, ProfilePolicy, ProfileRule, Repositories, Tags, VERSION,
};
use crate::{
    document::{self, Entry, Format, Kind, Node, Scalar, Value, Word, as_bool},
    problem::{
        Findings, Place, Rejected, at_least_one, known_instead, must_be_bool, no_limit, quoted,
    },
    yaml::scalar,
};

pub(super) const FIELDS: &[&str] = &["version", "name", "rules", "platforms", "accounts", "policy"];
pub(super) const RULE: &[&str] = &["source", "destinations", "tags", "repositories", "platforms"];
pub(super) const TAGS: &[&str] = &["include", "exclude", "versions", "newest", "newest_by"];
pub(super) const REPOSITORIES: &[&str] = &["exclude"];
pub(super) const PLATFORMS: &[&str] = &["os", "arch"];
pub(super) const POLICY: &[&str] =
    &["overwrite", "attestations", "index", "referrers", "create", "retries", "proc", "bandwidth"];
pub(super) const CREATE: &[&str] = &["public", "immutableTags", "scanOnPush", "encryption"];

const OVERWRITE: [(&str, Overwrite); 3] = [
    ("never", Overwrite::Never),
    ("differing", Overwrite::Differing),
    ("always", Overwrite::Always),
];
const ATTESTATIONS: [(&str, Attestations); 3] =
    [("keep", Attestations::Keep), ("strip", Attestations::Strip), ("auto", Attestations::Auto)];
const NEWEST_BY: [(&str, NewestBy); 2] =
    [("version", NewestBy::Version), ("created", NewestBy::Created)];
const INDEX: [(&str, IndexPolicy); 2] =
    [("rewrite", IndexPolicy::Rewrite), ("sparse", IndexPolicy::Sparse)];

/// The word for a value.
fn word<T: PartialEq>(known: &[(&'static str, T)], value: &T) -> &'static str {
    known.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name)
}

/// Where fields stand in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(HashMap<Field, (Place, Option<usize>)>);

impl Places {
    fn put(&mut self, field: Field, word: &Word) {
        self.0.insert(field, (word.place, word.lead));
    }

    /// The place of a byte of a field's text, as near as it is known.
    pub(super) fn of(&self, field: &Field, text: &str, byte: usize) -> Place {
        let Some((place, lead)) = self.0.get(field) else { return Place { line: 1, column: 1 } };
        Word { text: text.to_owned(), place: *place, lead: *lead }.place_of(byte)
    }
}

/// Reads a file. Rules are taken as they are written: whether they are right is for [`Profile::check`].
pub(super) fn read(file: &Arc<str>, bytes: &[u8]) -> Result<(Profile, Places), Rejected> {
    let mut reader = Reader { findings: Findings::new(file.clone()), places: Places::default() };
    let root = document::text(bytes, &mut reader.findings)
        .and_then(|text| document::read(text, Format::Yaml, &mut reader.findings));
    let profile = if let Some(root) = root {
        reader.profile(&root)
    } else {
        if reader.findings.problems.is_empty() {
            document::empty(&mut reader.findings);
        }
        Profile::default()
    };
    let Findings { mut problems, warnings, .. } = reader.findings;
    if problems.is_empty() {
        return Ok((profile, reader.places));
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(Rejected { problems, warnings })
}

struct Reader {
    findings: Findings,
    places: Places,
}

impl Reader {
    fn profile(&mut self, root: &Node) -> Profile {
        let mut profile = Profile::default();
        let whole = sentence!("the_profile", "the profile");
        let Some(entries) = self.map(root, &whole) else { return profile };
        let version = entries.iter().find(|entry| entry.key.text == "version");
        match version.map(|entry| (&entry.value, self.number(&entry.value, &quoted("version")))) {
            None => {
                self.findings.wrong(root.place, no_field("version")).hint =
                    Some(sentence!("no_version_hint", "write 'version: 1'"));
            }
            Some((_, Some(VERSION) | None)) => {}
            Some((value, Some(version))) => {
                let message = sentence!(
                    "format_newer",
                    "this is format {version}, and format {known} is known",
                    version = version,
                    known = VERSION,
                );
                self.findings.problems.clear();
                self.findings.wrong(value.place, message).hint = Some(sentence!(
                    "format_newer_hint",
                    "a newer Image Syncer wrote it: update this one",
                ));
                return profile;
            }
        }
        let mut named = false;
        for Entry { key, value } in entries {
            match self.name(key, FIELDS, &whole) {
                Some("platforms" | "accounts" | "policy") if value.is_null() => {}
                Some("name") => {
                    named = true;
                    if let Some(word) = self.text(value, &quoted("name")) {
                        self.places.put(Field::Name, word);
                        profile.name.clone_from(&word.text);
                    }
                }
                Some("rules") => {
                    for (n, item) in self.list(value, &quoted("rules")).iter().enumerate() {
                        let rule = self.rule(n, item);
                        profile.rules.push(rule);
                    }
                }
                Some("platforms") => profile.platforms = self.platforms(None, value),
                Some("accounts") => {
                    for Entry { key, value } in
                        self.map(value, &quoted("accounts")).unwrap_or_default()
                    {
                        let what = sentence!(
                            "the_account_of",
                            "the account of '{registry}'",
                            registry = &key.text,
                        );
                        if let Some(id) = self.text(value, &what) {
                            self.places.put(Field::Account { registry: key.text.clone() }, key);
                            profile.accounts.insert(key.text.clone(), id.text.clone());
                        }
                    }
                }
                Some("policy") => profile.policy = self.policy(value),
                _ => {}
            }
        }
        if !named {
            self.findings.wrong(root.place, no_field("name"));
        }
        profile
    }

    fn rule(&mut self, n: usize, node: &Node) -> ProfileRule {
        let mut rule = ProfileRule::default();
        let what = sentence!("rule_n", "rule {n}", n = n + 1);
        let (mut has_source, mut has_destinations) = (false, false);
        let Some(entries) = self.map(node, &what) else { return rule };
        for Entry { key, value } in entries {
            match self.name(key, RULE, &what) {
                Some("platforms" | "tags" | "repositories") if value.is_null() => {}
                Some("tags") => rule.tags = self.tags(n, value),
                Some("repositories") => rule.repositories = self.repositories(n, value),
                Some("source") => {
                    has_source = true;
                    if let Some(word) = self.text(value, &quoted("source")) {
                        self.places.put(Field::Source { rule: n }, word);
                        rule.source.clone_from(&word.text);
                    }
                }
                Some("destinations") => {
                    has_destinations = true;
                    for (d, word) in
                        self.texts(value, &quoted("destinations")).into_iter().enumerate()
                    {
                        self.places.put(Field::Destination { rule: n, destination: d }, word);
                        rule.destinations.push(word.text.clone());
                    }
                }
                Some("platforms") => rule.platforms = Some(self.platforms(Some(n), value)),
                _ => {}
            }
        }
        for (name, there) in [("source", has_source), ("destinations", has_destinations)] {
            if !there {
                let message = sentence!(
                    "has_no_field",
                    "{what} has no '{field}'",
                    what = &what,
                    field = name
                );
                self.findings.wrong(node.place, message);
            }
        }
        rule
    }

    fn platforms(&mut self, rule: Option<usize>, node: &Node) -> Platforms {
        let mut platforms = Platforms::default();
        for Entry { key, value } in self.map(node, &quoted("platforms")).unwrap_or_default() {
            let (list, field, what) = match self.name(key, PLATFORMS, &quoted("platforms")) {
                Some("os") => (&mut platforms.os, Field::Os { rule }, quoted("os")),
                Some(_) => (&mut platforms.arch, Field::Arch { rule }, quoted("arch")),
                None => continue,
            };
            let words = self.texts(value, &what);
            if let Some(first) = words.first() {
                self.places.put(field, first);
            }
            list.extend(words.into_iter().map(|word| word.text.clone()));
        }
        platforms
    }

    fn tags(&mut self, rule: usize, node: &Node) -> Tags {
        let mut tags = Tags::default();
        for Entry { key, value } in self.map(node, &quoted("tags")).unwrap_or_default() {
            match self.name(key, TAGS, &quoted("tags")) {
                Some("versions" | "newest") if value.is_null() => {}
                Some("include") => {
                    tags.include =
                        self.patterns(rule, Narrowing::Include, value, &quoted("include"));
                }
                Some("exclude") => {
                    tags.exclude =
                        self.patterns(rule, Narrowing::Exclude, value, &quoted("exclude"));
                }
                Some("versions") => {
                    if let Some(word) = self.text(value, &quoted("versions")) {
                        let what = Narrowing::Versions;
                        self.places.put(Field::Narrowing { rule, what, item: 0 }, word);
                        tags.versions = Some(word.text.clone());
                    }
                }
                Some("newest") => {
                    self.places
                        .put(Field::Narrowing { rule, what: Narrowing::Newest, item: 0 }, key);
                    tags.newest = self.positive(value, &quoted("newest"));
                }
                Some("newest_by") => {
                    if let Some(value) = self.one_of(value, &quoted("newest_by"), &NEWEST_BY) {
                        tags.newest_by = value;
                    }
                }
                _ => {}
            }
        }
        tags
    }

    fn repositories(&mut self, rule: usize, node: &Node) -> Repositories {
        let mut repositories = Repositories::default();
        for Entry { key, value } in self.map(node, &quoted("repositories")).unwrap_or_default() {
            if self.name(key, REPOSITORIES, &quoted("repositories")).is_some() {
                let what = Narrowing::Repositories;
                repositories.exclude = self.patterns(rule, what, value, &quoted("exclude"));
            }
        }
        repositories
    }

    /// A list of patterns, each with its place.
    fn patterns(
        &mut self,
        rule: usize,
        what: Narrowing,
        node: &Node,
        name: &Sentence,
    ) -> Vec<String> {
        let words = self.texts(node, name);
        for (item, word) in words.iter().enumerate() {
            self.places.put(Field::Narrowing { rule, what, item }, word);
        }
        words.into_iter().map(|word| word.text.clone()).collect()
    }

    fn policy(&mut self, node: &Node) -> ProfilePolicy {
        let mut policy = ProfilePolicy::default();
        for Entry { key, value } in self.map(node, &quoted("policy")).unwrap_or_default() {
            match self.name(key, POLICY, &quoted("policy")) {
                Some("retries" | "proc" | "bandwidth") if value.is_null() => {}
                Some("overwrite") => {
                    if let Some(value) = self.one_of(value, &quoted("overwrite"), &OVERWRITE) {
                        policy.overwrite = value;
                    }
                }
                Some("attestations") => {
                    if let Some(value) = self.one_of(value, &quoted("attestations"), &ATTESTATIONS)
                    {
                        policy.attestations = value;
                    }
                }
                Some("index") => {
                    if let Some(value) = self.one_of(value, &quoted("index"), &INDEX) {
                        policy.index = value;
                    }
                }
                Some("referrers") => {
                    policy.referrers =
                        self.yes_or_no(value, &quoted("referrers")).unwrap_or_default();
                }
                Some("create") => policy.create = self.create(value),
                Some("retries") => policy.retries = self.number(value, &quoted("retries")),
                Some("proc") => policy.proc = self.positive(value, &quoted("proc")),
                Some("bandwidth") => policy.bandwidth = self.positive(value, &quoted("bandwidth")),
                _ => {}
            }
        }
        policy
    }

    /// `true`, `false`, or a map that says how.
    fn create(&mut self, node: &Node) -> Create {
        let Value::Map(entries) = &node.value else {
            let yes = self.yes_or_no(node, &quoted("create"));
            return yes.map(Create::Asked).unwrap_or_default();
        };
        let mut how = create::Settings::default();
        for Entry { key, value } in entries.iter() {
            let Some(name) = self.name(key, CREATE, &quoted("create")) else { continue };
            let what = quoted(name);
            let flag = match name {
                "public" => &mut how.public,
                "immutableTags" => &mut how.immutable_tags,
                "scanOnPush" => &mut how.scan_on_push,
                _ => {
                    how.encryption = self.text(value, &what).map(|word| word.text.clone());
                    continue;
                }
            };
            *flag = self.yes_or_no(value, &what).unwrap_or_default();
        }
        Create::How(how)
    }

    fn yes_or_no(&mut self, node: &Node, what: &Sentence) -> Option<bool> {
        if let Value::Scalar(Scalar { word, kind: Kind::Bool }) = &node.value {
            return as_bool(&word.text);
        }
        self.findings.wrong(node.place, must_be_bool(what));
        None
    }

    /// One of some words.
    fn one_of<T: Copy>(
        &mut self,
        node: &Node,
        what: &Sentence,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let word = self.text(node, what)?;
        let found = known.iter().find(|(name, _)| *name == word.text).map(|(_, value)| *value);
        if found.is_none() {
            let message =
                sentence!("cant_be", "{what} can't be '{word}'", what = what, word = &word.text);
            let names: Vec<String> = known.iter().map(|(name, _)| format!("'{name}'")).collect();
            let (last, others) = names.split_last()?;
            self.findings.wrong(node.place, message).hint = Some(sentence!(
                "write_or",
                "write {others} or {last}",
                others = others.join(", "),
                last = last,
            ));
        }
        found
    }

    /// A known name. An unknown one is an error: the next save would lose it.
    fn name<'k>(&mut self, key: &Word, known: &[&'k str], of: &Sentence) -> Option<&'k str> {
        let found = known.iter().copied().find(|name| *name == key.text);
        if found.is_none() {
            let message =
                sentence!("unknown_in", "'{name}' in {of} is unknown", name = &key.text, of = of);
            self.findings.wrong(key.place, message).hint = Some(known_instead(&key.text, known));
        }
        found
    }

    fn map<'n>(&mut self, node: &'n Node, what: &Sentence) -> Option<&'n [Entry]> {
        if let Value::Map(entries) = &node.value {
            return Some(entries);
        }
        let message = sentence!(
            "must_be_map",
            "{what} must be a map, and this is {is}",
            what = what,
            is = node.what(),
        );
        self.findings.wrong(node.place, message);
        None
    }

    fn list<'n>(&mut self, node: &'n Node, what: &Sentence) -> &'n [Node] {
        if let Value::List(items) = &node.value {
            return items;
        }
        let message = sentence!(
            "must_be_list",
            "{what} must be a list, and this is {is}",
            what = what,
            is = node.what(),
        );
        self.findings.wrong(node.place, message);
        &[]
    }

    fn texts<'n>(&mut self, node: &'n Node, what: &Sentence) -> Vec<&'n Word> {
        let items = self.list(node, what);
        let item = sentence!("an_item_of", "an item of {what}", what = what);
        items.iter().filter_map(|node| self.text(node, &item)).collect()
    }

    fn text<'n>(&mut self, node: &'n Node, what: &Sentence) -> Option<&'n Word> {
        if let Value::Scalar(Scalar { word, kind: Kind::Text }) = &node.value {
            return Some(word);
        }
        let message = sentence!(
            "must_be_text",
            "{what} must be a text, and this is {is}",
            what = what,
            is = node.what(),
        );
        self.findings.wrong(node.place, message).hint = matches!(node.value, Value::Scalar(_))
            .then(|| sentence!("must_be_text_hint", "put a text that looks like this in quotes"));
        None
    }

    fn number<T: std::str::FromStr>(&mut self, node: &Node, what: &Sentence) -> Option<T> {
        if let Value::Scalar(Scalar { word, kind: Kind::Number }) = &node.value
            && let Ok(number) = word.text.parse()
        {
            return Some(number);
        }
        let message = sentence!("whole_number", "{what} must be a whole number", what = what);
        self.findings.wrong(node.place, message);
        None
    }

    fn positive<T: std::str::FromStr + PartialEq + Default>(
        &mut self,
        node: &Node,
        what: &Sentence,
    ) -> Option<T> {
        let number = self.number(node, what)?;
        if number == T::default() {
            self.findings.wrong(node.place, at_least_one(what)).hint = Some(no_limit());
            return None;
        }
        Some(number)
    }
}

fn no_field(field: &str) -> Sentence {
    sentence!("no_field", "there is no '{field}'", field = field)
}

/// Writes a file. What has its default is left out.
pub(super) fn write(profile: &Profile) -> String {
    let mut text = format!(
        "# A profile of Image Syncer, which writes this file anew when it is saved there: comments are not kept.\n\
         version: {VERSION}\nname: {}\n",
        scalar(&profile.name)
    );
    text.push_str(if profile.rules.is_empty() { "rules: []\n" } else { "rules:\n" });
    for rule in &profile.rules {
        let _ = writeln!(text, "  - source: {}", scalar(&rule.source));
        write_list(&mut text, "    ", "destinations", &rule.destinations);
        write_narrowing(&mut text, rule);
        if let Some(platforms) = &rule.platforms {
            write_platforms(&mut text, "    ", platforms);
        }
    }
    if profile.platforms != Platforms::default() {
        write_platforms(&mut text, "", &profile.platforms);
    }
    if !profile.accounts.is_empty() {
        text.push_str("accounts:\n");
        for (registry, id) in &profile.accounts {
            let _ = writeln!(text, "  {}: {}", scalar(registry), scalar(id));
        }
    }
    let ProfilePolicy {
        overwrite,
        attestations,
        index,
        referrers,
        create,
        retries,
        proc,
        bandwidth,
    } = &profile.policy;
    let _ = write!(text, "policy:\n  overwrite: {}\n", word(&OVERWRITE, overwrite));
    if *attestations != Attestations::default() {
        let _ = writeln!(text, "  attestations: {}", word(&ATTESTATIONS, attestations));
    }
    if *index != IndexPolicy::default() {
        let _ = writeln!(text, "  index: {}", word(&INDEX, index));
    }
    if *referrers {
        text.push_str("  referrers: true\n");
    }
    write_create(&mut text, create);
    let numbers = [
        ("retries", retries.map(u64::from)),
        ("proc", proc.map(|proc| proc as u64)),
        ("bandwidth", *bandwidth),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            let _ = writeln!(text, "  {name}: {number}");
        }
    }
    text
}

fn write_create(text: &mut String, create: &Create) {
    let how = match create {
        Create::Asked(false) => return,
        Create::Asked(true) => return text.push_str("  create: true\n"),
        Create::How(how) => how,
    };
    text.push_str("  create:");
    if *how == create::Settings::default() {
        return text.push_str(" {}\n");
    }
    text.push('\n');
    let create::Settings { public, immutable_tags, scan_on_push, encryption } = how;
    let flags = [public, immutable_tags, scan_on_push];
    for (name, _) in CREATE.iter().zip(flags).filter(|(_, flag)| **flag) {
        let _ = writeln!(text, "    {name}: true");
    }
    if let Some(encryption) = encryption {
        let _ = writeln!(text, "    encryption: {}", scalar(encryption));
    }
}

fn write_narrowing(text: &mut String, rule: &ProfileRule) {
    let Tags { include, exclude, versions, newest, newest_by } = &rule.tags;
    if rule.tags != Tags::default() {
        text.push_str("    tags:\n");
        for (name, list) in [("include", include), ("exclude", exclude)] {
            if !list.is_empty() {
                write_list(text, "      ", name, list);
            }
        }
        if let Some(versions) = versions {
            let _ = writeln!(text, "      versions: {}", scalar(versions));
        }
        if let Some(newest) = newest {
            let _ = writeln!(text, "      newest: {newest}");
        }
        if *newest_by != NewestBy::default() {
            let _ = writeln!(text, "      newest_by: {}", word(&NEWEST_BY, newest_by));
        }
    }
    if rule.repositories != Repositories::default() {
        text.push_str("    repositories:\n");
        write_list(text, "      ", "exclude", &rule.repositories.exclude);
    }
}

fn write_platforms(text: &mut String, indent: &str, platforms: &Platforms) {
    let _ = writeln!(
        text,
        "{indent}platforms:{}",
        if *platforms == Platforms::default() { " {}" } else { "" }
    );
    let deeper = format!("{indent}  ");
    for (name, list) in [("os", &platforms.os), ("arch", &platforms.arch)] {
        if !list.is_empty() {
            write_list(text, &deeper, name, list);
        }
    }
}

fn write_list(text: &mut String, indent: &str, name: &str, list: &[String]) {
    let _ = writeln!(text, "{indent}{name}:{}", if list.is_empty() { " []" } else { "" });
    for item in list {
        let _ = writeln!(text, "{indent}  - {}", scalar(item));
    }
}
