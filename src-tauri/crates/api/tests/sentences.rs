//! Every sentence of ours that the page may show is in both of its catalogues, and says there what it says here.

#![expect(clippy::unwrap_used, reason = "a test that can't read its files fails")]

use std::{collections::BTreeMap, fs, path::Path};

/// A use of `sentence!`: where it is, its key, its English, and what follows up to the macro's end.
struct Use {
    file: String,
    key: String,
    english: String,
    rest: String,
}

fn catalogue(language: &str) -> BTreeMap<String, String> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../ui/messages/{language}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The holes of a text, each as often as it is there.
fn holes(text: &str) -> Vec<&str> {
    let mut holes: Vec<_> =
        text.split('{').skip(1).map(|rest| rest.split_once('}').expect("a hole ends").0).collect();
    holes.sort_unstable();
    holes
}

/// The string literal that a text begins with, and what follows it.
fn literal(text: &str) -> Option<(String, &str)> {
    let inner = text.trim_start().strip_prefix('"')?;
    let mut value = String::new();
    let mut rest = inner.chars();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => match rest.next()? {
                '\n' => rest = rest.as_str().trim_start().chars(),
                c @ ('"' | '\\') => value.push(c),
                other => panic!("'\\{other}' in {text:.80}"),
            },
            c => value.push(c),
        }
    }
}

/// What stands before the parenthesis that ends a macro's call.
fn arguments(text: &str) -> &str {
    let mut depth = 1;
    let end = text.find(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &text[..end.unwrap_or(text.len())]
}

fn uses_in(file: &str, source: &str, uses: &mut Vec<Use>) {
    let program = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    for (at, call) in program.match_indices("sentence!(") {
        let line = program[..at].rsplit('\n').next().unwrap_or_default();
        if line.trim_start().starts_with("//") {
            continue;
        }
        let read = literal(&program[at + call.len()..]).and_then(|(key, rest)| {
            let (english, rest) = literal(rest.trim_start().strip_prefix(',')?)?;
            Some(Use { file: file.into(), key, english, rest: arguments(rest).into() })
        });
        uses.push(read.unwrap_or_else(|| panic!("{file}: a key and a text, both literal: {line}")));
    }
}

fn uses_below(folder: &Path, uses: &mut Vec<Use>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "tests" && name != "benches" {
                uses_below(&path, uses);
            }
        } else if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" {
            uses_in(&path.display().to_string(), &fs::read_to_string(&path).unwrap(), uses);
        }
    }
}

fn uses() -> Vec<Use> {
    let mut uses = Vec::new();
    uses_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut uses);
    assert!(uses.len() > 200, "{}", uses.len());
    uses
}

#[test]
fn every_sentence_is_in_both_catalogues() {
    let (english, chinese) = (catalogue("en"), catalogue("zh-CN"));
    let mut wrong = Vec::new();
    for Use { file, key, english: here, .. } in uses() {
        let said = format!("say_{key}");
        match (english.get(&said), chinese.get(&said)) {
            (Some(there), _) if *there != here => {
                wrong.push(format!("{file}: en.json must say {said:?}: {here:?}"));
            }
            (Some(_), Some(translation)) if holes(translation) == holes(&here) => {}
            (Some(_), _) => {
                wrong.push(format!("zh-CN.json needs {said:?} with {:?}", holes(&here)));
            }
            (None, _) => wrong.push(format!("{file}: en.json needs {said:?}: {here:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_hole_is_filled() {
    for Use { file, key, english, rest } in uses() {
        let words: Vec<&str> = rest.split_whitespace().collect();
        for hole in holes(&english) {
            let is_filled = words.windows(2).any(|pair| pair == [hole, "="]);
            assert!(is_filled, "{file}: {key}: nothing fills {hole}");
        }
    }
}

#[test]
fn what_is_scanned_is_read_as_rust_reads_it() {
    let mut uses = Vec::new();
    let source = "/// [`sentence!(no)`]\nx(sentence!(\n    \"k\", \"a \\\n     \\\"b\\\" {c}\",\n c = f(1)), 2);";
    uses_in("f", source, &mut uses);
    let [one] = uses.as_slice() else { panic!("{}", uses.len()) };
    assert_eq!((one.key.as_str(), one.english.as_str()), ("k", "a \"b\" {c}"));
    assert_eq!(one.rest, ",\n c = f(1)");
    assert_eq!(holes("{b} and {a}"), ["a", "b"]);
}
