//! `demo`: the whole of it on this machine, from an agent's wish to proof in a file.

mod browser;
mod children;
mod person;
mod setup;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use placet_ledger::http;
use placet_ledger::service::Ledger;
use placet_proto::action::Action;
use placet_proto::b64;
use placet_proto::json;
use placet_proto::trust::Root;
use placet_verify::escape;
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use self::children::Children;
use self::person::Person;
use super::{serve, trust as trust_command};
use crate::cli::{Demo, Passkey, Tls};
use crate::client::{Client, Task};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::{self, Folder};
use crate::output::{Output, Shown};
use crate::service::{self, Signals};
use crate::trust;

/// What the agent wants.
const ACTION: &str = r#"{
  "subject": {"type": "agent", "id": "support-bot"},
  "action": {"name": "disable_user"},
  "resource": {"type": "user", "id": "X0001"},
  "context": {"ticket": "T-1042"}
}
"#;
/// What nobody approved: one character is another.
const OTHER_RESOURCE: (&str, &str) = ("X0001", "X0002");
/// How long the closing checkpoints are waited for.
const CLOSING: Duration = Duration::from_secs(30);

/// Runs it and verifies the evidence at the end.
///
/// # Errors
/// Those of every part.
pub fn run(args: &Demo, output: &mut Output) -> Result<Exit, Failure> {
    serve::log_to_stderr("error");
    let root = root(args)?;
    let children = Children::default();
    let runtime = service::runtime()?;
    end_on_signals(&runtime, &children)?;
    let exit = tell(args, &root, &runtime, &children, output);
    children.kill();
    runtime.shutdown_background();
    exit
}

/// The folder: as given, else a new one among the temporary files.
fn root(args: &Demo) -> Result<PathBuf, Failure> {
    if let Some(dir) = &args.dir {
        setup::folder(dir)?;
        return std::fs::canonicalize(dir).map_err(Failure::io(dir));
    }
    let mut random = [0; 6];
    getrandom::fill(&mut random).map_err(|e| Failure::Start(format!("random bytes: {e}")))?;
    let dir = std::env::temp_dir().join(format!("placet-demo-{}", b64::encode_hex(random)));
    setup::folder(&dir)?;
    Ok(dir)
}

/// Ends the witnesses before the process when it is told to end.
fn end_on_signals(runtime: &Runtime, children: &Children) -> Result<(), Failure> {
    let children = children.clone();
    let _inside = runtime.enter();
    let signals = Signals::catch()?;
    runtime.spawn(async move {
        signals.arrived().await;
        children.kill();
        // 128 and the number of SIGINT, as shells report it.
        std::process::exit(130);
    });
    Ok(())
}

/// One step in plain words.
fn step(output: &mut Output, text: &str) -> Result<(), Failure> {
    match output.is_json() {
        true => output.say(text),
        false => output.write(&format!("{text}\n"))?,
    }
    Ok(())
}

fn tell(
    args: &Demo,
    root: &Path,
    runtime: &Runtime,
    children: &Children,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let began = Instant::now();
    step(output, &format!("Placet's demonstration, in {}", root.display()))?;
    let ready = setup::ready(root, runtime, children)?;
    let ledger = Arc::clone(&ready.ledger);
    describe(&ready, children, output)?;
    let routes = service::router(&ledger, ready.address, false)?;
    ledger.dir().set_address(&format!("http://{}", ready.address))?;
    let (stop, stopped) = oneshot::channel::<()>();
    let served = runtime.spawn(http::serve(ready.listener, routes, async {
        // The other end is dropped when the story ends, well or not.
        let _ = stopped.await;
    }));
    let told = story(args, root, &ledger, ready.code, output);
    drop((stop, ready.ledger));
    let closed = runtime.block_on(served);
    closed.map_err(|e| Failure::Start(format!("the service failed: {e}")))?;
    drop(ledger);
    let told = told?;
    finish(root, &told, began, output)
}

fn describe(ready: &setup::Ready, children: &Children, output: &mut Output) -> Result<(), Failure> {
    let what = if ready.code.is_some() { "made" } else { "opened again" };
    let config = ready.ledger.config();
    step(
        output,
        &format!("1. A development ledger was {what}; its page is {}", config.public_url),
    )?;
    let witnesses: Vec<String> = setup::WITNESSES
        .iter()
        .zip(&ready.witnesses)
        .zip(children.ids())
        .map(|((name, url), id)| format!("{name} ({url}, process {id})"))
        .collect();
    step(
        output,
        &format!(
            "   Its checkpoints need both witnesses {}.\n   They run on this same machine: that \
             shows the mechanism and proves nothing about the operator.",
            witnesses.join(" and ")
        ),
    )
}

/// What was told.
struct Told {
    request: String,
    credential: Vec<u8>,
    public_key: Vec<u8>,
    passkey: Passkey,
}

/// From an empty ledger to evidence in a file.
fn story(
    args: &Demo,
    root: &Path,
    ledger: &Arc<Ledger>,
    code: Option<String>,
    output: &mut Output,
) -> Result<Told, Failure> {
    let token = ledger.dir().keys().join("pep-token");
    let mut client =
        Client::new(&format!("http://{}", ledger.config().listen), &Tls::default(), Some(&token))?;
    let action_file = root.join("action.json");
    folder::write(&action_file, ACTION.as_bytes())?;
    let (from, to) = OTHER_RESOURCE;
    folder::write(&root.join("other-action.json"), ACTION.replace(from, to).as_bytes())?;
    let action = Action::from_request(&json::parse(ACTION.as_bytes()).map_err(unexpected)?)
        .map_err(unexpected)?;

    let mut person = Person::choose(args.passkey, root, ledger, code, &client, output)?;
    let Task { id: request, page, .. } = ask(&client, &action, output)?;
    let approved = person.approve(&request, &page, &mut client, output)?;
    step(output, &format!("4. {approved}"))?;
    carry_out(&client, &request, &action, output)?;
    let (bundle, open) = client.evidence(&request, Some(CLOSING))?;
    folder::write(&root.join("evidence.placet"), &bundle)?;
    let state = if open.is_empty() { "complete" } else { "NOT complete" };
    step(output, &format!("7. The evidence is {state}: evidence.placet, {} bytes", bundle.len()))?;
    let (credential, public_key) = person.key(ledger)?;
    Ok(Told { request, credential, public_key, passkey: person.passkey() })
}

/// The agent asks, is denied, and asks for an approval; gives the task.
fn ask(client: &Client, action: &Action, output: &mut Output) -> Result<Task, Failure> {
    let denied = client.evaluate(action, None)?;
    let Some(denial) = denied.denial else {
        return Err(unexpected("the policy asks for no approval of the demonstration's action"));
    };
    step(
        output,
        "3. The agent support-bot asks to disable_user X0001. The policy says: not without a \
         person.",
    )?;
    let task = client.submit(action, &denial)?;
    let code = http::action_code(&task.id, &action.digest());
    step(output, &format!("   Request {}, action code {code}\n   {}", task.id, task.page))?;
    Ok(task)
}

/// The enforcement point asks again with the approval, spends it, acts, and tells the outcome.
fn carry_out(
    client: &Client,
    request: &str,
    action: &Action,
    output: &mut Output,
) -> Result<(), Failure> {
    let approval = client.task(request)?.approval;
    if !client.evaluate(action, approval)?.permitted {
        return Err(unexpected("the policy does not permit the approved action"));
    }
    step(
        output,
        "5. The agent asks again, with the approval. The policy decides again: permitted.",
    )?;
    let (index, _) = client.consume(request, action, request)?;
    step(
        output,
        &format!(
            "   The enforcement point spends the approval, once: entry {index} of the main log.\n   \
             Then it acts, which the demonstration only pretends to."
        ),
    )?;
    client.succeeded(request, action, "a demonstration: nothing was done")?;
    step(output, "6. It records the outcome: success.")
}

fn unexpected(error: impl std::fmt::Display) -> Failure {
    Failure::refused("demo.action", error.to_string())
}

/// Writes the trust file and verifies the evidence with it, as an auditor would.
fn finish(root: &Path, told: &Told, began: Instant, output: &mut Output) -> Result<Exit, Failure> {
    let (bundle, trust_file) = (root.join("evidence.placet"), root.join("trust.json"));
    let folder = Folder::open(root)?;
    let name = Some("the demonstration's passkey".to_owned());
    let roots = vec![Root { public_key: told.public_key.clone(), name }];
    trust_command::write(&trust_file, trust::of_folder(&folder, roots, true)?)?;
    step(
        output,
        "8. trust.json confirms the passkey that this run has just seen at work, and allows \
         development evidence.\n   In earnest the auditor makes this file, and compares \
         fingerprints with their owners.\n",
    )?;
    let checked = placet_verify::check(&bundle, &trust_file, None);
    let result = checked.map_err(|why| Failure::refused("demo.verify", why))?;
    step(output, &result.text)?;
    let exit = Exit::from(result.exit);
    output.show(&Done {
        schema: "placet/demo/v1",
        dir: root.display().to_string(),
        request: told.request.clone(),
        credential: b64::encode_url(&told.credential),
        passkey: match told.passkey {
            Passkey::Browser => "browser",
            Passkey::Software => "software",
        },
        evidence: bundle.display().to_string(),
        trust: trust_file.display().to_string(),
        result: result.exit.result(),
        code: result.code,
        seconds: began.elapsed().as_secs_f64(),
    })?;
    Ok(exit)
}

/// What is left behind.
#[derive(Debug, Serialize)]
struct Done {
    schema: &'static str,
    dir: String,
    request: String,
    credential: String,
    passkey: &'static str,
    evidence: String,
    trust: String,
    result: &'static str,
    code: Option<&'static str>,
    seconds: f64,
}

impl Shown for Done {
    fn text(&self) -> String {
        let dir = escape::line(&self.dir);
        format!(
            "Done in {:.1} s. Look for yourself, offline:\n  placet-verify check {dir}/evidence.placet \
             --trust {dir}/trust.json --action {dir}/action.json\n  placet-verify check \
             {dir}/evidence.placet --trust {dir}/trust.json --action {dir}/other-action.json   \
             (FAILED: nobody approved that)\n  placet log tail --dir {dir}\n",
            self.seconds
        )
    }
}
