//! What a token allows: `repository:<name>:pull,push`.

use crate::{RepositoryName, Scope, Side};

/// What a request needs, the most needed first: some token services read only the first one.
pub(crate) fn needed(
    repository: Option<&RepositoryName>,
    side: Side,
    scope: Scope<'_>,
) -> Vec<String> {
    let actions = match side {
        Side::Source => "pull",
        Side::Destination => "pull,push",
    };
    match (scope, repository) {
        (Scope::Catalog, _) => vec!["registry:catalog:*".into()],
        (_, None) => Vec::new(),
        (Scope::Mount(from), Some(to)) if from != to => {
            vec![format!("repository:{to}:{actions}"), format!("repository:{from}:pull")]
        }
        (_, Some(repository)) => vec![format!("repository:{repository}:{actions}")],
    }
}

/// How many scopes a token may grow to. Tokens for more have burst the limits of header lines.
const MOST: usize = 8;

/// Adds what a challenge asks for. Says whether that is more than was there.
pub(crate) fn widen(scopes: &mut Vec<String>, asked: &str) -> bool {
    let mut grown = false;
    for asked in asked.split_whitespace() {
        let Some((resource, actions)) = asked.rsplit_once(':') else { continue };
        let same = scopes
            .iter()
            .position(|scope| scope.rsplit_once(':').is_some_and(|(known, _)| known == resource));
        match same {
            Some(at) => {
                let scope = &mut scopes[at];
                for action in actions.split(',').filter(|action| !action.is_empty()) {
                    let known = scope.rsplit_once(':').map_or("", |(_, known)| known);
                    if !known.split(',').any(|known| known == action || known == "*") {
                        scope.push(',');
                        scope.push_str(action);
                        grown = true;
                    }
                }
            }
            None if scopes.len() < MOST => {
                scopes.push(asked.to_owned());
                grown = true;
            }
            None => {}
        }
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_requests_need() {
        let (a, b): (RepositoryName, RepositoryName) =
            ("t/a".parse().unwrap(), "t/b".parse().unwrap());
        let needed = |repository, side, scope| needed(repository, side, scope).join(" ");
        assert_eq!(needed(Some(&a), Side::Source, Scope::Side), "repository:t/a:pull");
        assert_eq!(needed(Some(&a), Side::Destination, Scope::Side), "repository:t/a:pull,push");
        assert_eq!(
            needed(Some(&a), Side::Destination, Scope::Mount(&b)),
            "repository:t/a:pull,push repository:t/b:pull"
        );
        assert_eq!(
            needed(Some(&a), Side::Destination, Scope::Mount(&a)),
            "repository:t/a:pull,push"
        );
        assert_eq!(needed(None, Side::Source, Scope::Catalog), "registry:catalog:*");
        assert_eq!(needed(None, Side::Source, Scope::Side), "");
    }

    #[test]
    fn merges() {
        for (before, asked, after, grown) in [
            ("repository:a:pull", "repository:a:pull", "repository:a:pull", false),
            ("repository:a:pull", "repository:a:pull,push", "repository:a:pull,push", true),
            ("repository:a:pull,push", "repository:a:pull", "repository:a:pull,push", false),
            ("repository:a:*", "repository:a:delete", "repository:a:*", false),
            (
                "repository:a:pull",
                "repository:a:metadata_read",
                "repository:a:pull,metadata_read",
                true,
            ),
            ("repository:a:pull", "repository:b:pull", "repository:a:pull repository:b:pull", true),
            ("repository:a:pull", "", "repository:a:pull", false),
            ("repository:a:pull", "junk", "repository:a:pull", false),
            ("", "repository:h:80/a:pull", "repository:h:80/a:pull", true),
        ] {
            let mut scopes: Vec<_> = before.split_whitespace().map(str::to_owned).collect();
            assert_eq!(widen(&mut scopes, asked), grown, "{before} + {asked}");
            assert_eq!(scopes.join(" "), after);
        }
        let mut scopes = Vec::new();
        let many: Vec<_> = (0..50).map(|n| format!("repository:r{n}:pull")).collect();
        widen(&mut scopes, &many.join(" "));
        assert_eq!(scopes.len(), MOST);
    }
}
