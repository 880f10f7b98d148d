//! The obligations that a gateway carries out (AuthZEN Profile for Obligations), and how.
//!
//! | obligation | here |
//! |---|---|
//! | `step-up` | the caller's access token has to say so (`acr`, `amr`); else 401 (RFC 9470) |
//! | `custom:rate_limit` | counted for each subject and action: [`super::rates`] |
//! | `custom:narrow` | the call has to have these parameters already; it is never changed |
//! | `custom:redact` | taken out of the API's answer: [`super::redact`]; the reverse proxy only |
//!
//! Any other, and one that is written otherwise than here, keeps the call from passing.

use placet_proto::action::Action;
use placet_proto::json::Json;

use super::rates::Limit;
use super::refusal::Refusal;
use crate::identity::{Identity, Proof};
use crate::obligations::{Obligation, custom_name, is_path};

/// What a gateway fulfils, in the words of [`crate::enforce::Settings::fulfils`].
pub const FULFILS: [&str; 4] = ["step-up", "custom:rate_limit", "custom:narrow", "custom:redact"];
/// Longest period of a rate, in seconds: a day.
const MAX_SECONDS: u64 = 86_400;

/// What has to be done with one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Duties {
    /// Sign-ins that are asked for.
    pub steps: Vec<StepUp>,
    /// Rates.
    pub limits: Vec<Limit>,
    /// Members of `action.properties` and their values, by their paths.
    pub narrowed: Vec<(String, Json)>,
    /// Members that are taken out of the answer, by their paths.
    pub redacted: Vec<Vec<String>>,
}

/// A sign-in of the subject that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    /// The class that `acr` has to name.
    pub acr: String,
    /// Methods that all have to be in `amr`.
    pub amr: Vec<String>,
}

impl Duties {
    /// What these obligations ask for.
    ///
    /// # Errors
    /// `gateway.denied` for one that is not known here, or has a member that is not.
    pub fn read(obligations: &[Obligation]) -> Result<Self, Refusal> {
        let mut duties = Self::default();
        for obligation in obligations {
            let unsupported = || Refusal::Denied("obligation_unsupported".to_owned());
            duties.add(obligation).ok_or_else(unsupported)?;
        }
        Ok(duties)
    }

    fn add(&mut self, obligation: &Obligation) -> Option<()> {
        let of = &obligation.properties;
        match (obligation.kind.as_str(), custom_name(obligation)) {
            ("step-up", _) => self.steps.push(StepUp::read(of)?),
            (_, Some("rate_limit")) => {
                only(of, &["name", "count", "seconds"])?;
                let count = of.get("count")?.as_u64().filter(|count| *count > 0)?;
                let seconds = of.get("seconds")?.as_u64();
                let seconds = seconds.filter(|s| (1..=MAX_SECONDS).contains(s))?;
                let limit = Limit { count, seconds };
                // One limit that two say is one: no call counts twice under it.
                if !self.limits.contains(&limit) {
                    self.limits.push(limit);
                }
            }
            (_, Some("narrow")) => {
                only(of, &["name", "parameters"])?;
                let parameters = of.get("parameters")?.as_object()?;
                self.narrowed.extend(parameters.iter().map(|(n, v)| (n.clone(), v.clone())));
            }
            (_, Some("redact")) => {
                only(of, &["name", "fields"])?;
                for field in of.get("fields")?.as_array()? {
                    self.redacted.push(path(field.as_str()?)?);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether this caller may make this call under them; rates and answers come later.
    ///
    /// # Errors
    /// `gateway.step_up`, `gateway.narrow`.
    pub fn check(&self, identity: &Identity, action: &Action) -> Result<(), Refusal> {
        for step in &self.steps {
            step.check(identity)?;
        }
        for (path, wanted) in &self.narrowed {
            let mut names = ["properties"].into_iter().chain(path.split('.'));
            let given = names.try_fold(action.action(), |at, name| at.get(name));
            if !given.is_some_and(|given| same(given, wanted)) {
                return Err(Refusal::Narrow(path.clone()));
            }
        }
        Ok(())
    }
}

impl StepUp {
    /// The step-ups among obligations of a denial, as far as they can be read.
    pub fn of_denial(obligations: &[Obligation]) -> impl Iterator<Item = Self> {
        let steps = obligations.iter().filter(|obligation| obligation.kind == "step-up");
        steps.filter_map(|obligation| Self::read(&obligation.properties))
    }

    fn read(of: &Json) -> Option<Self> {
        only(of, &["acr_value", "amr_values"])?;
        let word = |value: &Json| value.as_str().filter(|w| is_word(w)).map(str::to_owned);
        let acr = word(of.get("acr_value")?)?;
        let amr = match of.get("amr_values") {
            None => Vec::new(),
            Some(list) => list.as_array()?.iter().map(word).collect::<Option<_>>()?,
        };
        Some(Self { acr, amr })
    }

    /// Whether the caller's token says that its subject signed in so. A credential without claims
    /// says nothing.
    ///
    /// # Errors
    /// `gateway.step_up`.
    pub fn check(&self, identity: &Identity) -> Result<(), Refusal> {
        let acr = identity.claims.get("acr").and_then(Json::as_str);
        let amr = identity.claims.get("amr").and_then(Json::as_array).unwrap_or_default();
        let has = |method: &String| amr.iter().any(|one| one.as_str() == Some(method));
        match acr == Some(self.acr.as_str()) && self.amr.iter().all(has) {
            true => Ok(()),
            false => {
                let scheme = match identity.proof {
                    Proof::Dpop { .. } => "DPoP",
                    Proof::Bearer | Proof::Mtls { .. } => "Bearer",
                };
                Err(Refusal::StepUp(self.clone(), scheme))
            }
        }
    }
}

/// Whether a call has the value. In a query a number is a text, in its one canonical form.
fn same(given: &Json, wanted: &Json) -> bool {
    match (given, wanted) {
        (Json::String(text), Json::Number(number)) => number.with_str(|own| own == text),
        _ => given == wanted,
    }
}

/// Nothing if there is a member of another name: what it asks for nobody here would do.
fn only(of: &Json, names: &[&str]) -> Option<()> {
    of.as_object()?.iter().all(|(name, _)| names.contains(&name.as_str())).then_some(())
}

/// What can stand in the challenge's quotes.
fn is_word(text: &str) -> bool {
    (1..=1000).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// The names on the way to a member. What is returned is the resource: `resource.email`,
/// `resource.properties.email` and `email` are one. Nothing for what is no list of names, such as
/// `users[].email`: it would be the name of a member that no answer has.
fn path(field: &str) -> Option<Vec<String>> {
    let of_resource = field.strip_prefix("resource.");
    let own = of_resource.map(|own| own.strip_prefix("properties.").unwrap_or(own));
    let own = own.unwrap_or(field);
    is_path(own).then(|| own.split('.').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::json;

    fn obligation(kind: &str, properties: &str) -> Obligation {
        let properties = json::parse(properties.as_bytes()).unwrap();
        Obligation { id: "o".to_owned(), kind: kind.to_owned(), properties }
    }

    fn caller(claims: &str) -> Identity {
        let empty = Json::Object(Vec::new());
        let own = |text: &str| text.to_owned();
        Identity {
            source: own("corp"),
            kind: own("user"),
            id: own("alice"),
            properties: empty,
            client_id: None,
            proof: Proof::Bearer,
            expires: None,
            claims: json::parse(claims.as_bytes()).unwrap(),
        }
    }

    fn action(properties: &str) -> Action {
        let text = format!(
            r#"{{"subject":{{"type":"agent","id":"a"}},"resource":{{"type":"r","id":"1"}},
                "action":{{"name":"list","properties":{properties}}}}}"#
        );
        Action::from_request(&json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    // SPEC.md R-10-147.
    #[test]
    fn what_is_not_known_word_for_word_is_not_carried_out() {
        for (kind, properties) in [
            ("notification", r#"{"to":"x","body":"y"}"#),
            ("custom", r#"{"name":"watermark"}"#),
            ("custom", r#"{"fields":["a"]}"#),
            ("custom", r#"{"name":"redact","fields":"a"}"#),
            ("custom", r#"{"name":"redact","fields":["a..b"]}"#),
            ("custom", r#"{"name":"redact","fields":["users[].email"]}"#),
            ("custom", r#"{"name":"redact","fields":["$.email"]}"#),
            ("custom", r#"{"name":"redact","fields":["*.email"]}"#),
            ("custom", r#"{"name":"redact","fields":[" email"]}"#),
            ("custom", r#"{"name":"redact","fields":["resource.properties."]}"#),
            ("custom", r#"{"name":"redact","fields":["a"],"with":"*"}"#),
            ("custom", r#"{"name":"rate_limit","count":0,"seconds":60}"#),
            ("custom", r#"{"name":"rate_limit","count":1,"seconds":86401}"#),
            ("custom", r#"{"name":"rate_limit","count":1}"#),
            ("custom", r#"{"name":"rate_limit","count":1,"seconds":60,"per":"tenant"}"#),
            ("custom", r#"{"name":"narrow","parameters":[]}"#),
            ("step-up", "{}"),
            ("step-up", r#"{"acr_value":"a\" x=\"b"}"#),
            ("step-up", r#"{"acr_value":"phr","max_age":60}"#),
        ] {
            let refused = Duties::read(&[obligation(kind, properties)]).unwrap_err();
            let expected = Refusal::Denied("obligation_unsupported".to_owned());
            assert_eq!(refused, expected, "{properties}");
        }
        let all = [
            obligation("step-up", r#"{"acr_value":"phr","amr_values":["mfa"]}"#),
            obligation("custom", r#"{"name":"rate_limit","count":5,"seconds":60}"#),
            obligation("custom", r#"{"name":"narrow","parameters":{"limit":50}}"#),
            obligation("custom", r#"{"name":"redact","fields":["resource.email","a.b"]}"#),
            obligation("custom", r#"{"name":"redact","fields":["resource.properties.ssn"]}"#),
            obligation("custom", r#"{"seconds":60,"name":"rate_limit","count":5}"#),
        ];
        let duties = Duties::read(&all).unwrap();
        assert_eq!(duties.limits, [Limit { count: 5, seconds: 60 }]);
        assert_eq!(duties.redacted, [vec!["email"], vec!["a", "b"], vec!["ssn"]]);
    }

    // SPEC.md R-10-148.
    #[test]
    fn a_step_up_is_met_by_what_the_token_says_and_by_nothing_else() {
        let step = obligation("step-up", r#"{"acr_value":"phr","amr_values":["mfa","hwk"]}"#);
        let duties = Duties::read(&[step]).unwrap();
        let good = r#"{"acr":"phr","amr":["hwk","pin","mfa"]}"#;
        duties.check(&caller(good), &action("{}")).unwrap();
        for claims in [
            "{}",
            r#"{"acr":"phr"}"#,
            r#"{"acr":"phrh","amr":["mfa","hwk"]}"#,
            r#"{"acr":["phr"],"amr":["mfa","hwk"]}"#,
            r#"{"acr":"phr","amr":["mfa"]}"#,
            r#"{"acr":"phr","amr":"mfa hwk"}"#,
        ] {
            let refused = duties.check(&caller(claims), &action("{}")).unwrap_err();
            assert_eq!((refused.code(), refused.status().as_u16()), ("gateway.step_up", 401));
            assert!(matches!(refused, Refusal::StepUp(_, "Bearer")), "{refused:?}");
        }
        // The challenge has the scheme of the token.
        let keyed = Identity { proof: Proof::Dpop { jkt: "k".to_owned() }, ..caller("{}") };
        let refused = duties.check(&keyed, &action("{}")).unwrap_err();
        assert!(matches!(refused, Refusal::StepUp(_, "DPoP")), "{refused:?}");
    }

    // SPEC.md R-10-147.
    #[test]
    fn a_call_is_narrow_already_or_does_not_pass() {
        let narrow = obligation(
            "custom",
            r#"{"name":"narrow","parameters":{"limit":50,"filter.region":"eu"}}"#,
        );
        let duties = Duties::read(&[narrow]).unwrap();
        let check = |properties| duties.check(&caller("{}"), &action(properties));
        check(r#"{"limit":50,"filter":{"region":"eu"},"page":2}"#).unwrap();
        // As a query has it.
        check(r#"{"limit":"50","filter":{"region":"eu"}}"#).unwrap();
        for wide in [
            "{}",
            r#"{"limit":51,"filter":{"region":"eu"}}"#,
            r#"{"limit":"050","filter":{"region":"eu"}}"#,
            r#"{"limit":["50"],"filter":{"region":"eu"}}"#,
            r#"{"limit":50,"filter":{}}"#,
            r#"{"limit":50,"filter.region":"eu"}"#,
        ] {
            assert_eq!(check(wide).unwrap_err().code(), "gateway.narrow", "{wide}");
        }
    }
}
