//! A tool call that a person has to approve: asks, waits, runs what was approved, once, and records
//! how it ended.
//!
//! ```text
//! placet demo                      # a ledger with a policy that asks for approvals
//! cargo run --example enforce -- http://localhost:8420 DIR/keys/pep-token X0001
//! ```

use std::error::Error;
use std::time::Duration;

use placet_pep::enforce::{Enforcer, Intent, Remote, RemoteConfig};
use placet_proto::action::Action;
use placet_proto::json::{self, Json};

/// How long a person has to answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// Disables a user, if the ledger at `url` and the persons that its policy asks for permit it.
pub async fn disable_user(url: &str, token_file: &str, user: &str) -> Result<(), Box<dyn Error>> {
    let (url, token_file) = (url.to_owned(), Some(token_file.into()));
    let ledger = Remote::new(&RemoteConfig { url, token_file, ..RemoteConfig::default() })?;
    let mut action = json::parse(
        br#"{"subject": {"type": "agent", "id": "support-bot"}, "action": {"name": "disable_user"}}"#,
    )?;
    action.insert("resource", Json::object([("type", Json::from("user")), ("id", user.into())]));
    let intent = Intent::new(Action::from_request(&action)?);

    let ran = Enforcer::new(ledger).enforce(intent, PATIENCE, call_the_tool).await?;
    // The tool ran. What follows is about what it gave, and about the record of that.
    ran.recorded?;
    Ok(ran.output?)
}

/// Gets exactly the action that was approved.
async fn call_the_tool(intent: Intent) -> Result<(), std::io::Error> {
    println!("disabled {}", intent.action().resource_ref().1);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token_file, user] = arguments.as_slice() else {
        return Err("arguments: URL TOKEN-FILE USER".into());
    };
    disable_user(url, token_file, user).await
}
