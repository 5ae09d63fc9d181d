//! Every provider of the list, by an address of its own form: read from and written to by the program. The registries
//! are emulated; a proxy leads to them whatever host is asked for, so that all that hangs on names is at work.

use accounts::provider::{self, Provider};
use testkit::{
    Image, Layer, Registry, Tunnel, Vendor,
    tls::{Authority, Flaw},
};

use crate::support::Program;

const PASSWORD: &str = "CANARY-pass";

/// What is known of the registry, the user name that it wants, and a repository that it takes.
fn emulated(provider: &Provider) -> (Vendor, &'static str, &'static str) {
    match provider.id.as_str() {
        "acr-enterprise" => (Vendor::AliyunEnterprise, "ci@1234567890", "team/app"),
        "acr-personal" => (Vendor::Aliyun, "ci@1234567890", "team/app"),
        "artifactory" => (Vendor::Artifactory, "anna", "docker-local/team/app"),
        "azure" => (Vendor::Azure, "00000000-0000-0000-0000-000000000000", "app"),
        "docker-hub" => (Vendor::DockerHub, "anna", "team/app"),
        "ecr" => (Vendor::Ecr, "AWS", "app"),
        "ecr-public" => (Vendor::EcrPublic, "AWS", "a1b2c3/app"),
        "gar" | "gcr" => (Vendor::Google, "oauth2accesstoken", "project/team/app"),
        "ghcr" => (Vendor::Ghcr, "anna", "anna/app"),
        "gitea" => (Vendor::Gitea, "anna", "anna/app"),
        "gitlab" => (Vendor::GitLab, "gitlab-ci-token", "group/project/app"),
        "harbor" => (Vendor::Harbor, "robot$team+sync", "team/app"),
        "nexus" => (Vendor::Nexus, "anna", "app"),
        "quay" => (Vendor::Quay, "team+sync", "team/app"),
        "registry" => (Vendor::Distribution, "", "app"),
        "swr" => (Vendor::Swr, "cn-north-4@AK123", "team/app"),
        "tcr" => (Vendor::Tcr, "100012345678", "team/app"),
        "zot" => (Vendor::Zot, "", "app"),
        other => panic!("there is no emulation of {other}"),
    }
}

fn address(provider: &Provider) -> String {
    let fill = |hole: &str| {
        Some(match hole {
            "account" => "123456789012".to_owned(),
            "region" => "eu-west-1".to_owned(),
            "area" => "eu".to_owned(),
            "port" => "5000".to_owned(),
            "host" => format!("{}.example.com", provider.id),
            _ => "mirror".to_owned(),
        })
    };
    provider.addresses[0].fill(fill).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_provider_is_written_to_and_read_from() {
    let image = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 30_000), Layer::random(2, 3000)]),
        Image::single("linux/arm64", [Layer::random(1, 30_000), Layer::random(3, 3000)]),
    ]);
    let plain = Registry::start().await;
    let built = plain.push("team/app", "v1", &image);
    for provider in provider::all() {
        let id = &provider.id;
        let (vendor, user, name) = emulated(provider);
        let tls = Authority::new().server(Flaw::None);
        let registry = vendor.builder(user, PASSWORD).tls(tls).start().await;
        vendor.prepare(&registry, name);
        let tunnel = Tunnel::start(registry.port()).await.unwrap();
        let host = address(provider);
        let login = match user {
            "" => String::new(),
            user => format!("username: '{user}', password: {PASSWORD}, "),
        };
        let auth = format!(
            "{host}: {{provider: {id}, {login}insecure: true, proxy: '{}'}}\n",
            tunnel.url()
        );
        let program = Program::new();
        let push = format!("{}/team/app:v1: {host}/{name}\n", plain.host());
        program.sync(&push, &auth, &[]).expect(0).says(&["1 copied, 0 skipped, 0 failed"]);
        assert!(registry.has(name, "v1", &built), "{id}: {:#?}", registry.requests());
        let back = Registry::start().await;
        let pull = format!("{host}/{name}: {}/back\n", back.host());
        program.sync(&pull, &auth, &[]).expect(0).says(&["1 copied, 0 skipped, 0 failed"]);
        assert!(back.has("back", "v1", &built), "{id}");
        let shown = registry.count(|request| request.header("authorization").is_some());
        assert_eq!(shown > 0, !user.is_empty(), "{id}");
    }
}
