use std::fmt::Write as _;

use super::*;
use crate::problem::Findings;

/// A tree as text: `text@line:column`, `{key@…: value}`, `[item]`.
fn show(node: &Node) -> String {
    let at = |place: Place| format!("@{}:{}", place.line, place.column);
    match &node.value {
        Value::Scalar(Scalar { word, kind }) => {
            let mark = match kind {
                Kind::Text => "",
                Kind::Number => "#",
                Kind::Bool => "?",
                Kind::Null => "!",
            };
            let lead = word.lead.map_or(String::new(), |lead| format!("+{lead}"));
            format!("{mark}{}{}{lead}", word.text, at(word.place))
        }
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|Entry { key, value }| {
                    format!("{}{}: {}", key.text, at(key.place), show(value))
                })
                .collect();
            format!("{{{}}}", entries.join(" "))
        }
    }
}

fn read_as(format: Format, bytes: &[u8]) -> (String, Vec<String>) {
    let mut findings = Findings::new("f".into());
    let tree = text(bytes, &mut findings).and_then(|text| read(text, format, &mut findings));
    let tree = tree.map_or_else(|| "-".to_owned(), |root| show(&root));
    (tree, findings.problems.iter().map(ToString::to_string).collect())
}

fn tree(format: Format, text: &str) -> String {
    let (tree, problems) = read_as(format, text.as_bytes());
    assert_eq!(problems, [""; 0], "{text}");
    tree
}

fn problems(format: Format, bytes: &[u8]) -> Vec<String> {
    read_as(format, bytes).1
}

#[test]
fn yaml_with_places() {
    for (text, want) in [
        ("a: b\n", "{a@1:1: b@1:4+0}"),
        ("# c\n\n  a:   b # c\n  'c': \"d\"\n", "{a@3:3: b@3:8+0 c@4:3: d@4:8+1}"),
        ("a:\r\n  - b\r\n  - 'c'\r\n", "{a@1:1: [b@2:5+0 c@3:5+1]}"),
        ("{a: [b, \"c\\td\"]}", "{a@1:2: [b@1:6+0 c\td@1:9]}"),
        ("ä: ö\n", "{ä@1:1: ö@1:4+0}"),
        ("\u{feff}a: b\n", "{a@1:1: b@1:4+0}"),
        // JSON in a YAML file, indented by tabs
        ("{\n\t\"a\": \"b\",\n\t\"c\": [1]\n}\n", "{a@2:2: b@2:7+1 c@3:2: [#1@3:8+0]}"),
        ("a: >\n  b\n  c\n", "{a@1:1: b c\n@2:3}"),
        ("---\na: b\n...\n", "{a@2:1: b@2:4+0}"),
        ("", "-"),
        ("# nothing\n", "-"),
        ("---\n", "-"),
        ("a", "a@1:1+0"),
    ] {
        assert_eq!(tree(Format::Yaml, text), want, "{text:?}");
    }
}

#[test]
fn what_plain_yaml_means() {
    for (text, mark) in [
        ("123", "#"),
        ("-1.5e3", "#"),
        ("0x1f", "#"),
        ("1_000", "#"),
        (".inf", "#"),
        ("true", "?"),
        ("Yes", "?"),
        ("OFF", "?"),
        ("y", "?"),
        ("~", "!"),
        ("null", "!"),
        ("!!str 123", ""),
        ("'123'", ""),
        ("\"yes\"", ""),
        ("tRUE", ""),
        ("yesterday", ""),
        ("1.2.3", ""),
        ("infinity", ""),
        ("nan", ""),
        ("0xyz", ""),
    ] {
        let tree = tree(Format::Yaml, &format!("a: {text}"));
        let value = tree.split_once(": ").unwrap().1;
        let got = if value.starts_with(['#', '?', '!']) { &value[..1] } else { "" };
        assert_eq!(got, mark, "{text}: {tree}");
    }
}

#[test]
fn aliases_and_merge_keys() {
    for (text, want) in [
        ("a: &x b\nc: *x\n", "{a@1:1: b@1:4 c@2:1: b@2:4}"),
        ("a: &x {u: 1}\nb: *x\n", "{a@1:1: {u@1:8: #1@1:11+0} b@2:1: {u@1:8: #1@1:11+0}}"),
        (
            "a: &x {u: 1, p: 2}\nb:\n  <<: *x\n  p: 3\n",
            "{a@1:1: {u@1:8: #1@1:11+0 p@1:14: #2@1:17+0} b@2:1: {p@4:3: #3@4:6+0 u@1:8: #1@1:11+0}}",
        ),
        ("<<: [{a: 1}, {a: 2, b: 3}]\nb: 4\n", "{b@2:1: #4@2:4+0 a@1:7: #1@1:10+0}"),
        ("'<<': a\n", "{<<@1:1: a@1:7+1}".replace("+1", "+0").as_str()),
    ] {
        assert_eq!(tree(Format::Yaml, text), want, "{text:?}");
    }
}

/// Nine levels of nine aliases each would be 10^9 nodes if they were written out.
#[test]
fn aliases_can_not_make_a_file_grow() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..=9 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
    }
    let mut findings = Findings::new("f".into());
    let root = read(&text, Format::Yaml, &mut findings).unwrap();
    let Value::Map(entries) = &root.value else { panic!("a map") };
    assert_eq!(entries.len(), 10);
    assert!(findings.problems.is_empty());
}

#[test]
fn json_with_places() {
    for (text, want) in [
        ("{\"a\": \"b\"}", "{a@1:2: b@1:7+1}"),
        (
            "\n{\n  \"ä\" : [ 1.50, true ,null, \"\\u00e4\\/\" ]\n}",
            "{ä@3:3: [#1.50@3:11+0 ?true@3:17+0 !null@3:23+0 ä/@3:29]}",
        ),
        ("{\"a\": {}, \"b\": []}", "{a@1:2: {} b@1:11: []}"),
        ("\u{feff}{}", "{}"),
        (
            "{\"\\ud83d\\ude00\": 12345678901234567890123}",
            "{😀@1:2: #12345678901234567890123@1:18+0}",
        ),
        ("{\"<<\": {\"a\": 1}}", "{<<@1:2: {a@1:9: #1@1:14+0}}"),
        ("  ", "-"),
        ("null", "-"),
    ] {
        assert_eq!(tree(Format::Json, text), want, "{text:?}");
    }
}

#[test]
fn malformed_yaml_has_a_place() {
    for (text, want) in [
        ("a: b: c\n", "f:1:5: malformed YAML: mapping values are not allowed in this context"),
        ("a: b\n c: d\n", "f:2:3: malformed YAML: mapping values are not allowed in this context"),
        ("a: [b\nc: d\n", "f:2:2: malformed YAML: illegal placement of ':' indicator"),
        (
            "a: 'b\n",
            "f:1:4: malformed YAML: while scanning a quoted scalar, found unexpected end of stream",
        ),
        (
            "a:\n\t- b\n",
            "f:2:2: malformed YAML: tabs disallowed within this context (block indentation)",
        ),
        ("a: *x\n", "f:1:4: malformed YAML: while parsing node, found unknown anchor"),
        ("a: @b\n", "f:1:4: malformed YAML: unexpected character: `@'"),
        (
            "- a\nb: c\n",
            "f:2:1: malformed YAML: while parsing a block collection, did not find expected '-' indicator",
        ),
        ("a: b\n---\nc: d\n", "f:2:1: a second YAML document begins here, and one is read"),
        ("a: &x [*x]\n", "f:1:8: this alias stands within what it stands for"),
        ("? [a]\n: b\nc: d\n", "f:1:3: a key must be a text, not a list"),
        ("~: b\n", "f:1:1: a key must be a text, not nothing"),
        ("a: !secret b\n", "f:1:4: the YAML tag '!secret' means nothing here"),
        ("a: !!binary aGk=\n", "f:1:4: the YAML tag '!!binary' means nothing here"),
        ("<<: 1\n", "f:1:1: '<<' takes a map or a list of maps, not a number"),
    ] {
        let told = problems(Format::Yaml, text.as_bytes());
        assert_eq!(told, [want], "{text:?}");
    }
}

#[test]
fn malformed_json_has_a_place() {
    for (text, want) in [
        ("{\"a\": \"b\"", "f:1:9: malformed JSON: EOF while parsing an object"),
        ("{\n  \"a\": \"b\",\n}", "f:3:1: malformed JSON: key must be a string"),
        ("{\n  \"a\" \"b\"\n}", "f:2:7: malformed JSON: expected `:`"),
        ("{\n  // why\n}", "f:2:3: malformed JSON: key must be a string"),
        ("{'a': 1}", "f:1:2: malformed JSON: key must be a string"),
        ("{} {}", "f:1:4: malformed JSON: trailing characters"),
        ("{\"ä\": x}", "f:1:7: malformed JSON: expected value"),
        (
            "{\"a\": \"\n\"}",
            "f:1:7: malformed JSON: control character (\\u0000-\\u001F) found while parsing a string",
        ),
    ] {
        let told = problems(Format::Json, text.as_bytes());
        assert_eq!(told, [want], "{text:?}");
    }
}

#[test]
fn keys_that_are_written_twice_name_both_lines() {
    assert_eq!(
        problems(Format::Yaml, b"a: 1\nb: 2\n'a': 3\na: 4\n"),
        [
            "f:3:1: 'a' is written twice, on line 1 and on line 3",
            "f:4:1: 'a' is written twice, on line 1 and on line 4"
        ]
    );
    assert_eq!(
        problems(Format::Json, b"{\"a\": 1,\n \"\\u0061\": {\"b\": 1, \"b\": 2}}"),
        [
            "f:2:21: 'b' is written twice, on line 2 and on line 2",
            "f:2:2: 'a' is written twice, on line 1 and on line 2"
        ]
    );
}

#[test]
fn what_is_no_text_is_told() {
    for (bytes, want) in [
        (&b"\xff\xfea\0"[..], "f:1:1: the file is UTF-16, and must be UTF-8"),
        (b"a: b\nc\xff: d\n", "f:2:2: this byte is no UTF-8"),
        (b"a: b\n\0c: d\n", "f:2:1: there is a zero byte: this is no text file"),
    ] {
        for format in [Format::Yaml, Format::Json] {
            assert_eq!(problems(format, bytes), [want]);
        }
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = 20_000;
    for (format, text) in [
        (Format::Yaml, "[".repeat(deep)),
        (Format::Yaml, "- ".repeat(deep)),
        (Format::Yaml, "{a: ".repeat(deep)),
        (Format::Yaml, (0..500).map(|n| " ".repeat(n) + "a:\n").collect()),
        (Format::Json, format!("{}1{}", "[".repeat(deep), "]".repeat(deep))),
        (Format::Json, format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200))),
    ] {
        let told = problems(format, text.as_bytes());
        assert_eq!(told.len(), 1);
        // the parser has a limit of its own on brackets, which it reads ahead
        let ends =
            ["this is nested more than 64 levels deep", "malformed YAML: recursion limit exceeded"];
        assert!(ends.iter().any(|end| told[0].ends_with(end)), "{told:?}");
    }
}

#[test]
fn the_format_goes_by_the_extension_then_by_the_content() {
    for (file, text, want) in [
        ("a.json", "a: b", Format::Json),
        ("a.YAML", "{}", Format::Yaml),
        ("a.yml", "{}", Format::Yaml),
        ("a", " \n{\"a\": 1}", Format::Json),
        ("a.conf", "a: b", Format::Yaml),
        ("json", "a: b", Format::Yaml),
    ] {
        assert_eq!(Format::of(file, text), want, "{file}");
    }
}
