//! Alibaba Cloud, emulated.

use testkit::{TokenAuth, auth::Users};

use super::*;

fn key(server: &str, cloud: &Cloud) -> Settings {
    let mut settings = settings(server, SecretKind::AlibabaKey, Some(cloud));
    settings.username = "LTAIKEY".into();
    settings.secret = Some(format!("{CANARY}secret").into());
    settings.options.region = Some("cn-hangzhou".into());
    settings
}

async fn cloud() -> Cloud {
    let cloud = Cloud::start().await;
    cloud.alibaba_key("LTAIKEY", &format!("{CANARY}secret"));
    cloud.alibaba_instance("cri-abc123");
    cloud
}

#[tokio::test]
async fn acr_personal_gets_a_temporary_password_and_renews_it() {
    let cloud = cloud().await;
    let server = server(Auth::token("cr_temp_user", "acr-1")).await;
    let mut settings = key(server.host(), &cloud);
    settings.provider = Some("acr-personal".into());
    let client = client(settings);
    let all = futures_util::future::join_all((0..20).map(|_| head(&client, &server))).await;
    all.into_iter().for_each(Result::unwrap);
    assert_eq!(cloud.granted("GetAuthorizationToken"), 1);
    assert_eq!(cloud.calls()[0].path, "/tokens");
    assert_eq!(cloud.calls()[0].headers["x-acs-version"], "2016-06-07");
    server.set_auth(Auth::token("cr_temp_user", "acr-2"));
    head(&client, &server).await.unwrap();
    assert_eq!(cloud.granted("GetAuthorizationToken"), 2);
    server.set_auth(Auth::token("cr_temp_user", "something-else"));
    cloud.revoke_alibaba_keys();
    let error = head(&client, &server).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRejected, "{error}");
    assert!(error.to_string().contains("InvalidAccessKeyId.NotFound"), "{error}");
    assert!(hints(&error).contains("AccessKey id"), "{error}");
}

#[tokio::test]
async fn acr_enterprise_finds_its_instance_in_the_challenge() {
    let cloud = cloud().await;
    let users = Users::new().user("cr_temp_user", "acr-1");
    let service = "registry.aliyuncs.com:cn-hangzhou:26842:cri-abc123";
    let server = server(Auth::Token(TokenAuth::new(users).service(service))).await;
    let mut settings = key(server.host(), &cloud);
    settings.provider = Some("acr-enterprise".into());
    head(&client(settings), &server).await.unwrap();
    let call = &cloud.calls()[0];
    assert_eq!(call.form, [("InstanceId".to_owned(), "cri-abc123".to_owned())]);
    assert_eq!(call.headers["x-acs-version"], "2018-12-01");
}

#[tokio::test]
async fn acr_password_is_renewed_before_it_runs_out_and_retries_sign_anew() {
    let cloud = cloud().await;
    cloud.set_life(Duration::from_secs(2));
    let mut settings = key("acr.example.com", &cloud);
    settings.options.instance = Some("cri-abc123".into());
    cloud.fail(&[503]);
    let sign_in = SignIn::new(settings).unwrap();
    let first = sign_in.lease(false).await.unwrap();
    let nonces: Vec<_> =
        cloud.calls().iter().map(|call| call.headers["x-acs-signature-nonce"].clone()).collect();
    assert!(nonces.len() == 2 && nonces[0] != nonces[1], "a number is used once");
    tokio::time::sleep_until(first.renew_at.unwrap()).await;
    assert_ne!(shown(&first), shown(&sign_in.lease(false).await.unwrap()));
}

#[tokio::test]
async fn what_alibaba_cloud_refuses_is_told_with_what_to_do() {
    let cloud = cloud().await;
    let silent = server(Auth::None).await;
    type Change = fn(&mut Settings, &Cloud);
    let cases: [(Change, Code, &str, &str); 6] = [
        (
            |s, _| s.username = "LTAIOTHER".into(),
            Code::AuthRejected,
            "InvalidAccessKeyId",
            "AccessKey id",
        ),
        (
            |s, _| s.secret = Some(format!("{CANARY}wrong").into()),
            Code::AuthRejected,
            "SignatureDoesNotMatch",
            "AccessKey secret",
        ),
        (
            |s, _| s.options.instance = Some("cri-none".into()),
            Code::AuthRejected,
            "INSTANCE_NOT_EXIST",
            "'cn-hangzhou'",
        ),
        (
            |s, _| s.provider = Some("acr-enterprise".into()),
            Code::ConfigInvalid,
            "does not tell the id",
            "cri-",
        ),
        (|s, _| s.options.region = None, Code::ConfigInvalid, "no Alibaba Cloud region", "cn-"),
        (|_, c| c.set_clock(-3600), Code::AuthRejected, "InvalidTimeStamp", "60 minutes ahead"),
    ];
    for (change, code, says, hint) in cases {
        let mut settings = key(silent.host(), &cloud);
        change(&mut settings, &cloud);
        let error = fails(settings).await;
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(hints(&error).contains(hint), "{says}: {}", hints(&error));
    }
    let elsewhere = Cloud::start().await;
    cloud.redirect_to(&elsewhere.url());
    let error = fails(key("acr.example.com", &cloud)).await;
    assert_eq!(error.code(), Code::RedirectRefused, "{error}");
    assert!(elsewhere.calls().is_empty());
}
