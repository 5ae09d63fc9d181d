//! Rules over all repositories of a registry that match a pattern. Which these are is found out in each run.

use regex::Regex;
use registry::{Registry, RepositoryName, sentence};

use super::{
    DestinationRule, DestinationTags, Origin, Pattern, Rule, RuleError, Selection, Source,
    TagFilter, grammar::Text,
};

/// What stands for the source's path at a destination, and what each gives.
const PLACEHOLDERS: [&str; 4] = ["{path}", "{name}", "{namespace}", "{registry}"];

/// One rule for every repository that matches.
#[derive(Clone, Debug)]
pub struct PatternRule {
    /// The registry.
    pub registry: Registry,
    /// Which of its repositories.
    pub repositories: Pattern,
    /// Which of these not.
    pub exclude: Vec<Pattern>,
    /// Which of their images.
    pub select: Selection,
    /// What narrows them further.
    pub tags: TagFilter,
    /// Where each goes; at least one.
    pub destinations: Vec<Mapping>,
    /// Platforms for this rule alone; the policy's filter otherwise.
    pub platforms: Option<registry::PlatformFilter>,
    /// Where it was written, for errors.
    pub origin: Option<Origin>,
    /// The source as the user wrote it.
    pub written: String,
    /// What stands behind the pattern.
    selector: String,
}

/// Where a repository goes: a destination's name with placeholders.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The registry.
    pub registry: Registry,
    /// The name, placeholders and all.
    template: String,
    /// What the name may become.
    shape: Regex,
    /// As the user wrote it.
    pub written: String,
}

impl PatternRule {
    /// Whether a source names its repositories by pattern.
    pub fn is_meant(source: &str) -> bool {
        Text { side: "source", text: source }.split().0.contains(['*', '?'])
    }

    /// Reads a rule: `registry/pattern`, with `:tag`, `:tag,tag` or `:/pattern/`, and destinations with placeholders.
    pub fn parse(source: &str, destinations: &[&str]) -> Result<Self, RuleError> {
        let mut rule = Self::source(source)?;
        for text in destinations {
            rule.destinations.push(Mapping::parse(text)?);
        }
        if rule.destinations.is_empty() {
            return Err(RuleError::no_destination(source.to_owned()));
        }
        Ok(rule)
    }

    /// Reads the source alone; the rule has no destination yet.
    pub fn source(source: &str) -> Result<Self, RuleError> {
        let text = Text { side: "source", text: source };
        let (name, at) = text.split();
        let (registry, path) = registry::Reference::split_registry(name)
            .map_err(|error| text.wrong(error.why, error.at))?;
        if path.len() == name.len() {
            let why = sentence!("rule_pattern_no_registry", "its pattern names no registry");
            return Err(text.wrong(why, 0).hint(sentence!(
                "rule_pattern_no_registry_hint",
                "write '{registry}/{name}', with the registry whose repositories are meant",
                registry = &registry,
                name = name,
            )));
        }
        let repositories = Pattern::parse(path).map_err(|error| {
            let at = name.len() - path.len() + error.at;
            text.wrong(sentence!("its_pattern", "its pattern is wrong: {why}", why = error.why), at)
        })?;
        // the rest is read as that of a rule for one repository
        let selector = &source[at..];
        let base = format!("{registry}/a");
        let one = Source::parse(&format!("{base}{selector}")).map_err(|error| {
            let at = at + error.at.saturating_sub(base.len());
            RuleError { hint: None, ..text.wrong(error.why, at.min(source.len())) }
        })?;
        let select = match one.select {
            Selection::Digest { .. } => {
                return Err(text
                    .wrong(
                        sentence!(
                            "rule_pattern_digest",
                            "it names a digest, and a pattern stands for several repositories",
                        ),
                        at,
                    )
                    .hint(sentence!(
                        "rule_pattern_digest_hint",
                        "name tags, a pattern for tags, or nothing for all",
                    )));
            }
            select => select.of_those_listed(),
        };
        Ok(Self {
            registry,
            repositories,
            exclude: Vec::new(),
            select,
            tags: TagFilter::default(),
            destinations: Vec::new(),
            platforms: None,
            origin: None,
            written: source.to_owned(),
            selector: selector.to_owned(),
        })
    }

    /// Whether a repository is meant.
    pub fn matches(&self, name: &str) -> bool {
        self.repositories.matches(name) && !self.exclude.iter().any(|pattern| pattern.matches(name))
    }

    /// The rule for one repository; the error is where a destination's name can't be formed.
    pub fn of(&self, name: &RepositoryName) -> Result<Rule, RuleError> {
        let destinations = self.destinations.iter().map(|to| to.of(&self.registry, name));
        Ok(Rule {
            source: Source {
                registry: self.registry.clone(),
                repository: name.clone(),
                select: self.select.clone(),
                written: format!("{}/{name}{}", self.registry, self.selector),
            },
            destinations: destinations.collect::<Result<_, _>>()?,
            tags: self.tags.clone(),
            platforms: self.platforms.clone(),
            origin: self.origin.clone(),
        })
    }

    /// Whether it may write to a repository at all.
    pub(crate) fn may_write(&self, registry: &Registry, name: &RepositoryName) -> bool {
        self.destinations.iter().any(|to| to.may_be(registry, name))
    }

    /// Whether no more than one of its repositories can go to this one.
    pub(crate) fn is_alone_at(&self, registry: &Registry, name: &RepositoryName) -> bool {
        let mut writers = self.destinations.iter().filter(|to| to.may_be(registry, name));
        writers.next().is_none_or(Mapping::keeps_apart) && writers.next().is_none()
    }
}

impl DestinationRule {
    /// Reads a destination for one source; what stands in its name for parts of the source's name is filled in.
    pub fn parse_for(text: &str, source: &Source) -> Result<Self, RuleError> {
        let input = Text { side: "destination", text };
        let (name, at) = input.split();
        if !name.contains('{') {
            return Self::parse(text);
        }
        known_only(input, name)?;
        let name = filled(name, source.registry.as_str(), source.repository.as_str());
        // places in what was filled in are none in what was written
        Self::parse(&format!("{name}{}", &text[at..])).map_err(|error| RuleError { at: 0, ..error })
    }
}

/// Placeholders that are not known are refused.
fn known_only(input: Text<'_>, name: &str) -> Result<(), RuleError> {
    match name
        .match_indices('{')
        .find(|(at, _)| !PLACEHOLDERS.iter().any(|known| name[*at..].starts_with(known)))
    {
        None => Ok(()),
        Some((at, _)) => Err(input
            .wrong(sentence!("rule_placeholder", "it has a placeholder that is not known"), at)
            .hint(sentence!("known", "known are {names}", names = PLACEHOLDERS.join(", ")))),
    }
}

impl Mapping {
    /// Reads `registry/name` with `{path}` or `{name}` in the name.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let input = Text { side: "destination", text };
        known_only(input, text)?;
        if !text.contains("{path}") && !text.contains("{name}") {
            let why =
                sentence!("rule_same_place", "all repositories of the rule would go to this one");
            return Err(input.wrong(why, 0).hint(sentence!(
                "rule_same_place_hint",
                "write '{by_path}' to keep their paths, or '{by_name}' for the last part of each",
                by_path = format!("{text}/{{path}}"),
                by_name = format!("{text}/{{name}}"),
            )));
        }
        let (registry, template) = registry::Reference::split_registry(text)
            .map_err(|error| input.wrong(error.why, error.at))?;
        if template.len() == text.len() {
            return Err(input
                .wrong(sentence!("rule_no_registry", "it names no registry"), 0)
                .hint(sentence!(
                    "rule_no_registry_hint",
                    "write '{registry}/{text}', or the registry that is meant",
                    registry = &registry,
                    text = text,
                )));
        }
        // what it becomes for one repository tells whether it is right
        let sample = filled(text, "registry.example.com", "team/app");
        let read = DestinationRule::parse(&sample)
            .map_err(|error| RuleError { hint: error.hint, ..input.wrong(error.why, 0) })?;
        if !matches!(read.tags, DestinationTags::Same) {
            return Err(input
                .wrong(
                    sentence!(
                        "rule_pattern_tags",
                        "it names tags or a digest, and the rule is for several repositories",
                    ),
                    0,
                )
                .hint(sentence!(
                    "rule_pattern_tags_hint",
                    "leave them out: images keep the names of their tags",
                )));
        }
        let mut shape = regex::escape(template);
        for placeholder in PLACEHOLDERS {
            // an empty namespace takes its slash with it
            shape = shape.replace(&regex::escape(placeholder), ".*");
        }
        let shape = Regex::new(&format!("^{}$", shape.replace(".*/", "(?:.*/)?")))
            .map_err(|_| input.wrong(sentence!("unusable", "it can't be used"), 0))?;
        Ok(Self { registry, template: template.to_owned(), shape, written: text.to_owned() })
    }

    fn of(&self, source: &Registry, name: &RepositoryName) -> Result<DestinationRule, RuleError> {
        let text =
            format!("{}/{}", self.registry, filled(&self.template, source.as_str(), name.as_str()));
        DestinationRule::parse(&text)
    }

    pub(crate) fn may_be(&self, registry: &Registry, name: &RepositoryName) -> bool {
        self.registry == *registry && self.shape.is_match(name.as_str())
    }

    /// Whether two repositories never go to one.
    fn keeps_apart(&self) -> bool {
        let placeholders: usize =
            PLACEHOLDERS.iter().map(|known| self.template.matches(known).count()).sum();
        let registries = self.template.matches("{registry}").count();
        self.template.contains("{path}") && placeholders - registries == 1
    }
}

/// A template with everything filled in.
fn filled(template: &str, registry: &str, path: &str) -> String {
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    let text = template
        .replace("{path}", path)
        .replace("{name}", name)
        // a port is no part of a name
        .replace("{registry}", &registry.replace([':', '[', ']'], "-"));
    if namespace.is_empty() {
        text.replace("{namespace}/", "").replace("{namespace}", "")
    } else {
        text.replace("{namespace}", namespace)
    }
}
