//! Claims of a token whose signature holds (RFC 7519 4.1, RFC 8693 4.1), judged for one audience
//! and moment.

use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::{IdentityError, MAX_ID};

/// Clock difference that is forgiven, in seconds.
pub const SKEW_S: u64 = 30;
/// Most audiences of a token.
const MAX_AUDIENCES: usize = 16;
/// Longest chain of actors.
const MAX_ACTORS: usize = 8;

/// What a token has to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`; `None` for SVIDs, which have none.
    pub issuer: Option<&'a str>,
    /// A member of `aud`.
    pub audience: &'a str,
    /// Whether `aud` may have further members.
    pub shared: bool,
    /// Longest life that is accepted, from `iat` to `exp`, in seconds.
    pub max_life_s: u64,
}

/// Checks `iss`, `aud`, `exp`, `nbf`, `iat`; gives the end.
///
/// # Errors
/// `identity.issuer`, `identity.audience`, `identity.expired`, `identity.not_yet`,
/// `identity.claim`.
pub fn check(
    claims: &Json,
    expected: &Expected<'_>,
    now: UnixSeconds,
) -> Result<UnixSeconds, IdentityError> {
    if let Some(issuer) = expected.issuer
        && claims.get("iss").and_then(Json::as_str) != Some(issuer)
    {
        return Err(IdentityError::Issuer);
    }
    check_audience(claims, expected)?;
    let exp = moment(claims, "exp")?.ok_or(IdentityError::Claim("`exp` is missing"))?;
    if exp.saturating_add(SKEW_S) <= now.0 {
        return Err(IdentityError::Expired);
    }
    let latest = now.0.saturating_add(SKEW_S);
    let (nbf, iat) = (moment(claims, "nbf")?, moment(claims, "iat")?);
    if nbf.is_some_and(|at| at > latest) || iat.is_some_and(|at| at > latest) {
        return Err(IdentityError::NotYet);
    }
    let from = iat.unwrap_or(now.0);
    if exp.saturating_sub(from) > expected.max_life_s.saturating_add(SKEW_S) {
        return Err(IdentityError::Claim("it lives longer than is accepted here"));
    }
    Ok(UnixSeconds(exp))
}

fn check_audience(claims: &Json, expected: &Expected<'_>) -> Result<(), IdentityError> {
    let good = match claims.get("aud") {
        Some(Json::String(one)) => one == expected.audience,
        Some(Json::Array(all)) if (1..=MAX_AUDIENCES).contains(&all.len()) => {
            let texts: Option<Vec<&str>> = all.iter().map(Json::as_str).collect();
            let texts = texts.unwrap_or_default();
            texts.contains(&expected.audience) && (expected.shared || texts.len() == 1)
        }
        _ => false,
    };
    if good { Ok(()) } else { Err(IdentityError::Audience) }
}

/// A NumericDate in whole seconds.
fn moment(claims: &Json, name: &str) -> Result<Option<u64>, IdentityError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let at = value.as_u64();
            Ok(Some(at.ok_or(IdentityError::Claim("a time is no whole number of seconds"))?))
        }
    }
}

/// A claim that names somebody: a string of 1 to [`MAX_ID`] bytes without control characters.
///
/// # Errors
/// `identity.claim`.
pub fn name(claims: &Json, claim: &str) -> Result<Option<String>, IdentityError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Json::String(text))
            if (1..=MAX_ID).contains(&text.len()) && !text.contains(char::is_control) =>
        {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(IdentityError::Claim("a name is no text of 1 to 1024 bytes")),
    }
}

/// `act`, the chain of actors, kept as it is once its form is checked: each has a `sub`, and the
/// outermost is who acts now (RFC 8693 4.1).
///
/// # Errors
/// `identity.claim`.
pub fn actors(claims: &Json) -> Result<Option<Json>, IdentityError> {
    let Some(act) = claims.get("act") else { return Ok(None) };
    let mut at = Some(act);
    let mut depth = 0_usize;
    while let Some(actor) = at {
        depth = depth.saturating_add(1);
        if actor.as_object().is_none() || depth > MAX_ACTORS {
            return Err(IdentityError::Claim("`act` is no chain of at most 8 actors"));
        }
        if name(actor, "sub")?.is_none() {
            return Err(IdentityError::Claim("an actor has no `sub`"));
        }
        name(actor, "iss")?;
        // The decision point reads these as an identifier and a type; no issuer gives them here.
        if actor.get("id").is_some() || actor.get("type").is_some_and(|t| t.as_str().is_none()) {
            return Err(IdentityError::Claim("an actor has members of another vocabulary"));
        }
        at = actor.get("act");
    }
    Ok(Some(act.clone()))
}

/// Whether `scope` holds all of these words.
#[must_use]
pub fn has_scopes(claims: &Json, wanted: &[String]) -> bool {
    let given = claims.get("scope").and_then(Json::as_str).unwrap_or_default();
    wanted.iter().all(|word| given.split(' ').any(|g| g == word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::json;

    const NOW: UnixSeconds = UnixSeconds(1_000);

    fn checked(claims: &str, shared: bool) -> Result<UnixSeconds, IdentityError> {
        let claims = json::parse(claims.as_bytes()).unwrap();
        let expected = Expected { issuer: Some("i"), audience: "a", shared, max_life_s: 600 };
        check(&claims, &expected, NOW)
    }

    // SPEC.md R-10-102, R-10-103.
    #[test]
    fn each_rule_of_the_claims_refuses() {
        let good = r#"{"iss":"i","aud":"a","exp":1100,"nbf":990,"iat":990}"#;
        assert_eq!(checked(good, false), Ok(UnixSeconds(1100)));
        assert_eq!(checked(r#"{"iss":"i","aud":["a"],"exp":971}"#, false), Ok(UnixSeconds(971)));
        assert!(checked(r#"{"iss":"i","aud":["b","a"],"exp":1100}"#, true).is_ok());
        for (claims, code) in [
            (r#"{"iss":"j","aud":"a","exp":1100}"#, "identity.issuer"),
            (r#"{"iss":"i/","aud":"a","exp":1100}"#, "identity.issuer"),
            (r#"{"aud":"a","exp":1100}"#, "identity.issuer"),
            (r#"{"iss":"i","aud":"b","exp":1100}"#, "identity.audience"),
            (r#"{"iss":"i","exp":1100}"#, "identity.audience"),
            (r#"{"iss":"i","aud":[],"exp":1100}"#, "identity.audience"),
            (r#"{"iss":"i","aud":["a","b"],"exp":1100}"#, "identity.audience"),
            (r#"{"iss":"i","aud":["a",1],"exp":1100}"#, "identity.audience"),
            (r#"{"iss":"i","aud":{"a":1},"exp":1100}"#, "identity.audience"),
            (r#"{"iss":"i","aud":"a"}"#, "identity.claim"),
            (r#"{"iss":"i","aud":"a","exp":"1100"}"#, "identity.claim"),
            (r#"{"iss":"i","aud":"a","exp":1100.5}"#, "identity.claim"),
            (r#"{"iss":"i","aud":"a","exp":970}"#, "identity.expired"),
            (r#"{"iss":"i","aud":"a","exp":1100,"nbf":1031}"#, "identity.not_yet"),
            (r#"{"iss":"i","aud":"a","exp":1100,"iat":1031}"#, "identity.not_yet"),
            (r#"{"iss":"i","aud":"a","exp":1631,"iat":1000}"#, "identity.claim"),
            (r#"{"iss":"i","aud":"a","exp":9007199254740991}"#, "identity.claim"),
        ] {
            assert_eq!(checked(claims, false).unwrap_err().code(), code, "{claims}");
        }
    }

    #[test]
    fn the_chain_of_actors_is_kept_and_checked() {
        let of = |text: &str| actors(&json::parse(text.as_bytes()).unwrap());
        let chain = r#"{"act":{"iss":"x","sub":"a","act":{"sub":"b"}}}"#;
        assert!(of(chain).unwrap().is_some() && of("{}").unwrap().is_none());
        let deep = |n: usize| {
            format!(r#"{{"act":{}1{}}}"#, r#"{"sub":"a","act":"#.repeat(n), "}".repeat(n))
        };
        for bad in [
            r#"{"act":"a"}"#,
            r#"{"act":{}}"#,
            r#"{"act":{"sub":""}}"#,
            r#"{"act":{"sub":"a\u0000"}}"#,
            r#"{"act":{"sub":"a","id":"b"}}"#,
            r#"{"act":{"sub":"a","iss":1}}"#,
            r#"{"act":{"sub":"a","type":1}}"#,
            r#"{"act":{"sub":"a","act":{"iss":"b"}}}"#,
            &deep(9),
        ] {
            assert_eq!(of(bad).unwrap_err().code(), "identity.claim", "{bad}");
        }
        let scopes = json::parse(br#"{"scope":"read invoke"}"#).unwrap();
        assert!(has_scopes(&scopes, &["invoke".to_owned()]));
        assert!(!has_scopes(&scopes, &["voke".to_owned()]));
    }
}
