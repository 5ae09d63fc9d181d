//! Vendors whose lists of tags tell digests: one list stands for a HEAD per tag.

use std::sync::Arc;

use engine::{Action, Job, Outcome, Policy, Report, Rule};
use registry::{
    Access, AccessSource, Api, Client, ClientOptions, Code, RepositoryName, TlsOptions, Vendor,
};
use testkit::{
    Auth, Fault, Image, Kind, Layer, Quirk, Registry, Reply, TokenAuth, VendorApi, auth::Users,
};

use crate::common::{assert_all, at};

/// Every registry is the vendor's.
#[derive(Debug)]
struct All(Vendor);

#[async_trait::async_trait]
impl AccessSource for All {
    async fn access(
        &self,
        registry: &registry::Registry,
        _: Option<&RepositoryName>,
        _: bool,
    ) -> registry::Result<Access> {
        let url = format!("http://{registry}/").parse().ok();
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        Ok(Access { tls, api: Some(Api { vendor: self.0, url }), ..Access::default() })
    }
}

async fn run(vendor: Vendor, rule: (&str, &str), plan: bool) -> Report {
    let client = Client::new(ClientOptions::default(), Arc::new(All(vendor)));
    let rules = vec![Rule::parse(rule.0, &[rule.1]).unwrap().into()];
    let job = Job { rules, policy: Policy::default(), client };
    if plan { job.plan().finish().await } else { job.run().finish().await }
}

async fn two(vendor: Vendor) -> (Registry, Registry) {
    let quirks = || match vendor {
        Vendor::Google => vec![Quirk::ExtendedTags],
        Vendor::Azure => vec![Quirk::Api(VendorApi::Azure)],
        Vendor::Quay => vec![Quirk::Api(VendorApi::Quay)],
        _ => vec![Quirk::Api(VendorApi::Harbor)],
    };
    let start = async || Registry::builder().quirks(quirks()).start().await;
    (start().await, start().await)
}

fn image(n: usize) -> Image {
    Image::single("linux/amd64", [Layer::random(1, 2000)]).label("n", &n.to_string())
}

#[tokio::test]
async fn nothing_new_costs_one_list_on_each_side_instead_of_two_heads_per_tag() {
    for vendor in [Vendor::Google, Vendor::Azure, Vendor::Harbor, Vendor::Quay] {
        let (from, to) = two(vendor).await;
        for n in 0..60 {
            from.push("team/app/x", &format!("v{n}"), &image(n));
            to.push("team/web/x", &format!("v{n}"), &image(n));
        }
        let rule = (at(&from, "team/app/x"), at(&to, "team/web/x"));
        let report = run(vendor, (&rule.0, &rule.1), false).await;
        assert_all(&report, Outcome::Skipped);
        assert_eq!(report.images.len(), 60, "{vendor:?}");
        for side in [&from, &to] {
            assert_eq!(side.count_of("HEAD", Kind::Any), 0, "{vendor:?}");
            let lists = side.count_of("GET", Kind::Api) + side.count_of("GET", Kind::Tags);
            assert_eq!((lists, side.requests().len()), (1, 1), "{vendor:?}");
        }
    }
}

#[tokio::test]
async fn what_differs_is_copied_by_the_digest_that_was_listed() {
    let (from, to) = two(Vendor::Harbor).await;
    for n in 0..30 {
        from.push("team/app", &format!("v{n}"), &image(n));
        to.push("team/web", &format!("v{n}"), &image(if n == 7 { 100 } else { n }));
    }
    to.store().delete_tag("team/web", "v9");
    let rule = (at(&from, "team/app"), at(&to, "team/web"));
    let report = run(Vendor::Harbor, (&rule.0, &rule.1), false).await;
    assert_eq!((report.totals.copied, report.totals.skipped), (2, 28));
    for tag in ["v7", "v9"] {
        assert_eq!(to.tag_digest("team/web", tag), from.tag_digest("team/app", tag));
    }
    // what the list does not have is asked for: it may be new
    assert_eq!(to.count_of("HEAD", Kind::Manifest), 1);
    assert_eq!(from.count_of("HEAD", Kind::Manifest), 0);
    assert_eq!(from.count_of("GET", Kind::Manifest), 2);
}

#[tokio::test]
async fn few_tags_and_refusals_go_the_old_way() {
    let (from, to) = two(Vendor::Harbor).await;
    for n in 0..3 {
        from.push("team/app", &format!("v{n}"), &image(n));
        to.push("team/web", &format!("v{n}"), &image(n));
    }
    let rule = (at(&from, "team/app"), at(&to, "team/web"));
    let report = run(Vendor::Harbor, (&rule.0, &rule.1), false).await;
    assert_all(&report, Outcome::Skipped);
    assert_eq!((to.count_of("HEAD", Kind::Manifest), to.count_of("GET", Kind::Api)), (3, 0));
    from.clear_log();
    from.fault(Fault::on(Kind::Api).always().answer(Reply::error(403, "FORBIDDEN", "no")));
    let report = run(Vendor::Harbor, (&rule.0, &rule.1), false).await;
    from.assert_all_fired();
    assert_all(&report, Outcome::Skipped);
    assert_eq!((from.count_of("GET", Kind::Api), from.count_of("GET", Kind::Tags)), (1, 1));
    assert_eq!(from.count_of("HEAD", Kind::Manifest), 3);
}

#[tokio::test]
async fn a_plan_knows_from_a_token_that_nothing_can_be_pushed() {
    let from = Registry::start().await;
    let users = Users::new().anonymous("mine/*", "pull,push").anonymous("*", "pull");
    let auth = Auth::Token(TokenAuth::new(users));
    let to = Registry::builder().auth(auth).quirk(Quirk::TokensTell).start().await;
    from.push("team/app", "v1", &image(1));
    for (name, action) in [("mine/app", Action::Copy), ("theirs/app", Action::Blocked)] {
        let rule = (at(&from, "team/app:v1"), at(&to, name));
        let report = run(Vendor::Other, (&rule.0, &rule.1), true).await;
        let row = &report.images[0];
        assert_eq!(row.plan.unwrap().action, action, "{name}");
        let code = row.error.as_ref().map(|error| error.code);
        assert_eq!(code, (action == Action::Blocked).then_some(Code::PushDenied));
    }
    assert_eq!((to.writes(), from.blob_bytes_served()), (0, 0));
    // the token that HEAD got tells it: nothing is asked for that
    let requests = to.requests();
    let theirs = requests.iter().filter(|r| r.repository.as_deref() == Some("theirs/app"));
    assert!(theirs.clone().all(|r| r.is("HEAD", Kind::Manifest)) && theirs.count() <= 2);
    // a token that tells nothing is no reason to hold back
    to.set_quirks([]);
    let rule = (at(&from, "team/app:v1"), at(&to, "theirs/app"));
    let report = run(Vendor::Other, (&rule.0, &rule.1), true).await;
    assert_eq!(report.images[0].plan.unwrap().action, Action::Copy);
}
