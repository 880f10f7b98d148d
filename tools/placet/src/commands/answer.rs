//! `approve` and `deny`: a person's answer by a software passkey, in a terminal.

use placet_proto::json::Json;
use placet_softkey::SoftKey;
use placet_verify::escape;
use serde::Serialize;

use crate::cli::Answer;
use crate::client::{Client, text};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown, confirmed, lines};

/// Answers a request, or lists those that wait.
///
/// # Errors
/// Those of the key file, the terminal and the service.
pub fn run(args: &Answer, denial: bool, output: &mut Output) -> Result<Exit, Failure> {
    let mut client =
        Client::new(&args.remote.url, &args.remote.tls, args.remote.token_file.as_deref())?;
    let mut key = args.key.as_deref().map(SoftKey::load).transpose()?;
    if let (Some(key), Some(path)) = (&mut key, &args.key) {
        client.sign_in(key)?;
        // Its counter has moved on, whatever follows.
        key.save(path)?;
    }
    let Some(request) = &args.request else {
        let waiting = client.waiting()?;
        output.show(&Waiting::of(&waiting)?)?;
        return Ok(Exit::Done);
    };
    let (Some(path), Some(mut key)) = (&args.key, key) else {
        let page = format!("{}/approve/{request}", args.remote.url.trim_end_matches('/'));
        let detail = format!("--key SOFTKEY is needed; or answer with a passkey at {page}");
        return Err(Failure::Usage(detail));
    };
    if args.reason.is_some() && !denial {
        return Err(Failure::Usage("--reason is for deny".to_owned()));
    }
    let to_sign = client.open(request, &key, denial, args.reason.as_deref())?;
    // Exactly the text that the document commits to; the client has compared its hash.
    output.say(&lines(&to_sign.text));
    let verb = if denial { "Deny" } else { "Approve" };
    if !args.yes && !confirmed(&format!("{verb} exactly this? [y/N] "))? {
        return Err(Failure::refused("answer.declined", "nothing was signed"));
    }
    let answered = client.answer(request, &to_sign, &mut key)?;
    key.save(path)?;
    output.show(&Answered {
        schema: "placet/answer/v1",
        request: request.clone(),
        kind: if denial { "denial" } else { "approval" },
        state: text(&answered, &["state"])?,
        document_sha256: placet_proto::b64::encode_hex(to_sign.document.sha256()),
        entry: text(&answered, &["entry"])?,
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Answered {
    schema: &'static str,
    request: String,
    kind: &'static str,
    state: String,
    document_sha256: String,
    entry: String,
}

impl Shown for Answered {
    fn text(&self) -> String {
        let Self { kind, request, state, document_sha256, entry, .. } = self;
        format!(
            "Recorded the {kind} of {request}; the request is {}\n  document  {document_sha256}\n  \
             entry     {}\n",
            escape::line(state),
            escape::line(entry)
        )
    }
}

#[derive(Debug, Serialize)]
struct Waiting {
    schema: &'static str,
    requests: Vec<WaitingRequest>,
}

#[derive(Debug, Serialize)]
struct WaitingRequest {
    request: String,
    action_code: String,
    not_after: String,
    /// Canonical JSON, the agent's words.
    action: String,
}

impl Waiting {
    fn of(list: &[Json]) -> Result<Self, Failure> {
        let one = |view: &Json| {
            Ok(WaitingRequest {
                request: text(view, &["request"])?,
                action_code: text(view, &["action_code"])?,
                not_after: text(view, &["not_after"])?,
                action: view.get("action").map(placet_proto::jcs::to_string).unwrap_or_default(),
            })
        };
        let requests = list.iter().map(one).collect::<Result<_, Failure>>()?;
        Ok(Self { schema: "placet/waiting/v1", requests })
    }
}

impl Shown for Waiting {
    fn text(&self) -> String {
        if self.requests.is_empty() {
            return "Nothing waits for an answer.\n".to_owned();
        }
        let one = |r: &WaitingRequest| {
            let (code, until) = (escape::line(&r.action_code), escape::line(&r.not_after));
            let action = escape::json(&r.action);
            format!("{}  {code}  until {until}\n  {action}\n", escape::line(&r.request))
        };
        self.requests.iter().map(one).collect()
    }
}
