//! The tables of a mapping that are about more than names: `[session]` and `[pdp]`.

use std::collections::BTreeMap;

use cedar_policy::Schema;
use placet_proto::json::Json;

use super::super::{
    obligations::seconds,
    types::{Record, Type, Types},
};
use super::tables::Tables;
use crate::{
    policy::PolicyError,
    remote::{RemoteRule, identifier},
    session::{COUNTS, MAX_VOLUMES, MAX_WINDOW_S, SessionRule, Source},
};

/// The window where none is given, in seconds.
const WINDOW_S: u64 = 600;
/// The time that a foreign decision point has where nothing is said, in milliseconds.
const TIMEOUT_MS: u64 = 1000;
/// The longest name, in bytes.
const MAX_NAME: usize = 64;

impl Tables<'_> {
    /// `[session]`.
    pub(super) fn session(&self) -> Result<Option<SessionRule>, PolicyError> {
        let Some(table) = self.file.get("session") else { return Ok(None) };
        self.refuse_unknown(table, &["id", "window", "volumes"])?;
        let member = match table.get("id") {
            None => "session_id".to_owned(),
            // One session for each initiator, whatever a request says.
            Some(_) if self.string(table, "id")?.is_empty() => String::new(),
            Some(_) => self.name(self.string(table, "id")?)?,
        };
        let window_s = match table.get("window") {
            None => WINDOW_S,
            Some(_) => {
                let text = self.string(table, "window")?;
                let fits = |s: &u64| (1..=MAX_WINDOW_S).contains(s);
                seconds(text).filter(fits).ok_or_else(|| {
                    self.fault(format!("session.window {text:?} is not like \"10m\", up to 24h"))
                })?
            }
        };
        let mut volumes = BTreeMap::new();
        let given = table.get("volumes");
        let members = match given {
            None => &[],
            Some(given) => given
                .as_object()
                .ok_or_else(|| self.fault("session.volumes is a table of names"))?,
        };
        for (name, source) in members {
            let name = self.name(name)?;
            let source = source.as_str().and_then(|text| self.source(text));
            let wrong =
                || self.fault(format!("session.volumes.{name}: action.NAME or context.NAME"));
            let source = source.ok_or_else(wrong)?;
            if COUNTS.contains(&name.as_str()) {
                return Err(self.fault(format!("session.volumes.{name} is the name of a count")));
            }
            volumes.insert(name, source);
        }
        if volumes.len() > MAX_VOLUMES {
            return Err(self.fault(format!("more than {MAX_VOLUMES} volumes")));
        }
        Ok(Some(SessionRule { member, window_s, volumes }))
    }

    /// `[pdp]`.
    pub(super) fn remote(&self) -> Result<Option<RemoteRule>, PolicyError> {
        let Some(table) = self.file.get("pdp") else { return Ok(None) };
        let known = ["url", "discovery", "evaluation", "timeout_ms", "context"];
        self.refuse_unknown(table, &known)?;
        let url = self.string(table, "url")?;
        let url = identifier(url).map_err(|why| self.fault(format!("pdp.url {url:?}: {why}")))?;
        let discovery = match table.get("discovery") {
            None => true,
            Some(Json::Bool(discovery)) => *discovery,
            Some(_) => return Err(self.fault("pdp.discovery is true or false")),
        };
        let evaluation = match table.get("evaluation") {
            None => None,
            Some(_) => {
                let text = self.string(table, "evaluation")?;
                let read = identifier(text);
                Some(read.map_err(|why| self.fault(format!("pdp.evaluation {text:?}: {why}")))?)
            }
        };
        let timeout_ms = match table.get("timeout_ms") {
            None => TIMEOUT_MS,
            Some(given) => given
                .as_u64()
                .filter(|ms| (50..=5000).contains(ms))
                .ok_or_else(|| self.fault("pdp.timeout_ms is a number from 50 to 5000"))?,
        };
        let context = match self.selection(table, "context")? {
            super::Selection::All => None,
            super::Selection::Listed(names) => Some(names),
        };
        Ok(Some(RemoteRule { identifier: url, discovery, evaluation, timeout_ms, context }))
    }

    fn source(&self, text: &str) -> Option<Source> {
        let (of, name) = text.split_once('.')?;
        let name = self.name(name).ok()?;
        match of {
            "action" => Some(Source::Parameter(name)),
            "context" => Some(Source::Context(name)),
            _ => None,
        }
    }

    fn name(&self, text: &str) -> Result<String, PolicyError> {
        let fits = (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control);
        let wrong = || self.fault(format!("a name of 1 to {MAX_NAME} bytes is none: {text:?}"));
        fits.then(|| text.to_owned()).ok_or_else(wrong)
    }
}

/// A `context.session` that says what nobody fills would be a condition that never holds.
pub(in crate::cedar) fn check_session(
    rule: Option<&SessionRule>,
    schema: &Schema,
    types: &Types,
) -> Result<(), PolicyError> {
    let Some(rule) = rule else { return Ok(()) };
    let fault = |text: String| PolicyError::Mapping(format!("session: {text}"));
    let mut declared = false;
    for action in schema.actions() {
        let Some(member) = types.context(action).and_then(|context| context.get("session")) else {
            continue;
        };
        let Type::Record(record) = &member.of else {
            return Err(fault(format!("context.session of {action} is no record")));
        };
        declared = true;
        if let Some(name) = unknown(rule, record) {
            let text =
                format!("context.session.{name} of {action} is neither a count nor a volume");
            return Err(fault(text));
        }
    }
    match declared {
        true => Ok(()),
        false => Err(fault("the context of no action declares session".to_owned())),
    }
}

fn unknown<'r>(rule: &SessionRule, record: &'r Record) -> Option<&'r str> {
    let known = |name: &str| COUNTS.contains(&name) || rule.volumes.contains_key(name);
    let wrong = record.iter().find(|(name, member)| member.of != Type::Long || !known(name));
    wrong.map(|(name, _)| name.as_str())
}
