//! The body of an access request (ARAP, "Access Request Submission"), read.
//!
//! Members that the profile does not know are ignored where it lets others add some; what it does
//! know has the type that it says.

use placet_ledger::http::problem::Fault;
use placet_ledger::service::carried::MAX_ASKED;
use placet_proto::action::Action;
use placet_proto::jcs;
use placet_proto::json::Json;
use placet_proto::time::{Fraction, UnixSeconds};

use super::problems::bad_binding;
use super::store::Callback;

/// Most items of a bundle.
pub const MAX_ITEMS: usize = 16;
/// Longest URL or value of a callback, in bytes.
const MAX_CALLBACK: usize = 2048;
/// What a callback can be about.
const EVENTS: [&str; 6] = ["approved", "denied", "expired", "cancelled", "failed", "partial"];

/// A submission.
pub struct Submission {
    /// One action, or those of a bundle in their order.
    pub items: Vec<Item>,
    /// Whether it has `items`.
    pub bundle: bool,
    /// `client`.
    pub client: Option<Json>,
    /// Whom to call back.
    pub callback: Option<Callback>,
}

/// An action that is asked for.
pub struct Item {
    /// The action as submitted, with what the submission adds to its context.
    pub action: Action,
    /// What binds it to a denial.
    pub denial: Denial,
    /// `requested_access`: for the people who decide; it decides nothing.
    pub requested: Option<Json>,
}

/// `denial`: what the decision point said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// `evaluation_id`.
    pub evaluation_id: Option<String>,
    /// `binding_token`.
    pub binding_token: Option<String>,
    /// `expires_at`, as it was echoed.
    pub expires_at: Option<String>,
}

impl Submission {
    /// Reads a body.
    ///
    /// # Errors
    /// 400 for what is not a submission; `invalid_denial_binding` for one without a denial.
    pub fn read(body: &Json) -> Result<Self, Fault> {
        let client = checked_client(body)?;
        let callback = body.get("callback").map(read_callback).transpose()?;
        let requested = checked_requested(body)?;
        let top = body.get("denial").map(Denial::read).transpose()?;
        let Some(items) = body.get("items") else {
            let denial = top.ok_or_else(|| bad_binding("`denial` is missing"))?;
            let item = Item { action: action(body)?, denial, requested };
            return Ok(Self { items: vec![item], bundle: false, client, callback });
        };
        if body.get("resource").is_some() || body.get("action").is_some() {
            return Err(Fault::bad_request("`items` takes the place of `resource` and `action`"));
        }
        let given = items.as_array().filter(|i| (1..=MAX_ITEMS).contains(&i.len()));
        let given = given
            .ok_or_else(|| Fault::bad_request(format!("`items` is a list of 1 to {MAX_ITEMS}")))?;
        let item = |item: &Json| -> Result<Item, Fault> {
            let part = |name: &str| item.get(name).cloned().unwrap_or(Json::Null);
            let mut whole =
                Json::object([("resource", part("resource")), ("action", part("action"))]);
            for name in ["subject", "context"] {
                if let Some(value) = body.get(name) {
                    whole.insert(name, value.clone());
                }
            }
            let own = item.get("denial").map(Denial::read).transpose()?;
            // A denial of one evaluation covers one item; a bundle of several needs one for each.
            let denial = own.or_else(|| top.clone().filter(|_| given.len() == 1));
            let denial = denial.ok_or_else(|| bad_binding("a denial does not cover every item"))?;
            let requested = merged(requested.as_ref(), checked_requested(item)?);
            Ok(Item { action: action(&whole)?, denial, requested })
        };
        let items = given.iter().map(item).collect::<Result<_, _>>()?;
        Ok(Self { items, bundle: true, client, callback })
    }

    /// What an item says beside the action that was denied, as canonical JSON for the pages.
    ///
    /// # Errors
    /// 400 beyond 16 KiB.
    pub fn asked(&self, item: &Item, denied: &Action) -> Result<Option<String>, Fault> {
        let known = denied.context();
        let mut more = item.action.context();
        for (name, _) in known.as_object().unwrap_or_default() {
            more.remove(name);
        }
        let more = Some(more).filter(|m| m.as_object().is_some_and(|m| !m.is_empty()));
        let mut asked = Json::Object(Vec::new());
        let parts =
            [("client", &self.client), ("context", &more), ("requested_access", &item.requested)];
        for (name, value) in parts {
            if let Some(value) = value {
                asked.insert(name, value.clone());
            }
        }
        let text = jcs::to_string(&asked);
        match text.len() {
            2 => Ok(None),
            0..=MAX_ASKED => Ok(Some(text)),
            _ => Err(Fault::bad_request("a submission adds at most 16 KiB to its action")),
        }
    }
}

impl Denial {
    fn read(value: &Json) -> Result<Self, Fault> {
        if value.as_object().is_none() {
            return Err(bad_binding("`denial` is not an object"));
        }
        let member = |name: &str| match value.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(bad_binding(&format!("`denial.{name}` is not a string"))),
        };
        for name in ["evaluated_at", "reason", "template"] {
            member(name)?;
        }
        Ok(Self {
            evaluation_id: member("evaluation_id")?,
            binding_token: member("binding_token")?,
            expires_at: member("expires_at")?,
        })
    }
}

fn action(value: &Json) -> Result<Action, Fault> {
    Action::from_request(value).map_err(|e| Fault::bad_request(e.to_string()))
}

fn checked_requested(of: &Json) -> Result<Option<Json>, Fault> {
    let Some(requested) = of.get("requested_access") else { return Ok(None) };
    if requested.as_object().is_none() {
        return Err(Fault::bad_request("`requested_access` is an object"));
    }
    if let Some(until) = requested.get("requested_until") {
        let text = until.as_str().unwrap_or_default();
        UnixSeconds::parse_tolerant(text, Fraction::Truncate)
            .map_err(|_| Fault::bad_request("`requested_until` is an RFC 3339 time stamp"))?;
    }
    if requested.get("emergency").is_some_and(|e| e.as_bool().is_none()) {
        return Err(Fault::bad_request("`emergency` is true or false"));
    }
    Ok(Some(requested.clone()))
}

/// An item's own members take precedence (ARAP, `items`).
fn merged(all: Option<&Json>, own: Option<Json>) -> Option<Json> {
    let (Some(all), Some(own)) = (all, &own) else { return own.or_else(|| all.cloned()) };
    let mut out = all.clone();
    for (name, value) in own.as_object().unwrap_or_default() {
        out.insert(name.clone(), value.clone());
    }
    Some(out)
}

fn checked_client(body: &Json) -> Result<Option<Json>, Fault> {
    let Some(client) = body.get("client") else { return Ok(None) };
    let bad = |what: &str| Err(Fault::bad_request(format!("`client{what}` has the wrong type")));
    let text = |of: &Json, name: &str| of.get(name).is_none_or(|v| v.as_str().is_some());
    if client.as_object().is_none() || !text(client, "id") || !text(client, "name") {
        return bad("");
    }
    if let Some(actor) = client.get("actor") {
        let nested = actor.get("act").is_none_or(|act| act.as_object().is_some());
        let id = actor.get("id").is_some_and(|id| id.as_str().is_some());
        if !id || !nested || !text(actor, "issuer") || !text(actor, "type") {
            return bad(".actor");
        }
    }
    if let Some(source) = client.get("source") {
        let known = ["session_id", "external_url", "integration_id"];
        if source.as_object().is_none() || !known.iter().all(|name| text(source, name)) {
            return bad(".source");
        }
    }
    Ok(Some(client.clone()))
}

fn read_callback(value: &Json) -> Result<Callback, Fault> {
    let endpoint = value.get("endpoint").and_then(Json::as_str);
    let endpoint = endpoint.filter(|e| (1..=MAX_CALLBACK).contains(&e.len()));
    let endpoint =
        endpoint.ok_or_else(|| Fault::bad_request("`callback.endpoint` is a URL"))?.to_owned();
    let state = value.get("state").map(jcs::to_string);
    if state.as_ref().is_some_and(|s| s.len() > MAX_CALLBACK) {
        return Err(Fault::bad_request("`callback.state` is longer than 2048 bytes"));
    }
    let events = match value.get("events") {
        None => None,
        Some(list) => {
            let names = list.as_array().unwrap_or_default().iter().map(Json::as_str);
            let names: Option<Vec<&str>> = names.collect();
            let names = names.filter(|n| !n.is_empty() && n.iter().all(|n| EVENTS.contains(n)));
            let names = names.ok_or_else(|| {
                Fault::bad_request(format!("`callback.events` is a list of {}", EVENTS.join(", ")))
            })?;
            Some(names.join(" "))
        }
    };
    Ok(Callback { endpoint, state, events })
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::json;

    fn read(text: &str) -> Result<Submission, Fault> {
        Submission::read(&json::parse(text.as_bytes()).unwrap())
    }

    /// The example of the profile's section "Access Request Submission".
    const SINGLE: &str = r#"{
        "subject": {"type": "user", "id": "alice@example.com"},
        "resource": {"type": "document", "id": "q4-plan"},
        "action": {"name": "can_read"},
        "context": {"business_justification": "Needed for customer renewal review"},
        "requested_access": {"requested_until": "2026-05-01T00:15:00Z"},
        "denial": {
            "evaluation_id": "eval_01HX4Y2P8BQ4Y3F0V0K9D6Z7M1",
            "evaluated_at": "2026-04-30T20:15:00Z",
            "expires_at": "2026-04-30T20:25:00Z",
            "reason": "approval_required",
            "binding_token": "eyJhbGciOiJFUzI1NiJ9.e30.bXBfc2lnbmF0dXJl",
            "template": "manager_approval"
        }
    }"#;

    #[test]
    fn the_profiles_single_example_is_read() {
        let submission = read(SINGLE).unwrap();
        assert!(!submission.bundle && submission.callback.is_none());
        let [item] = submission.items.as_slice() else { panic!("one item") };
        let denial = &item.denial;
        assert_eq!(denial.evaluation_id.as_deref(), Some("eval_01HX4Y2P8BQ4Y3F0V0K9D6Z7M1"));
        assert_eq!(denial.expires_at.as_deref(), Some("2026-04-30T20:25:00Z"));
        let bare = SINGLE.replace("\"business_justification\"", "\"tenant\"");
        let denied = read(&bare).unwrap().items.remove(0).action;
        // The denied context lacks it: it is what the submission adds.
        assert_eq!(
            submission.asked(item, &denied).unwrap().unwrap(),
            r#"{"context":{"business_justification":"Needed for customer renewal review"},"requested_access":{"requested_until":"2026-05-01T00:15:00Z"}}"#
        );
        let long = SINGLE.replace("Needed", &"x".repeat(MAX_ASKED));
        let long = read(&long).unwrap();
        assert!(long.asked(&long.items[0], &denied).is_err());
    }

    /// After the profile's bulk example, each item with a denial of its own.
    const BULK: &str = r#"{
        "subject": {"type": "user", "id": "alice@example.com"},
        "items": [
            {"resource": {"type": "document", "id": "q4-plan"}, "action": {"name": "can_read"},
             "denial": {"evaluation_id": "a", "expires_at": "2026-04-30T20:25:00Z"},
             "requested_access": {"emergency": true}},
            {"resource": {"type": "channel", "id": "engineering"}, "action": {"name": "can_post"},
             "denial": {"evaluation_id": "b", "expires_at": "2026-04-30T20:25:00Z"}}
        ],
        "requested_access": {"requested_until": "2026-05-14T20:15:00Z", "emergency": false},
        "callback": {"endpoint": "https://agents.example.com/cb", "state": {"n": 1},
                     "events": ["approved", "denied", "expired"]},
        "client": {"id": "renewal_assistant", "actor": {"id": "agent_v3", "type": "ai_agent"},
                   "source": {"session_id": "s"}, "more": 1}
    }"#;

    #[test]
    fn a_bundle_has_one_denial_for_each_item() {
        let submission = read(BULK).unwrap();
        assert!(submission.bundle);
        assert_eq!(submission.items.len(), 2);
        let emergency =
            |n: usize| submission.items[n].requested.as_ref().unwrap().get("emergency").cloned();
        assert_eq!((emergency(0), emergency(1)), (Some(true.into()), Some(false.into())));
        let callback = submission.callback.unwrap();
        assert_eq!(callback.state.as_deref(), Some(r#"{"n":1}"#));
        assert_eq!(callback.events.as_deref(), Some("approved denied expired"));
        let one_denial = BULK
            .replace(
                r#""denial": {"evaluation_id": "b", "expires_at": "2026-04-30T20:25:00Z"}"#,
                r#""x": 1"#,
            )
            .replace(r#""client""#, r#""denial": {"evaluation_id": "b"}, "client""#);
        let fault = read(&one_denial).err().unwrap();
        assert_eq!(fault.code, "arap.invalid_denial_binding");
    }

    #[test]
    fn what_has_another_type_is_refused() {
        for (from, to) in [
            (r#""requested_until": "2026-05-14T20:15:00Z""#, r#""requested_until": 1"#),
            (r#""emergency": false"#, r#""emergency": "no""#),
            (r#""id": "agent_v3""#, r#""id": 3"#),
            (r#""session_id": "s""#, r#""session_id": []"#),
            (r#""id": "renewal_assistant""#, r#""id": {}"#),
            (r#"["approved", "denied", "expired"]"#, r#"["opened"]"#),
            (r#"["approved", "denied", "expired"]"#, "[]"),
            (r#""endpoint": "https://agents.example.com/cb""#, r#""endpoint": """#),
            (r#""subject":"#, r#""resource": {"type": "a", "id": "b"}, "subject":"#),
            (r#""name": "can_post""#, r#""name": """#),
            (r#""subject":"#, r#""subjekt":"#),
        ] {
            assert_ne!(BULK.replace(from, to), BULK, "{from}");
            let fault = read(&BULK.replace(from, to)).err().unwrap_or_else(|| panic!("{to}"));
            assert_eq!(fault.status.as_u16(), 400, "{to}");
        }
        for (from, to) in [
            (r#""denial": {"#, r#""denyal": {"#),
            (r#""evaluation_id": "eval_01HX4Y2P8BQ4Y3F0V0K9D6Z7M1""#, r#""evaluation_id": 1"#),
            (r#""template": "manager_approval""#, r#""template": []"#),
        ] {
            let fault = read(&SINGLE.replace(from, to)).err().unwrap();
            assert_eq!(fault.code, "arap.invalid_denial_binding", "{to}");
        }
        let many = format!("[{}]", vec!["{}"; MAX_ITEMS + 1].join(","));
        for items in ["[]", "1", &many] {
            assert!(read(&format!(r#"{{"subject":{{}},"items":{items}}}"#)).is_err());
        }
    }
}
