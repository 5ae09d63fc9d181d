//! Azure, emulated.

use testkit::{Kind, TokenAuth, auth::Users};

use super::*;

const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

fn principal(server: &str, cloud: &Cloud) -> Settings {
    let mut settings = settings(server, SecretKind::AzurePrincipal, Some(cloud));
    settings.username = CLIENT.into();
    settings.secret = Some(format!("{CANARY}~secret").into());
    settings.options.tenant = Some("contoso.example".into());
    settings
}

async fn cloud() -> Cloud {
    let cloud = Cloud::start().await;
    cloud.azure_principal("contoso.example", CLIENT, &format!("{CANARY}~secret"));
    cloud
}

/// A registry where these tokens of Entra ID are good.
fn auth(tokens: &[&str]) -> Auth {
    let users = Users::new().user("someone", "else");
    let auth =
        tokens.iter().fold(TokenAuth::new(users), |auth, token| auth.entra_token(token, "someone"));
    Auth::Token(auth)
}

#[tokio::test]
async fn azure_principal_exchanges_its_token_and_renews_it() {
    let cloud = cloud().await;
    let server = server(auth(&["entra-1", "entra-2"])).await;
    let client = client(principal(server.host(), &cloud));
    let all = futures_util::future::join_all((0..20).map(|_| head(&client, &server))).await;
    all.into_iter().for_each(Result::unwrap);
    assert_eq!(cloud.granted("login"), 1);
    let posts: Vec<_> =
        server.requests().into_iter().filter(|request| request.is("POST", Kind::Token)).collect();
    let paths: Vec<_> = posts.iter().map(|post| post.path.as_str()).collect();
    assert_eq!(paths, ["/oauth2/exchange", "/token"]);
    let field = |n: usize, name: &str| {
        posts[n].form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    };
    assert_eq!(field(0, "grant_type"), Some("access_token"));
    assert_eq!(field(0, "service"), Some(server.host()));
    assert_eq!(field(0, "tenant"), Some("contoso.example"));
    assert_eq!(field(1, "grant_type"), Some("refresh_token"));

    // the registry forgets what it gave
    server.expire_refresh_tokens();
    server.expire_tokens();
    head(&client, &server).await.unwrap();
    assert_eq!(cloud.granted("login"), 2);

    server.set_auth(auth(&[]));
    server.expire_refresh_tokens();
    let error = head(&client, &server).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRejected, "{error}");
    assert!(hints(&error).contains("AcrPull"), "{error}: {}", hints(&error));
}

#[tokio::test]
async fn azure_token_that_was_got_elsewhere_is_exchanged() {
    let server = server(auth(&["my-entra-token"])).await;
    let mut settings = settings(server.host(), SecretKind::AzureToken, None);
    settings.secret = Some("my-entra-token".into());
    head(&client(settings.clone()), &server).await.unwrap();
    settings.secret = Some(format!("{CANARY}-old").into());
    let error = fails(settings).await;
    assert_eq!(error.code(), Code::AuthRejected, "{error}");
    assert!(hints(&error).contains("az acr login"), "{error}");
}

#[tokio::test]
async fn azure_refresh_token_as_a_password_goes_as_it_is() {
    let users = Users::new().user(super::super::azure::TOKEN_USER, "refresh-token");
    let server = server(Auth::Token(TokenAuth::new(users))).await;
    let mut settings = settings(server.host(), SecretKind::Password, None);
    settings.username = super::super::azure::TOKEN_USER.into();
    settings.secret = Some("refresh-token".into());
    head(&client(settings), &server).await.unwrap();
}

#[tokio::test]
async fn what_azure_refuses_is_told_with_what_to_do() {
    let cloud = cloud().await;
    let server = server(auth(&[])).await;
    type Change = fn(&mut Settings);
    let cases: [(Change, Code, &str, &str); 6] = [
        (
            |s| s.secret = Some(format!("{CANARY}-wrong").into()),
            Code::AuthRejected,
            "AADSTS7000215",
            "the secret's value",
        ),
        (
            |s| s.options.tenant = Some("other.example".into()),
            Code::AuthRejected,
            "AADSTS90002",
            "Check the tenant",
        ),
        (|s| s.username = "x".into(), Code::AuthRejected, "AADSTS700016", "client id"),
        (|_| {}, Code::AuthRejected, "401", "AcrPull"),
        (|s| s.options.tenant = None, Code::ConfigInvalid, "no tenant", "AZURE_TENANT_ID"),
        (|s| s.username.clear(), Code::ConfigInvalid, "no client id", "AZURE_CLIENT_ID"),
    ];
    for (change, code, says, hint) in cases {
        let mut settings = principal(server.host(), &cloud);
        change(&mut settings);
        let error = fails(settings).await;
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(hints(&error).contains(hint), "{says}: {}", hints(&error));
    }
    let elsewhere = Cloud::start().await;
    cloud.redirect_to(&elsewhere.url());
    let error = fails(principal(server.host(), &cloud)).await;
    assert_eq!(error.code(), Code::RedirectRefused, "{error}");
    assert!(elsewhere.calls().is_empty());
}
