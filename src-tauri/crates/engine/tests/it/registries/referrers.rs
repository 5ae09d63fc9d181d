//! H: referrers and signatures.

use engine::Outcome;
use serde_json::{Value, json};
use testkit::{Built, Fault, Image, Kind, Layer, Quirk, Registry, Reply};

use super::{Pair, image, kind};
use crate::common::{Sync, assert_all, at, sync};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn signature(of: &Built, text: &str) -> Image {
    Image::artifact("application/x-signature", [Layer::bytes(text.to_owned())]).subject(of)
}

/// The tag of the index of what refers to an image.
fn index_tag(of: &Built) -> String {
    of.digest().replace(':', "-")
}

/// The digests that the index by tag names.
fn indexed(registry: &Registry, repository: &str, of: &Built) -> Vec<String> {
    let (_, bytes) = registry.manifest(repository, &index_tag(of)).expect("the index of referrers");
    let index: Value = serde_json::from_slice(&bytes).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let mut digests: Vec<_> =
        entries.iter().map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect();
    digests.sort();
    digests
}

fn sorted(built: &[Built]) -> Vec<String> {
    let mut digests: Vec<_> = built.iter().map(|built| built.digest().to_owned()).collect();
    digests.sort();
    digests
}

/// The image with three signatures in the source.
fn signed(pair: Pair) -> (Pair, Vec<Built>) {
    let signatures = ["one", "two", "three"]
        .map(|text| pair.from.push("a/b", "", &signature(&pair.built, text)));
    (pair, signatures.into())
}

fn with_referrers(rule: Sync) -> Sync {
    rule.policy(|p| p.referrers = true)
}

#[tokio::test]
async fn q112_without_the_api_an_index_by_tag_is_read() {
    let apis =
        [400, 404, 405, 501].map(Quirk::NoReferrers).into_iter().chain([Quirk::ReferrersNotIndex]);
    for quirk in apis {
        let (pair, signatures) = signed(Pair::to([Quirk::NoReferrers(404)]).await);
        pair.arrives(with_referrers(pair.rule())).await;
        assert_eq!(indexed(&pair.to, "x/b", &pair.built), sorted(&signatures));
        // and from there on to a third
        pair.to.set_quirks([quirk.clone()]);
        pair.to.clear_log();
        let third = Registry::start().await;
        let rule = sync(&at(&pair.to, "x/b:1"), &[&at(&third, "y")]);
        assert_all(&with_referrers(rule).run().await, Outcome::Copied);
        for built in &signatures {
            assert!(third.has("y", "", built), "{quirk:?}");
        }
        // for the image and three signatures
        assert_eq!(kind(&pair.to, Kind::Referrers), 1, "{quirk:?}: asked once, then known");
    }
}

#[tokio::test]
async fn q113_referrers_come_page_after_page() {
    let quirks = [Quirk::PageSize(1), Quirk::NoReferrersFilter];
    let (pair, signatures) = signed(Pair::from(quirks).await);
    pair.arrives(with_referrers(pair.rule())).await;
    for built in &signatures {
        assert!(pair.to.has("x/b", "", built));
    }
    let pages = pair.from.count(|r| {
        r.kind == Kind::Referrers && r.reference.as_deref() == Some(pair.built.digest())
    });
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn q114_a_registry_that_does_not_keep_a_subject_gets_an_index_that_loses_no_entry() {
    let (pair, signatures) = signed(Pair::to([Quirk::NoSubjectHeader]).await);
    // an entry of somebody else stands there already, and another one comes in meanwhile
    let other = pair.to.push("x/b", "", &signature(&pair.built, "other"));
    let late = pair.to.push("x/b", "", &signature(&pair.built, "late"));
    let entry = |of: &Built| json!({ "mediaType": of.media_type(), "digest": of.digest(), "size": of.bytes().len() });
    let index = |entries: &[Value]| {
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string()
    };
    let tag = index_tag(&pair.built);
    pair.to.put_manifest("x/b", &tag, INDEX, index(&[entry(&other)]));
    let (meanwhile, name) = (index(&[entry(&other), entry(&late)]), tag.clone());
    let race = Fault::on(Kind::Manifest).put().reference(&tag).then(move |store| {
        store.put_manifest("x/b", &name, INDEX, meanwhile.clone());
    });
    let race = pair.to.fault(race);
    let report = with_referrers(pair.rule()).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(race.fired(), 1);
    let all = [signatures.as_slice(), &[other, late]].concat();
    assert_eq!(indexed(&pair.to, "x/b", &pair.built), sorted(&all));
}

#[tokio::test]
async fn q115_cosigns_tags_come_along_by_one_list() {
    let pair = Pair::from([]).await;
    let mut tags = Vec::new();
    for ending in ["sig", "att", "sbom"] {
        let tag = format!("{}.{ending}", index_tag(&pair.built));
        let image = Image::artifact("application/x-cosign", [Layer::bytes(ending)]);
        tags.push((tag.clone(), pair.from.push("a/b", &tag, &image)));
    }
    let second = pair.from.push("a/b", "2", &image().label("v", "2"));
    let tag = format!("{}.sig", index_tag(&second));
    let of_second = Image::artifact("application/x-cosign", [Layer::bytes("2")]);
    tags.push((tag.clone(), pair.from.push("a/b", &tag, &of_second)));
    let rule = pair.rule().and(&at(&pair.from, "a/b:2"), &[&at(&pair.to, "x/b")]);
    pair.arrives(with_referrers(rule)).await;
    for (tag, built) in &tags {
        assert!(pair.to.has("x/b", tag, built), "{tag}");
    }
    assert_eq!(kind(&pair.from, Kind::Tags), 1);
}

#[tokio::test]
async fn q116_what_refers_to_referrers_and_what_refers_to_itself() {
    let index = Image::multi([image()]);
    let pair = Pair::of(&index, Registry::builder(), Registry::builder()).await;
    let mut chain = vec![pair.from.push("a/b", "", &signature(&pair.built.children()[0], "child"))];
    for n in 0..5 {
        let last = chain.last().unwrap();
        chain.push(pair.from.push("a/b", "", &signature(last, &n.to_string())));
    }
    // the registry claims that the image refers to the last of the chain
    let entry = json!({
        "mediaType": pair.built.media_type(),
        "digest": pair.built.digest(),
        "size": pair.built.bytes().len(),
    });
    let body = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });
    let lie = Reply::json(200, &body).header("content-type", INDEX);
    let lie = Fault::on(Kind::Referrers).reference(chain[5].digest()).always().answer(lie);
    let lie = pair.from.fault(lie);
    pair.arrives(with_referrers(pair.rule())).await;
    assert_eq!(lie.fired(), 1);
    for built in &chain {
        assert!(pair.to.has("x/b", "", built));
    }
    // the index, its child, and each of the chain: asked once
    assert_eq!(kind(&pair.from, Kind::Referrers), 8);
}

#[tokio::test]
async fn q117_the_index_by_tag_is_written_anew_and_not_copied_over() {
    let (pair, signatures) = signed(Pair::to([Quirk::NoReferrers(404)]).await);
    pair.arrives(with_referrers(pair.rule())).await;
    let third = Registry::builder().quirk(Quirk::NoReferrers(404)).start().await;
    let other = third.push("y", "", &signature(&pair.built, "other"));
    let entry = json!({
        "mediaType": other.media_type(),
        "digest": other.digest(),
        "size": other.bytes().len(),
    });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });
    third.put_manifest("y", &index_tag(&pair.built), INDEX, index.to_string());
    // all tags, the index's among them
    assert!(pair.to.tags("x/b").contains(&index_tag(&pair.built)));
    let report = with_referrers(sync(&at(&pair.to, "x/b"), &[&at(&third, "y")])).run().await;
    assert_all(&report, Outcome::Copied);
    let all = [signatures.as_slice(), &[other]].concat();
    assert_eq!(indexed(&third, "y", &pair.built), sorted(&all));
}
