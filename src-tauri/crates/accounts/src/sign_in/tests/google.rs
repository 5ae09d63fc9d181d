//! Google, emulated.

use testkit::cloud::ServiceAccount;

use super::*;

const EMAIL: &str = "ci@my-project.iam.gserviceaccount.com";

async fn cloud() -> (Cloud, ServiceAccount) {
    let cloud = Cloud::start().await;
    let account = ServiceAccount::new(EMAIL, &cloud);
    cloud.google_account(&account);
    (cloud, account)
}

fn key(server: &str, json: &str) -> Settings {
    let mut settings = settings(server, SecretKind::GoogleKey, None);
    settings.secret = Some(json.into());
    settings
}

#[tokio::test]
async fn google_service_account_gets_a_token_and_renews_it() {
    let (cloud, account) = cloud().await;
    let server = server(Auth::token("oauth2accesstoken", "ya29-1")).await;
    let client = client(key(server.host(), &account.json(&[])));
    let all = futures_util::future::join_all((0..20).map(|_| head(&client, &server))).await;
    all.into_iter().for_each(Result::unwrap);
    assert_eq!(cloud.granted("token"), 1);
    server.set_auth(Auth::token("oauth2accesstoken", "ya29-2"));
    head(&client, &server).await.unwrap();
    assert_eq!(cloud.granted("token"), 2);
    cloud.revoke_google_accounts();
    server.set_auth(Auth::token("oauth2accesstoken", "something-else"));
    let error = head(&client, &server).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRejected, "{error}");
    assert!(error.to_string().contains("account not found"), "{error}");
    assert!(hints(&error).contains("service account"), "{error}");
}

#[tokio::test]
async fn google_key_in_the_environments_file_and_before_its_end() {
    let (cloud, account) = cloud().await;
    cloud.set_life(Duration::from_secs(1));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.json");
    std::fs::write(&file, account.json(&[])).unwrap();
    let mut settings = settings("europe-docker.pkg.dev", SecretKind::GoogleKey, None);
    settings.env = env(&[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())]);
    let sign_in = SignIn::new(settings).unwrap();
    let first = sign_in.lease(false).await.unwrap();
    assert_eq!(shown(&first), "oauth2accesstoken:ya29-1");
    tokio::time::sleep_until(first.renew_at.unwrap()).await;
    assert_eq!(shown(&sign_in.lease(false).await.unwrap()), "oauth2accesstoken:ya29-2");
    assert_eq!(cloud.granted("token"), 2);
}

#[tokio::test]
async fn google_keys_that_are_malformed_are_told_without_their_content() {
    let (_cloud, account) = cloud().await;
    let good = account.json(&[]);
    let cut = &good[..good.len() / 2];
    let canary_email = format!("{{\"type\":\"service_account\",\"client_email\":\"{CANARY}\"}}");
    for (json, why) in [
        ("", "no JSON"),
        ("CANARY", "no JSON"),
        (cut, "no JSON"),
        (r#"{"type":"authorized_user","refresh_token":"CANARY"}"#, "a person's login"),
        (r#"{"type":"external_account"}"#, "workload identity"),
        (r#"{"private_key":"CANARY"}"#, "'type'"),
        (r#"{"type":"service_account","private_key":"CANARY"}"#, "'client_email'"),
        (&canary_email, "'private_key'"),
        (&account.json(&[("private_key", "CANARY")]), "no RSA key"),
        (&account.json(&[("token_uri", "nonsense")]), "'token_uri'"),
    ] {
        let error = fails(key("europe-docker.pkg.dev", json)).await;
        assert_eq!(error.code(), Code::ConfigInvalid, "{error}");
        assert!(error.message().contains(why), "{json}: {error}");
        // as a password it is looked at too
        if why != "'token_uri'" {
            let mut as_password = settings("gcr.io", SecretKind::Password, None);
            as_password.username = "_json_key".into();
            as_password.secret = Some(json.into());
            assert!(fails(as_password).await.message().contains(why), "{json}");
        }
    }
    let mut as_password = settings("gcr.io", SecretKind::Password, None);
    as_password.username = "_json_key".into();
    as_password.secret = Some(good.clone().into());
    let lease = SignIn::new(as_password).unwrap().lease(false).await.unwrap();
    assert_eq!(shown(&lease), format!("_json_key:{good}"), "it goes as it is");
}

#[tokio::test]
async fn what_google_refuses_is_told_with_what_to_do() {
    let (cloud, account) = cloud().await;
    let other = ServiceAccount::new(EMAIL, &cloud);
    for (json, clock, says, hint) in [
        (other.json(&[]), 0, "Invalid JWT Signature", "make a new one"),
        (account.json(&[("client_email", "gone@x")]), 0, "account not found", "exists"),
        (account.json(&[]), 7200, "reasonable timeframe", "120 minutes behind"),
        (account.json(&[]), -7200, "reasonable timeframe", "120 minutes ahead"),
    ] {
        cloud.set_clock(clock);
        let error = fails(key("europe-docker.pkg.dev", &json)).await;
        assert_eq!(error.code(), Code::AuthRejected, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(hints(&error).contains(hint), "{says}: {}", hints(&error));
    }
    // wherever the key says that tokens are had, secrets go nowhere unsafe
    for uri in ["http://tokens.example.com/", "https://169.254.169.254/token"] {
        let mut settings = key("gcr.io", &account.json(&[("token_uri", uri)]));
        settings.tls.insecure = false;
        let error = fails(settings).await;
        assert_eq!(error.code(), Code::RedirectRefused, "{error}");
    }
    let elsewhere = Cloud::start().await;
    cloud.set_clock(0);
    cloud.redirect_to(&elsewhere.url());
    let error = fails(key("gcr.io", &account.json(&[]))).await;
    assert_eq!(error.code(), Code::RedirectRefused, "{error}");
    assert!(elsewhere.calls().is_empty());
}
