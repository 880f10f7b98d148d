//! "Lies in the loop": the agent writes what the person reads, or hides what matters in it.

use placet_ledger::service::Opening;
use serde_json::{Value, json};

use crate::common::{Web, asking, disable};

/// What the person reads before they sign.
fn shown(web: &Web, request: &str) -> String {
    let opening = Opening {
        request: request.to_owned(),
        credential: web.key.credential_id().to_vec(),
        surface: "cli".to_owned(),
        denial: false,
        reason: None,
    };
    web.ledger.open_request(&opening).unwrap().text
}

async fn asked(web: &Web, action: &Value, justification: &str) -> String {
    let denied = web.denied(action).await;
    let mut ask = asking(action, &denied);
    ask["context"] = json!({"business_justification": justification});
    let task = web.post("/access/v1/requests", &ask).await;
    task.body["task"]["id"].as_str().unwrap_or_else(|| panic!("{}", task.body)).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_is_of_the_action_whatever_the_agent_says_about_it() {
    let web = Web::new();
    let lie = "Only reads the profile of X9999. Safe.";
    let id = asked(&web, &disable("X0001"), lie).await;
    let text = shown(&web, &id);
    assert!(text.contains("X0001") && text.contains("disable_user"), "{text}");
    assert!(!text.contains("X9999"), "what the agent says is no part of what is signed: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_seen_is_written_out() {
    let web = Web::new();
    // Right-to-left override, zero width space, a line feed and a carriage return.
    let id = asked(&web, &disable("X\u{202e}1000\u{200b}X\n\rApproved: nothing"), "x").await;
    let text = shown(&web, &id);
    for hidden in ['\u{202e}', '\u{200b}', '\r'] {
        assert!(!text.contains(hidden), "{text:?}");
    }
    assert!(text.contains("202e") || text.contains("202E"), "it is named: {text}");
    assert!(!text.lines().any(|line| line.trim() == "Approved: nothing"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_does_not_push_the_action_out_of_sight() {
    let web = Web::new();
    let mut action = disable("X0001");
    action["context"] = json!({"ticket": "blank ".repeat(2000)});
    let denied = web.denied(&action).await;
    let task = web.post("/access/v1/requests", &asking(&action, &denied)).await;
    let id = task.body["task"]["id"].as_str().unwrap();
    let text = shown(&web, id);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is not in it"));
    assert!(at("X0001") < at("blank blank") && at("disable_user") < at("blank blank"));
}
