//! JUnit's XML, as build servers read it: a suite, with a test case for each image.

use engine::{ImageReport, Outcome, Report};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use super::{About, Failed, hint, line, why};

type Xml = Writer<Vec<u8>>;

pub(super) fn write(about: &About, report: &Report) -> Result<Vec<u8>, Failed> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    document(&mut xml, about, report).map_err(|error| Failed(error.to_string()))?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn document(xml: &mut Xml, about: &About, report: &Report) -> std::io::Result<()> {
    let totals = &report.totals;
    let tests = report.images.len().to_string();
    let failures = totals.failed.to_string();
    let skipped = (totals.skipped + totals.cancelled).to_string();
    let time = format!("{:.3}", totals.seconds);
    let name = line(&about.profile);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = [
        ("name", name.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", "0"),
        ("skipped", &skipped),
        ("time", &time),
    ];
    xml.write_event(Event::Start(element("testsuites", &counts[..1])))?;
    let mut suite = element("testsuite", &counts);
    // RFC 3339 without the fraction: the schema's dateTime has no more
    let started = about.started_at.split('.').next().unwrap_or_default().trim_end_matches('Z');
    suite.push_attribute(("timestamp", started));
    xml.write_event(Event::Start(suite))?;
    for image in &report.images {
        case(xml, image)?;
    }
    if !report.warnings.is_empty() {
        let warnings: Vec<String> = report.warnings.iter().map(|warning| line(warning)).collect();
        text_element(xml, element("system-out", &[]), "system-out", &warnings.join("\n"))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    xml.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn case(xml: &mut Xml, image: &ImageReport) -> std::io::Result<()> {
    let (source, destination) = (line(&image.source), line(&image.destination));
    let case =
        element("testcase", &[("classname", &source), ("name", &destination), ("time", "0")]);
    let why = why(image);
    match image.status {
        Outcome::Copied | Outcome::Planned => xml.write_event(Event::Empty(case)),
        Outcome::Skipped | Outcome::Cancelled => {
            xml.write_event(Event::Start(case))?;
            xml.write_event(Event::Empty(element("skipped", &[("message", &why)])))?;
            xml.write_event(Event::End(BytesEnd::new("testcase")))
        }
        Outcome::Failed => {
            let code = image.error.as_ref().map(|error| error.code.as_str()).unwrap_or_default();
            xml.write_event(Event::Start(case))?;
            let failure = element("failure", &[("type", code), ("message", &why)]);
            text_element(xml, failure, "failure", &hint(image))?;
            xml.write_event(Event::End(BytesEnd::new("testcase")))
        }
    }
}

fn element<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for attribute in attributes {
        element.push_attribute(*attribute);
    }
    element
}

fn text_element(
    xml: &mut Xml,
    start: BytesStart<'_>,
    name: &str,
    text: &str,
) -> std::io::Result<()> {
    xml.write_event(Event::Start(start))?;
    xml.write_event(Event::Text(BytesText::new(text)))?;
    xml.write_event(Event::End(BytesEnd::new(name)))
}
