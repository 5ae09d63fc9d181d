//! `WWW-Authenticate` (RFC 9110, 11.6.1; formerly RFC 7235), as registries write it and a little beyond: several
//! challenges in one header or in many, names in any case, values with and without quotes.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// How a registry wants to be told who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The scheme's name in lower case: `bearer`, `basic`.
    pub(crate) scheme: String,
    /// The parameters in their order, names in lower case.
    params: Vec<(String, String)>,
    /// What some schemes say instead of parameters.
    pub(crate) token68: Option<String>,
}

impl Challenge {
    /// A parameter's value; the first, where a name is repeated.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Every challenge of an answer.
    pub(crate) fn of(headers: &HeaderMap) -> Vec<Self> {
        headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .flat_map(|value| Self::parse(&String::from_utf8_lossy(value.as_bytes())))
            .collect()
    }

    /// Every challenge of one header. What can't be read ends the list; what stands before it counts.
    pub(crate) fn parse(header: &str) -> Vec<Self> {
        let mut input = Input(header);
        let mut challenges = Vec::new();
        loop {
            input.skip(|c| c == ',' || is_blank(c));
            let scheme = input.take_token();
            if scheme.is_empty() {
                return challenges;
            }
            let mut challenge =
                Self { scheme: scheme.to_ascii_lowercase(), params: Vec::new(), token68: None };
            if input.skip(is_blank) && !input.0.starts_with(',') {
                challenge.token68 = input.take_token68();
                if challenge.token68.is_none() {
                    while let Some(param) = input.take_param() {
                        challenge.params.push(param);
                    }
                }
            }
            challenges.push(challenge);
        }
    }
}

/// What is left of a header.
struct Input<'a>(&'a str);

impl<'a> Input<'a> {
    /// Skips characters; whether there were any.
    fn skip(&mut self, what: impl Fn(char) -> bool) -> bool {
        let rest = self.0.trim_start_matches(what);
        let skipped = rest.len() < self.0.len();
        self.0 = rest;
        skipped
    }

    fn take_while(&mut self, what: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !what(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn take_token(&mut self) -> &'a str {
        self.take_while(is_token)
    }

    /// One token68, if that is all that stands before the next comma.
    fn take_token68(&mut self) -> Option<String> {
        let element = self.0.split(',').next().unwrap_or_default().trim_end_matches(is_blank);
        let body = element.trim_end_matches('=');
        let is_one = !body.is_empty()
            && body.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        if !is_one {
            return None;
        }
        self.0 = &self.0[element.len()..];
        Some(element.to_owned())
    }

    /// The next `name=value`, commas before it skipped; nothing is taken where the next challenge begins.
    fn take_param(&mut self) -> Option<(String, String)> {
        let mut ahead = Input(self.0);
        ahead.skip(|c| c == ',' || is_blank(c));
        let name = ahead.take_token();
        ahead.skip(is_blank);
        if name.is_empty() || !ahead.0.starts_with('=') {
            return None;
        }
        ahead.0 = &ahead.0[1..];
        ahead.skip(is_blank);
        let value = match ahead.0.strip_prefix('"') {
            Some(rest) => {
                ahead.0 = rest;
                ahead.take_quoted()
            }
            // wider than a token: realms without quotes have colons and slashes
            None => ahead.take_while(|c| c != ',' && !is_blank(c)).to_owned(),
        };
        self.0 = ahead.0;
        Some((name.to_ascii_lowercase(), value))
    }

    /// The rest of a quoted string; one that is never closed ends with the header.
    fn take_quoted(&mut self) -> String {
        let mut value = String::new();
        let mut chars = self.0.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return value;
                }
                '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
                c => value.push(c),
            }
        }
        self.0 = "";
        value
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scheme{name=value;...}` or `scheme(token68)`, challenges separated by blanks.
    fn written(header: &str) -> String {
        Challenge::parse(header)
            .iter()
            .map(|c| {
                if let Some(token) = &c.token68 {
                    return format!("{}({token})", c.scheme);
                }
                let params: Vec<_> = c.params.iter().map(|(n, v)| format!("{n}={v}")).collect();
                format!("{}{{{}}}", c.scheme, params.join(";"))
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn headers_as_they_come() {
        for (header, expected) in [
            ("", ""),
            (",", ""),
            (" , ,", ""),
            ("Basic", "basic{}"),
            ("Basic realm=\"x\"", "basic{realm=x}"),
            ("BASIC REALM=\"Registry Realm\"", "basic{realm=Registry Realm}"),
            ("Basic realm=\"\"", "basic{realm=}"),
            ("Basic realm=\"x\", charset=\"UTF-8\"", "basic{realm=x;charset=UTF-8}"),
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\"",
                "bearer{realm=https://auth.docker.io/token;service=registry.docker.io;scope=repository:a/b:pull,push}",
            ),
            (
                "Bearer realm=https://r.example/token?x=1,service=r.example",
                "bearer{realm=https://r.example/token?x=1;service=r.example}",
            ),
            ("bearer\trealm = \"a\" ,\tservice =b", "bearer{realm=a;service=b}"),
            ("Bearer realm=\"a\",,service=\"b\",", "bearer{realm=a;service=b}"),
            ("Bearer realm=\"/token\"", "bearer{realm=/token}"),
            ("Bearer realm=\"a\\\"b\\\\c\\d\"", "bearer{realm=a\"b\\cd}"),
            ("Bearer realm=\"a, Basic realm=b\"", "bearer{realm=a, Basic realm=b}"),
            ("Bearer realm=\"never closed, x", "bearer{realm=never closed, x}"),
            ("Bearer realm=\"a\\", "bearer{realm=a}"),
            ("Negotiate, Basic realm=\"x\"", "negotiate{} basic{realm=x}"),
            ("Basic realm=\"x\", Negotiate", "basic{realm=x} negotiate{}"),
            ("Negotiate YII=, Basic realm=x", "negotiate(YII=) basic{realm=x}"),
            ("Negotiate a87421000492aa874209af8bc028", "negotiate(a87421000492aa874209af8bc028)"),
            ("NTLM TlRMTVNTUAAC==", "ntlm(TlRMTVNTUAAC==)"),
            (
                "Basic realm=\"x\", Bearer realm=\"y\",service=\"z\", Negotiate",
                "basic{realm=x} bearer{realm=y;service=z} negotiate{}",
            ),
            ("Bearer realm=\"y\" Basic realm=\"x\"", "bearer{realm=y} basic{realm=x}"),
            (
                "Digest qop=\"auth, auth-int\", nonce=\"a==\"",
                "digest{qop=auth, auth-int;nonce=a==}",
            ),
            (
                "Bearer error=\"insufficient_scope\", scope=\"repository:a:pull repository:b:push\"",
                "bearer{error=insufficient_scope;scope=repository:a:pull repository:b:push}",
            ),
            ("Bearer realm=a;b", "bearer{realm=a;b}"),
            ("Bearer realm=\"ä\"", "bearer{realm=ä}"),
            ("Bearer =x", "bearer{}"),
            ("\"Bearer\" realm=x", ""),
            ("Bearer realm", "bearer(realm)"),
        ] {
            assert_eq!(written(header), expected, "{header}");
        }
    }

    #[test]
    fn many_headers_and_bytes_that_are_no_text() {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, "Negotiate".parse().unwrap());
        headers.append(WWW_AUTHENTICATE, "Basic realm=\"a\", Bearer realm=\"b\"".parse().unwrap());
        headers.append(
            WWW_AUTHENTICATE,
            http::HeaderValue::from_bytes(b"Basic realm=\"\xff\"").unwrap(),
        );
        let schemes: Vec<_> = Challenge::of(&headers).into_iter().map(|c| c.scheme).collect();
        assert_eq!(schemes, ["negotiate", "basic", "bearer", "basic"]);
    }

    #[test]
    fn the_first_of_repeated_parameters_counts() {
        let challenge = &Challenge::parse("Bearer realm=a, realm=b")[0];
        assert_eq!(challenge.param("realm"), Some("a"));
        assert_eq!(challenge.param("service"), None);
    }
}
