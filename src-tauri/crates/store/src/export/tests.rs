use engine::{Action, Failure, Plan, ReportTotals};
use registry::{Code, Digest};

use super::*;

/// Names as only a hostile registry has them, and one image of each outcome.
fn report() -> Report {
    let plan =
        |action| Plan { action, bytes_to_move: 1_234_567, bytes_present: 20, bytes_mountable: 0 };
    let image = |source: &str, destination: &str, status| ImageReport {
        source: source.into(),
        destination: destination.into(),
        status,
        reason: None,
        source_digest: None,
        digest: None,
        replaces: None,
        bytes_copied: 0,
        bytes_mounted: 0,
        attempts: 0,
        error: None,
        plan: None,
    };
    Report {
        version: 1,
        images: vec![
            ImageReport {
                source_digest: Some(Digest::sha256(b"a")),
                digest: Some(Digest::sha256(b"a")),
                replaces: Some(Digest::sha256(b"b")),
                bytes_copied: 1_234_567,
                bytes_mounted: 7,
                attempts: 1,
                plan: Some(plan(Action::Overwrite)),
                ..image("s.io/a:1", "d.io/a:1", Outcome::Copied)
            },
            ImageReport {
                reason: Some("same digest".into()),
                plan: Some(Plan { bytes_to_move: 0, ..plan(Action::Skip) }),
                ..image("=HYPERLINK(\"http://x\";\"y\")", "+d.io/\u{202e}b:1", Outcome::Skipped)
            },
            ImageReport {
                attempts: 4,
                error: Some(Failure {
                    code: Code::PushDenied,
                    message: "opening an upload failed: \"<b>no</b>\" | &c.\r\n\u{7}twice".into(),
                    hint: "Ask for the right to push.\n- Or don't.".into(),
                    params: [].into(),
                    cause: String::new(),
                }),
                ..image("s.io/c|d`e:1", "@d.io/c:1", Outcome::Failed)
            },
            ImageReport {
                reason: Some("the run was cancelled".into()),
                ..image("s.io/e:1", "d.io/e:1", Outcome::Cancelled)
            },
        ],
        totals: ReportTotals {
            copied: 1,
            skipped: 1,
            failed: 1,
            cancelled: 1,
            bytes_copied: 1_234_567,
            bytes_mounted: 7,
            bytes_read: 1_234_567,
            seconds: 12.25,
        },
        warnings: vec![registry::Sentence::verbatim("a <rule> selects\nno tag")],
        pulls: Vec::new(),
    }
}

fn about() -> About {
    About {
        profile: "Nightly <mirror> & *more*\u{200f}".into(),
        started_at: "2026-01-02T03:04:05.678Z".into(),
        result: "partly-failed".into(),
    }
}

fn written(format: Format) -> String {
    String::from_utf8(format.write(&about(), &report()).unwrap()).unwrap()
}

#[track_caller]
fn assert_text(got: &str, expected: &str) {
    assert_eq!(got, expected, "\n--- got\n{got}\n--- expected\n{expected}");
}

#[test]
fn csv_has_a_line_an_image_and_no_formula() {
    let a = Digest::sha256(b"a");
    let b = Digest::sha256(b"b");
    let expected = [
        "source,destination,status,reason,source_digest,digest,replaces,action,bytes_copied,bytes_mounted,bytes_to_move,bytes_present,attempts,error_code,remedy".to_owned(),
        format!("s.io/a:1,d.io/a:1,copied,,{a},{a},{b},overwrite,1234567,7,1234567,20,1,,"),
        "\"'=HYPERLINK(\"\"http://x\"\";\"\"y\"\")\",'+d.io/\\u{202e}b:1,skipped,same digest,,,,skip,0,0,0,20,0,,".to_owned(),
        "s.io/c|d`e:1,'@d.io/c:1,failed,\"opening an upload failed: \"\"<b>no</b>\"\" | &c. \\u{7}twice\",,,,,0,0,,,4,access.push-denied,Ask for the right to push. - Or don't.".to_owned(),
        "s.io/e:1,d.io/e:1,cancelled,the run was cancelled,,,,,0,0,,,0,,".to_owned(),
        String::new(),
    ];
    assert_text(&written(Format::Csv), &expected.join("\r\n"));
    let mut table =
        ::csv::Reader::from_reader(written(Format::Csv).as_bytes().to_vec().leak() as &[u8]);
    for row in table.records() {
        for cell in &row.unwrap() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }
}

#[test]
fn markdown_is_text_and_nothing_else() {
    let a = Digest::sha256(b"a");
    let expected = format!(
        r"# Nightly &lt;mirror> &amp; \*more\*\\u{{200f}}

partly-failed, started 2026-01-02T03:04:05.678Z, 12.2 s.

| Copied | Skipped | Failed | Cancelled | Moved | Mounted |
|--:|--:|--:|--:|--:|--:|
| 1 | 1 | 1 | 1 | 1.2 MB | 7 B |

## Warnings

- a &lt;rule> selects no tag

## Failed

- `s.io/c\|d'e:1` → `@d.io/c:1`

  `access.push-denied`: opening an upload failed: {quote}&lt;b>no&lt;/b>{quote} \| &amp;c. \\u{{7}}twice
  Ask for the right to push. - Or don't.

## Images

| Source | Destination | Status | Digest | Moved | Why |
|---|---|---|---|--:|---|
| `s.io/a:1` | `d.io/a:1` | copied | `{a}` | 1.2 MB |  |
| `=HYPERLINK({quote}http://x{quote};{quote}y{quote})` | `+d.io/\u{{202e}}b:1` | skipped |  | 0 B | same digest |
| `s.io/c\|d'e:1` | `@d.io/c:1` | failed |  | 0 B | opening an upload failed: {quote}&lt;b>no&lt;/b>{quote} \| &amp;c. \\u{{7}}twice |
| `s.io/e:1` | `d.io/e:1` | cancelled |  | 0 B | the run was cancelled |
",
        quote = '"'
    );
    assert_text(&written(Format::Markdown), &expected);
}

#[test]
fn junit_has_a_test_case_an_image() {
    let got = written(Format::Junit);
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="Nightly &lt;mirror&gt; &amp; *more*\u{200f}">
  <testsuite name="Nightly &lt;mirror&gt; &amp; *more*\u{200f}" tests="4" failures="1" errors="0" skipped="2" time="12.250" timestamp="2026-01-02T03:04:05">
    <testcase classname="s.io/a:1" name="d.io/a:1" time="0"/>
    <testcase classname="=HYPERLINK(&quot;http://x&quot;;&quot;y&quot;)" name="+d.io/\u{202e}b:1" time="0">
      <skipped message="same digest"/>
    </testcase>
    <testcase classname="s.io/c|d`e:1" name="@d.io/c:1" time="0">
      <failure type="access.push-denied" message="opening an upload failed: &quot;&lt;b&gt;no&lt;/b&gt;&quot; | &amp;c. \u{7}twice">Ask for the right to push. - Or don&apos;t.</failure>
    </testcase>
    <testcase classname="s.io/e:1" name="d.io/e:1" time="0">
      <skipped message="the run was cancelled"/>
    </testcase>
    <system-out>a &lt;rule&gt; selects no tag</system-out>
  </testsuite>
</testsuites>
"#;
    assert_text(&got, expected);
}

#[test]
fn junit_is_well_formed_and_its_counts_add_up() {
    use quick_xml::{Reader, events::Event};
    let text = written(Format::Junit);
    let mut xml = Reader::from_str(&text);
    xml.config_mut().check_end_names = true;
    let (mut open, mut cases) = (0_i32, 0);
    loop {
        let event = xml.read_event().unwrap();
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                for attribute in element.attributes() {
                    attribute.unwrap();
                }
                cases += i32::from(element.name().as_ref() == "testcase");
            }
            _ => {}
        }
        match event {
            Event::Start(_) => open += 1,
            Event::End(_) => open -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!((open, cases), (0, 4));
}

#[test]
fn json_is_the_report_itself() {
    let text = written(Format::Json);
    let read: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(text.as_bytes(), json(&read).unwrap());
    assert!(text.starts_with("{\n  \"version\": 1,\n  \"images\": [") && text.ends_with("}\n"));
}
