//! Amazon ECR, emulated.

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/ci";

fn keys(server: &str, cloud: &Cloud) -> Settings {
    let mut settings = settings(server, SecretKind::AwsKeys, Some(cloud));
    settings.username = "AKIAKEY".into();
    settings.secret = Some(format!("{CANARY}-secret/key+").into());
    settings.options.region = Some("eu-west-1".into());
    settings
}

async fn cloud() -> Cloud {
    let cloud = Cloud::start().await;
    cloud.aws_key("AKIAKEY", &format!("{CANARY}-secret/key+"));
    cloud
}

#[tokio::test]
async fn ecr_key_pair_gets_a_token_and_shares_it() {
    let cloud = cloud().await;
    let server = server(Auth::basic("AWS", "ecr-1")).await;
    let client = client(keys(server.host(), &cloud));
    let all = futures_util::future::join_all((0..20).map(|_| head(&client, &server))).await;
    all.into_iter().for_each(Result::unwrap);
    assert_eq!(cloud.granted("GetAuthorizationToken"), 1, "one fetch for twenty at once");
    let call = &cloud.calls()[0];
    assert_eq!(
        call.headers["x-amz-target"],
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    );
    assert_eq!(call.headers["content-type"], "application/x-amz-json-1.1");
}

#[tokio::test]
async fn ecr_public_is_asked_by_its_own_api_and_exchanges_the_token() {
    let cloud = cloud().await;
    let server = server(Auth::token("AWS", "ecr-1")).await;
    let mut settings = keys(server.host(), &cloud);
    settings.provider = Some("ecr-public".into());
    settings.options.region = None;
    head(&client(settings), &server).await.unwrap();
    let call = &cloud.calls()[0];
    assert_eq!(call.headers["x-amz-target"], "SpencerFrontendService.GetAuthorizationToken");
    let authorization = call.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("/us-east-1/ecr-public/aws4_request"), "{authorization}");
}

#[tokio::test]
async fn ecr_token_is_renewed_before_it_runs_out() {
    let cloud = cloud().await;
    cloud.set_life(Duration::from_secs(2));
    let sign_in = SignIn::new(keys("r.example.com", &cloud)).unwrap();
    let first = sign_in.lease(false).await.unwrap();
    assert_eq!(shown(&first), "AWS:ecr-1");
    assert_eq!(shown(&sign_in.lease(false).await.unwrap()), "AWS:ecr-1");
    tokio::time::sleep_until(first.renew_at.unwrap()).await;
    assert!(!first.is_over() || first.is_due(), "the server's second may have ended meanwhile");
    assert_eq!(shown(&sign_in.lease(false).await.unwrap()), "AWS:ecr-2");
}

#[tokio::test]
async fn ecr_token_that_is_refused_in_the_middle_of_a_run_is_fetched_anew() {
    let cloud = cloud().await;
    let server = server(Auth::basic("AWS", "ecr-1")).await;
    let client = client(keys(server.host(), &cloud));
    head(&client, &server).await.unwrap();
    server.set_auth(Auth::basic("AWS", "ecr-2"));
    let all = futures_util::future::join_all((0..20).map(|_| head(&client, &server))).await;
    all.into_iter().for_each(Result::unwrap);
    assert_eq!(cloud.granted("GetAuthorizationToken"), 2, "one more for all");
}

#[tokio::test]
async fn ecr_key_that_is_revoked_in_the_middle_of_a_run_is_told() {
    let cloud = cloud().await;
    let server = server(Auth::basic("AWS", "ecr-1")).await;
    let client = client(keys(server.host(), &cloud));
    head(&client, &server).await.unwrap();
    server.set_auth(Auth::basic("AWS", "something-else"));
    cloud.revoke_aws_keys();
    for _ in 0..3 {
        let error = head(&client, &server).await.unwrap_err();
        assert_eq!(error.code(), Code::AuthRejected, "{error}");
        assert!(error.to_string().contains("UnrecognizedClientException"), "{error}");
        assert!(hints(&error).contains("does not know the access key"), "{error}");
        assert!(!format!("{error:?}").contains(CANARY));
    }
    assert_eq!(cloud.calls().len(), 2, "a refusal is not asked for again and again");
}

#[tokio::test]
async fn an_assumed_role_gets_keys_for_an_hour() {
    let cloud = cloud().await;
    cloud.aws_role(ROLE, None);
    let mut settings = keys("r.example.com", &cloud);
    settings.options.role = Some(ROLE.into());
    settings.env = env(&[("AWS_ENDPOINT_URL_STS", &cloud.url())]);
    let sign_in = SignIn::new(settings).unwrap();
    assert_eq!(shown(&sign_in.lease(false).await.unwrap()).split('-').next(), Some("AWS:ecr"));
    let calls = cloud.calls();
    let actions: Vec<_> = calls.iter().map(|call| call.action.as_str()).collect();
    assert_eq!(actions, ["AssumeRole", "GetAuthorizationToken"]);
    let form = |name: &str| calls[0].form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(form("RoleArn"), Some(ROLE));
    assert_eq!(form("RoleSessionName"), Some("image-syncer"));
    assert_eq!(form("DurationSeconds"), Some("3600"));
    assert!(calls[1].headers.contains_key("x-amz-security-token"));
    // whoever calls the API again uses the same session
    let Way::Aws(aws) = &sign_in.way else { panic!() };
    aws.ecr("GetAuthorizationToken", &serde_json::json!({})).await.unwrap();
    assert_eq!(cloud.granted("AssumeRole"), 1);
    // but after a refusal all is fetched anew
    sign_in.lease(true).await.unwrap();
    assert_eq!(cloud.granted("AssumeRole"), 2);
}

#[tokio::test]
async fn profiles_and_the_environment() {
    let cloud = cloud().await;
    cloud.aws_key("AKIAENV", "env-secret");
    cloud.aws_role(ROLE, Some("ext"));
    cloud.aws_web_identity("web-token", ROLE);
    let dir = tempfile::tempdir().unwrap();
    let credentials = dir.path().join("credentials");
    let config = dir.path().join("config");
    let web = dir.path().join("token");
    std::fs::write(&web, "web-token\n").unwrap();
    std::fs::write(
        &credentials,
        format!("[base]\naws_access_key_id=AKIAKEY\naws_secret_access_key={CANARY}-secret/key+\n"),
    )
    .unwrap();
    std::fs::write(
        &config,
        format!(
            "[profile ci]\nrole_arn={ROLE}\nsource_profile=base\nexternal_id=ext\n\
             [profile a]\nrole_arn={ROLE}\nsource_profile=b\n[profile b]\nrole_arn={ROLE}\nsource_profile=a\n\
             [profile sso]\nsso_session=x\n[profile empty]\nregion=eu-west-1\n"
        ),
    )
    .unwrap();
    let url = cloud.url();
    let files = [
        ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap()),
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_REGION", "eu-west-1"),
    ];
    let with = |kind, profile: Option<&str>, more: &[(&str, &str)]| {
        let mut settings = settings("r.example.com", kind, None);
        settings.options.profile = profile.map(str::to_owned);
        settings.env = env(&[&files[..], more].concat());
        settings
    };
    use SecretKind::{AwsEnvironment, AwsProfile};
    let key = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "env-secret")];
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", web.to_str().unwrap()), ("AWS_ROLE_ARN", ROLE)];
    for (kind, profile, more, actions) in [
        (AwsProfile, Some("base"), &[][..], "GetAuthorizationToken"),
        (AwsProfile, Some("ci"), &[], "AssumeRole GetAuthorizationToken"),
        (AwsProfile, None, &[("AWS_PROFILE", "base")], "GetAuthorizationToken"),
        (AwsEnvironment, None, &[("AWS_PROFILE", "base")], "GetAuthorizationToken"),
        (AwsEnvironment, None, &key, "GetAuthorizationToken"),
        (AwsEnvironment, None, &web, "AssumeRoleWithWebIdentity GetAuthorizationToken"),
    ] {
        let before = cloud.calls().len();
        let sign_in = SignIn::new(with(kind, profile, more)).unwrap();
        sign_in.lease(false).await.unwrap();
        let calls: Vec<_> = cloud.calls()[before..].iter().map(|c| c.action.clone()).collect();
        assert_eq!(calls.join(" "), actions, "{kind} {profile:?}");
    }
    for (profile, code, why) in [
        ("nobody", Code::AuthRequired, "there is no AWS profile 'nobody'"),
        ("empty", Code::AuthRequired, "has no access key"),
        ("sso", Code::AuthRequired, "sso_session"),
        ("a", Code::ConfigInvalid, "in a circle"),
    ] {
        let error = fails(with(AwsProfile, Some(profile), &[])).await;
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    let error = fails(with(AwsEnvironment, None, &[])).await;
    assert!(hints(&error).contains("AWS_ACCESS_KEY_ID"), "{error}");
}

#[tokio::test]
async fn what_amazon_refuses_is_told_with_what_to_do() {
    type Change = fn(&mut Settings, &Cloud);
    let cases: [(&str, Change, &str, &str); 5] = [
        (
            "unknown key",
            |s, _| s.username = "AKIAOTHER".into(),
            "UnrecognizedClient",
            "does not know",
        ),
        (
            "wrong secret",
            |s, _| s.secret = Some(format!("{CANARY}-wrong").into()),
            "signature",
            "secret access key",
        ),
        ("wrong region", |_, c| c.aws_region("us-east-2"), "valid region", "'eu-west-1'"),
        ("clock behind", |_, c| c.set_clock(3600), "Signature expired", "60 minutes behind"),
        (
            "role",
            |s, c| {
                s.options.role = Some("arn:aws:iam::1:role/other".into());
                s.env = env(&[("AWS_ENDPOINT_URL_STS", &c.url())]);
            },
            "AccessDenied",
            "sts:AssumeRole",
        ),
    ];
    for (name, change, says, hint) in cases {
        let cloud = cloud().await;
        let mut settings = keys("r.example.com", &cloud);
        change(&mut settings, &cloud);
        let error = fails(settings).await;
        assert_eq!(error.code(), Code::AuthRejected, "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
        assert!(hints(&error).contains(hint), "{name}: {}", hints(&error));
        assert_eq!(error.attempts(), 1, "{name}: a refusal is not tried again");
    }
}

#[tokio::test]
async fn failures_that_pass_are_tried_again_and_a_redirect_is_not_followed() {
    let cloud = cloud().await;
    cloud.fail(&[500, 503]);
    let sign_in = SignIn::new(keys("r.example.com", &cloud)).unwrap();
    sign_in.lease(false).await.unwrap();
    assert!(cloud.has_failed());
    assert_eq!(cloud.calls().len(), 3);

    let elsewhere = Cloud::start().await;
    cloud.redirect_to(&elsewhere.url());
    let error = fails(keys("r.example.com", &cloud)).await;
    assert_eq!(error.code(), Code::RedirectRefused, "{error}");
    assert!(error.to_string().contains("credentials never follow"), "{error}");
    assert!(elsewhere.calls().is_empty());
}

#[tokio::test]
async fn a_good_token_stays_in_use_while_the_cloud_is_down() {
    let cloud = cloud().await;
    let sign_in = SignIn::new(keys("r.example.com", &cloud)).unwrap();
    sign_in.lease(false).await.unwrap();
    {
        let mut state = sign_in.state.lock().await;
        state.lease.as_mut().unwrap().renew_at = Some(Instant::now());
    }
    cloud.fail(&[503; 4]);
    let lease = sign_in.lease(false).await.unwrap();
    assert_eq!(shown(&lease), "AWS:ecr-1");
    assert!(cloud.has_failed());
    assert!(lease.renew_at.unwrap() > Instant::now(), "it is tried again a little later");
}

#[tokio::test]
async fn an_endpoint_on_the_link_or_in_plain_http_gets_no_secret() {
    let cloud = cloud().await;
    for url in ["http://169.254.169.254/", "https://169.254.169.254/", "http://api.example.com/"] {
        let mut settings = keys("r.example.com", &cloud);
        settings.tls.insecure = false;
        settings.options.endpoint = Some(url.parse().unwrap());
        let error = fails(settings).await;
        assert_eq!(error.code(), Code::RedirectRefused, "{error}");
    }
}
