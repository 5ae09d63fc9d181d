//! Images files: `<source>: <destination>` or a list of destinations.

use engine::{DestinationRule, Origin, Rule, RuleError, Source, TagFilter};
use registry::sentence;

use super::Context;
use crate::{
    Environment,
    document::{Entry, Kind, Node, Scalar, Value, Word},
    environment::expand,
};

pub(super) fn read(root: &Node, env: Option<&Environment<'_>>, context: &mut Context<'_>) {
    let Some(entries) = context
        .map(root, sentence!("expected_rules", "a map of sources to destinations is expected"))
    else {
        return;
    };
    if entries.is_empty() {
        context.findings.warn(root.place, sentence!("no_rule", "there is no rule"));
    }
    if env.is_some() && is_combined(entries) {
        let message =
            sentence!("combined", "this is a combined file, with 'auth' and 'images' in it");
        context.findings.wrong(root.place, message).hint =
            Some(sentence!("combined_hint", "give it with --config, or make two files of it"));
        return;
    }
    for Entry { key, value } in entries {
        let source = match Source::parse(&key.text) {
            Ok(source) => Some(source),
            Err(error) => {
                wrong(key, &error, context);
                None
            }
        };
        let mut destinations: Vec<DestinationRule> = Vec::new();
        for word in texts(&key.text, value, context) {
            let Some(destination) = read_destination(word, source.as_ref(), env, context) else {
                continue;
            };
            if destinations.iter().any(|other| other.written == destination.written) {
                let message = sentence!(
                    "destination_twice",
                    "'{destination}' is named twice as a destination of '{source}'",
                    destination = &destination.written,
                    source = &key.text,
                );
                context.findings.warn(word.place, message);
            } else {
                destinations.push(destination);
            }
        }
        // something was wrong with each of them, and has been told
        if destinations.is_empty() {
            continue;
        }
        let file = context.findings.file.clone();
        let origin = Some(Origin { file, line: key.place.line, column: key.place.column });
        context.loaded.rules.extend(source.map(|source| Rule {
            source,
            destinations,
            tags: TagFilter::default(),
            platforms: None,
            origin,
        }));
    }
}

/// Whether this is the file of `--config`: `{auth: {…}, images: {…}}`.
fn is_combined(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.key.text.eq_ignore_ascii_case("images"))
        && entries.iter().all(|entry| matches!(entry.value.value, Value::Map(_)))
}

/// The texts of one destination or of a list of them.
fn texts<'n>(source: &str, value: &'n Node, context: &mut Context<'_>) -> Vec<&'n Word> {
    let one = std::slice::from_ref(value);
    let items = match &value.value {
        Value::List(items) if items.is_empty() => {
            let message = sentence!(
                "destinations_empty",
                "the list of destinations of '{source}' is empty",
                source = source,
            );
            context.findings.wrong(value.place, message);
            return Vec::new();
        }
        Value::List(items) => items,
        _ => one,
    };
    let mut words = Vec::new();
    for item in items {
        match &item.value {
            Value::Scalar(Scalar { word, kind: Kind::Text }) if !word.text.is_empty() => {
                words.push(word);
            }
            Value::Scalar(Scalar { kind: Kind::Text | Kind::Null, .. }) => {
                let message = sentence!(
                    "destination_empty",
                    "a destination of '{source}' is empty",
                    source = source,
                );
                context.findings.wrong(item.place, message).hint =
                    Some(sentence!("destination_empty_hint", "write 'registry/repository'"));
            }
            _ => {
                let message = sentence!(
                    "destination_text",
                    "a destination of '{source}' must be a text, and this is {what}",
                    source = source,
                    what = item.what(),
                );
                context.findings.wrong(item.place, message).hint = Some(sentence!(
                    "destination_text_hint",
                    "write 'registry/repository', or a list of such",
                ));
            }
        }
    }
    words
}

fn read_destination(
    word: &Word,
    source: Option<&Source>,
    env: Option<&Environment<'_>>,
    context: &mut Context<'_>,
) -> Option<DestinationRule> {
    let text = match env.map(|env| expand(&word.text, env)).transpose() {
        Ok(text) => text.unwrap_or_else(|| word.text.as_str().into()),
        Err(unset) => {
            let message = sentence!(
                "destination_unset",
                "destination '{destination}': {why}",
                destination = &word.text,
                why = unset.why,
            );
            context.findings.wrong(word.place_of(unset.at), message).hint = Some(unset.hint);
            return None;
        }
    };
    if *text != *word.text {
        let message = sentence!(
            "destination_now",
            "destination '{destination}' is '{text}' now",
            destination = &word.text,
            text = &*text,
        );
        context.findings.changed(word.place, message);
    }
    // places in an expanded text are none in the file
    let lead = word.lead.filter(|_| *text == *word.text);
    let word = Word { text: text.into_owned(), place: word.place, lead };
    let checked = DestinationRule::parse(&word.text).and_then(|destination| {
        if let Some(source) = source {
            destination.check(source)?;
        }
        Ok(destination)
    });
    match checked {
        Ok(destination) => Some(destination),
        Err(error) => {
            wrong(&word, &error, context);
            None
        }
    }
}

fn wrong(word: &Word, error: &RuleError, context: &mut Context<'_>) {
    let problem = context.findings.wrong(word.place_of(error.at), error.sentence());
    problem.hint.clone_from(&error.hint);
    if error.side == "source" && error.written[error.at..].starts_with('$') {
        problem.hint = Some(sentence!(
            "variables_in_sources",
            "variables are replaced in destinations, not in sources",
        ));
    }
}
