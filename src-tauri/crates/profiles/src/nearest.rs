//! "Did you mean …?"

/// The known name that a mistyped one is nearest to, if one is near.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    known
        .iter()
        .copied()
        .filter_map(|candidate| {
            // `user` is short for `username`, and far from it by distance
            let short = name.len() >= 3 && candidate.starts_with(&name);
            let distance = if short { 0 } else { distance(&name, candidate) };
            (distance <= candidate.len().max(name.len()) / 3).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The edit distance of two short texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        const KNOWN: [&str; 8] =
            ["username", "password", "insecure", "ca", "cert", "key", "proxy", "limit"];
        for (name, want) in [
            ("user", Some("username")),
            ("usrname", Some("username")),
            ("Username", Some("username")),
            ("pasword", Some("password")),
            ("passwd", Some("password")),
            ("pass", Some("password")),
            ("insecured", Some("insecure")),
            ("certs", Some("cert")),
            ("limits", Some("limit")),
            ("email", None),
            ("skip-tls-verify", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &KNOWN), want, "{name}");
        }
    }
}
