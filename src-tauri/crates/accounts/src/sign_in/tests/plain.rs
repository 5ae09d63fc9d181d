//! Sign-ins whose secret goes to the registry as it is: robots, deploy tokens, identity tokens.

use testkit::{TokenAuth, auth::Users};

use super::*;

#[tokio::test]
async fn robots_with_dollars_and_pluses_in_their_names() {
    for name in [
        "robot$library+ci",
        "robot$ci",
        "org+robot",
        "gitlab+deploy-token-1",
        "me@corp.example",
        "naïve+$user",
    ] {
        for auth in [Auth::token(name, "pa$$+w:rd"), Auth::basic(name, "pa$$+w:rd")] {
            let server = server(auth).await;
            let mut settings = settings(server.host(), SecretKind::Password, None);
            settings.username = name.into();
            settings.secret = Some("pa$$+w:rd".into());
            head(&client(settings), &server).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[tokio::test]
async fn identity_and_access_tokens() {
    let users = || Users::new().user("oauth2accesstoken", "ya29").user("someone", "else");
    let auth = TokenAuth::new(users()).refresh_token("identity+token", "someone");
    let server = server(Auth::Token(auth)).await;
    for (kind, secret) in
        [(SecretKind::IdentityToken, "identity+token"), (SecretKind::AccessToken, "ya29")]
    {
        let mut settings = settings(server.host(), kind, None);
        settings.secret = Some(secret.into());
        head(&client(settings), &server).await.unwrap_or_else(|e| panic!("{kind}: {e}"));
    }
}

#[tokio::test]
async fn a_kind_without_its_secret_says_so() {
    for kind in SecretKind::ALL {
        let mut settings = settings("r.example.com", *kind, None);
        settings.username = if kind.has_user() { "someone".into() } else { String::new() };
        settings.options.region = Some("eu-west-1".into());
        settings.options.tenant = Some("t.example".into());
        let error = fails(settings).await;
        assert!(
            matches!(error.code(), Code::AuthRequired | Code::ConfigInvalid),
            "{kind}: {error}"
        );
    }
}

#[test]
fn kinds_are_written_as_they_are_read() {
    for kind in SecretKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert!("nonsense".parse::<SecretKind>().unwrap_err().contains("aws-keys"));
}
