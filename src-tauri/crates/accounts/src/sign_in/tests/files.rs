//! An auth file's entry that names a cloud's sign-in.

use registry::Demand;

use super::*;
use crate::{AuthEntry, CredentialFiles, FileAccess, address_of_key};

fn entry(key: &str) -> AuthEntry {
    AuthEntry { insecure: true, ..AuthEntry::new(address_of_key(key).unwrap(), key, "auth.yaml:1") }
}

fn access(entries: Vec<AuthEntry>) -> Result<FileAccess, Vec<Error>> {
    FileAccess::new(entries, CredentialFiles::of_system(&|_| None))
}

#[tokio::test]
async fn an_auth_files_entry_signs_in_at_its_cloud_and_renews() {
    let cloud = Cloud::start().await;
    cloud.aws_key("AKIAKEY", CANARY);
    let server = server(Auth::basic("AWS", "ecr-1")).await;
    let mut ecr = entry(server.host());
    ecr.provider = Some("ecr".into());
    ecr.username = Some("AKIAKEY".into());
    ecr.password = Some(CANARY.into());
    ecr.options.region = Some("eu-west-1".into());
    ecr.options.endpoint = Some(cloud.url().parse().unwrap());
    assert!(!format!("{ecr:?}").contains(CANARY));
    let client = Client::new(quick(), Arc::new(access(vec![ecr]).unwrap()));
    for _ in 0..3 {
        head(&client, &server).await.unwrap();
    }
    assert_eq!(cloud.granted("GetAuthorizationToken"), 1);
    server.set_auth(Auth::basic("AWS", "ecr-2"));
    head(&client, &server).await.unwrap();
    assert_eq!(cloud.granted("GetAuthorizationToken"), 2);
}

#[test]
fn what_is_wrong_with_an_entry_is_told_before_anything_is_asked() {
    let mut google = entry("europe-docker.pkg.dev");
    google.provider = Some("gar".into());
    google.password = Some(CANARY.into());
    let mut ecr = entry("ecr.example.com");
    ecr.provider = Some("ecr".into());
    let mut lost = entry("gcr.io");
    lost.provider = Some("gcr".into());
    lost.secret_file = Some("/none/such.json".into());
    let errors = access(vec![google, ecr, lost]).unwrap_err();
    let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 3, "{text:?}");
    assert!(text[0].contains("no JSON") && text[0].contains("auth.yaml:1"), "{text:?}");
    assert!(text[1].contains("no AWS region"), "{text:?}");
    assert!(text[2].contains("/none/such.json"), "{text:?}");
    assert!(!format!("{errors:?}").contains(CANARY));
}

#[test]
fn demands_of_an_entrys_provider_and_of_the_hosts() {
    let mut harbor = entry("harbor.example.com");
    harbor.provider = Some("harbor".into());
    let access = access(vec![harbor]).unwrap();
    let demand =
        |host: &str, name: &str| access.demand(&host.parse().unwrap(), &name.parse().unwrap());
    assert_eq!(demand("harbor.example.com", "a").unwrap_err().code(), Code::RepoName);
    assert_eq!(demand("docker.io", "a/b/c").unwrap_err().code(), Code::RepoName);
    assert_eq!(demand("registry.example.com", "a").unwrap(), Demand::Nothing);
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    assert_eq!(demand(ecr, "a").unwrap(), Demand::Created);
}
