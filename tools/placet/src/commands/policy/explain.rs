//! `policy explain`: which policy decided a past decision, and whether it would decide the same.
//!
//! The policy is that of the decision's manifest hash, the action the recorded one, the approvals
//! those that counted then, with the age that they had then. The present clock plays no part.

use std::collections::BTreeMap;

use placet_ledger::service::render;
use placet_pep::cedar::PolicyText;
use placet_pep::policy::PolicyFiles;
use placet_pep::replay::{Compared, Replay, approvals_then, replay};
use placet_proto::b64;
use placet_proto::document::{Decision, Digest};
use placet_verify::escape;
use serde::Serialize;

use super::recorded::{Recorded, names_a_decision};
use super::source::Source;
use crate::cli::PolicyExplain;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown, value};

/// Explains the decisions about a request, or one decision.
///
/// # Errors
/// `usage`, `request.unknown`, and those of the evidence, the folder or the service.
pub fn run(args: &PolicyExplain, output: &mut Output) -> Result<Exit, Failure> {
    if args.about.as_deref().is_some_and(|about| !names_a_decision(about)) {
        let text = "give a request, which is a lowercase UUIDv4, or an index of the main log";
        return Err(Failure::Usage(text.to_owned()));
    }
    let source = Source::open(&args.from)?;
    let recorded = match (&args.evidence, &source, args.about.as_deref()) {
        (Some(path), _, about) => Recorded::of_bundle(path, about)?,
        (None, Some(source), Some(about)) => Recorded::of_ledger(source, about)?,
        (None, Some(_), None) => {
            return Err(Failure::Usage("REQUEST is needed, or --evidence".to_owned()));
        }
        (None, None, _) => {
            return Err(Failure::Usage("--evidence, --dir or --url is needed".to_owned()));
        }
    };
    let mut policies = Policies::new(args, source.as_ref())?;
    let dev = match (recorded.dev, &source) {
        (Some(dev), _) => dev,
        (None, Some(source)) => source.is_dev()?,
        (None, None) => false,
    };
    let mut decisions = Vec::new();
    for (index, decision) in &recorded.decisions {
        let one = args.about.as_deref().and_then(|about| about.parse::<u64>().ok());
        let is_decision = one.is_some_and(|one| recorded.decisions.contains_key(&one));
        if is_decision && one != Some(*index) {
            continue;
        }
        let outcome = repeat(&recorded, *index, decision, &mut policies, dev)?;
        decisions.push(Explained::of(*index, decision, outcome));
    }
    let explained = Explanation {
        schema: "placet/policy-explain/v1",
        result: worst(&decisions, &recorded),
        decisions,
        erased: recorded.erased,
    };
    let exit = match explained.result {
        Found::Same => Exit::Done,
        Found::Different => Exit::Refused,
        Found::Missing => Exit::Open,
    };
    output.show(&explained)?;
    Ok(exit)
}

/// What came of deciding again: a comparison, or what was missing for it.
type Outcome = Result<Replay, String>;

fn repeat(
    recorded: &Recorded,
    index: u64,
    decision: &Decision,
    policies: &mut Policies<'_>,
    dev: bool,
) -> Result<Outcome, Failure> {
    let files = match policies.of(recorded, decision)? {
        Ok(files) => files,
        Err(missing) => return Ok(Err(missing)),
    };
    let stated = match recorded.counted(index, decision) {
        Ok(stated) => stated,
        Err(approval) => {
            return Ok(Err(format!("the approval at {approval} of the main log is not here")));
        }
    };
    let approval = approvals_then(decision, &stated);
    Ok(replay(&files, decision, approval.as_ref(), dev).map_err(|error| {
        format!("this program can't arm the policy of then ({}): {error}", error.code())
    }))
}

/// The policies that decisions name, by their manifests.
struct Policies<'s> {
    given: Option<PolicyFiles>,
    source: Option<&'s Source>,
    read: BTreeMap<Digest, PolicyFiles>,
}

impl<'s> Policies<'s> {
    fn new(args: &PolicyExplain, source: Option<&'s Source>) -> Result<Self, Failure> {
        let given = args.policy.as_deref().map(PolicyFiles::read).transpose()?;
        Ok(Self { given, source, read: BTreeMap::new() })
    }

    /// The files of the policy that decided; `Err`: what is missing.
    fn of(
        &mut self,
        recorded: &Recorded,
        decision: &Decision,
    ) -> Result<Result<PolicyFiles, String>, Failure> {
        let wanted = decision.policy.manifest;
        if let Some(files) = self.read.get(&wanted) {
            return Ok(Ok(files.clone()));
        }
        let found = match (&self.given, self.source) {
            (Some(files), _) if files.manifest_hash() == wanted => Ok(files.clone()),
            (Some(files), None) => Err(format!(
                "the folder is another policy, {}: the decision names {}",
                b64::encode_hex(files.manifest_hash()),
                b64::encode_hex(wanted)
            )),
            (_, Some(source)) => stored(source, recorded, decision)?,
            (None, None) => Err(format!(
                "the files of policy {}: give --policy FOLDER, or the ledger by --dir or --url",
                b64::encode_hex(wanted)
            )),
        };
        if let Ok(files) = &found {
            self.read.insert(wanted, files.clone());
        }
        Ok(found)
    }
}

/// The files that the ledger keeps.
fn stored(
    source: &Source,
    recorded: &Recorded,
    decision: &Decision,
) -> Result<Result<PolicyFiles, String>, Failure> {
    let named = &decision.policy;
    let told = match recorded.policies.get(&named.index) {
        Some((manifest, files)) => Some((*manifest, files.clone())),
        None => source.entry(named.index)?.map(|entry| (entry.manifest, entry.files)),
    };
    let files = match told {
        Some((manifest, files)) if manifest == named.manifest => files,
        _ => {
            let text = format!("no policy at {} of the governance log is the one", named.index);
            return Ok(Err(text));
        }
    };
    let found = source.files(&files)?;
    Ok(found.map_err(|missing| format!("files that are not kept: {}", missing.join(", "))))
}

/// The result for all of it: a difference outweighs what is missing, and nothing explained is no
/// success.
fn worst(decisions: &[Explained], recorded: &Recorded) -> Found {
    let any = |found| decisions.iter().any(|decision| decision.result == found);
    match () {
        () if any(Found::Different) => Found::Different,
        () if any(Found::Missing) || decisions.is_empty() => Found::Missing,
        () if !recorded.erased.is_empty() => Found::Missing,
        () => Found::Same,
    }
}

/// How a decision stands to its repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Found {
    Same,
    Different,
    Missing,
}

#[derive(Debug, Serialize)]
struct Explanation {
    schema: &'static str,
    result: Found,
    decisions: Vec<Explained>,
    /// Statements about it that were erased.
    erased: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct Explained {
    index: u64,
    request: String,
    /// The ledger's claim.
    at: String,
    action: serde_json::Value,
    action_digest: String,
    policy_index: u64,
    manifest: String,
    approvals: usize,
    recorded: Words,
    /// Absent where something was missing.
    now: Option<Words>,
    engine: Option<String>,
    errors: Vec<String>,
    policies: Vec<Policy>,
    result: Found,
    /// What was missing, or what has to be said of the result.
    note: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Words {
    decision: &'static str,
    reason: String,
    determining: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Policy {
    id: String,
    place: String,
    effect: &'static str,
    reason: Option<String>,
    annotations: BTreeMap<String, String>,
    text: String,
}

impl From<PolicyText> for Policy {
    fn from(of: PolicyText) -> Self {
        let annotations: BTreeMap<String, String> = of.annotations.into_iter().collect();
        Self {
            id: of.name,
            place: of.place,
            effect: if of.permits { "permit" } else { "forbid" },
            reason: annotations.get("reason").cloned(),
            annotations,
            text: of.text,
        }
    }
}

impl Explained {
    fn of(index: u64, decision: &Decision, outcome: Outcome) -> Self {
        let action = decision.action.to_json();
        let recorded = Words {
            decision: decision.decision.name(),
            reason: decision.reason.clone(),
            determining: decision.determining.clone(),
        };
        let mut out = Self {
            index,
            request: decision.request.clone(),
            at: decision.at.to_string(),
            action: value(&action),
            action_digest: b64::encode_hex(decision.action.digest()),
            policy_index: decision.policy.index,
            manifest: b64::encode_hex(decision.policy.manifest),
            approvals: decision.approvals.len(),
            recorded,
            now: None,
            engine: None,
            errors: Vec::new(),
            policies: Vec::new(),
            result: Found::Missing,
            note: None,
        };
        match outcome {
            Err(missing) => out.note = Some(missing),
            Ok(replay) => out.compared(replay),
        }
        out
    }

    fn compared(&mut self, replay: Replay) {
        (self.result, self.note) = match replay.result {
            Compared::Same => (Found::Same, None),
            Compared::SameButRoster => {
                let text = "the policies asked for approval; that too few persons could give it \
                            then was the roster's doing";
                (Found::Same, Some(text.to_owned()))
            }
            Compared::SameButForeign => {
                let text = "a foreign decision point did not agree, which denies whatever the \
                            policies say";
                (Found::Same, Some(text.to_owned()))
            }
            Compared::Different => {
                let text = format!(
                    "decided again with {}: the record does not say which version decided then, \
                     nor what the service knew beside it",
                    replay.engine
                );
                (Found::Different, Some(text))
            }
            Compared::Unrepeatable => {
                let text = "no policy decided, but what the record does not hold: an approval \
                            that was brought and did not count, a session that could not be \
                            counted, or what the enforcement point can't do";
                (Found::Missing, Some(text.to_owned()))
            }
        };
        self.now = Some(Words {
            decision: replay.now.name(),
            reason: replay.reason.to_owned(),
            determining: replay.determining,
        });
        self.engine = Some(replay.engine);
        self.errors = replay.errors;
        self.policies = replay.policies.into_iter().map(Policy::from).collect();
    }
}

impl Shown for Explanation {
    fn text(&self) -> String {
        let mut out =
            "NOT VERIFIED: as it was recorded; placet-verify checks evidence\n".to_owned();
        for decision in &self.decisions {
            out.push_str(&decision.text());
        }
        for index in &self.erased {
            out.push_str(&format!("Statement {index} of the main log was erased\n"));
        }
        if self.decisions.is_empty() {
            out.push_str("No decision is here that could be explained\n");
        }
        out
    }
}

impl Explained {
    fn text(&self) -> String {
        let of = |path: &[&str]| {
            let found = path.iter().try_fold(&self.action, |value, name| value.get(name));
            escape::line(found.and_then(serde_json::Value::as_str).unwrap_or("-"))
        };
        let mut out = format!(
            "Decision {} of the main log, {}\n  request    {}\n  action     {} by {} {} on {} {}\n  \
             policy     entry {} of the governance log, manifest {}\n  recorded   {}\n",
            self.index,
            escape::line(&self.at),
            self.request,
            of(&["action", "name"]),
            of(&["subject", "type"]),
            of(&["subject", "id"]),
            of(&["resource", "type"]),
            of(&["resource", "id"]),
            self.policy_index,
            self.manifest,
            self.recorded.text(),
        );
        if self.approvals > 0 {
            out.push_str(&format!("  approvals  {}, with the age that they had\n", self.approvals));
        }
        for policy in &self.policies {
            out.push_str(&policy.text());
        }
        if let (Some(now), Some(engine)) = (&self.now, &self.engine) {
            let engine = escape::line(engine);
            out.push_str(&format!("  again      {}, by {engine}\n", now.text()));
        }
        for error in &self.errors {
            out.push_str(&format!("  error      {}\n", escape::line(error)));
        }
        let result = match self.result {
            Found::Same => "the same",
            Found::Different => "DIFFERENT",
            Found::Missing => "NOT REPEATED",
        };
        let note = self.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        out.push_str(&format!("  result     {result}{}\n", escape::line(&note)));
        out
    }
}

impl Words {
    fn text(&self) -> String {
        let by = match self.determining.as_slice() {
            [] => "no policy".to_owned(),
            policies => policies.join(", "),
        };
        escape::line(&format!("{}, {}, by {by}", self.decision, self.reason))
    }
}

impl Policy {
    fn text(&self) -> String {
        let mut out =
            format!("  decided by {}  {}\n", escape::line(&self.id), escape::line(&self.place));
        for line in self.text.lines() {
            out.push_str(&format!("      {}\n", render::reveal(line)));
        }
        out
    }
}
