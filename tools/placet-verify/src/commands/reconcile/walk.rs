//! Line by line through the events.

use std::collections::BTreeMap;

use placet_proto::event::read::Found;
use placet_proto::event::{Encoder, HashKey, Profile, ProfileError};
use placet_proto::misbehaviour::Misbehaviour;

use super::findings::{Counts, Finding, Findings};
use super::judge::Judge;
use super::seen::Seen;
use super::side::Side;
use crate::cli::Reconcile;
use crate::error::Failure;

/// Most formats and profiles in one file of events.
const MAX_PROFILES: usize = 64;
/// Longest text of a profile, in bytes.
const MAX_PROFILE: usize = 4096;

/// The comparison.
pub struct Walk {
    /// The logs that are compared.
    pub logs: Vec<Seen>,
    /// What was found.
    pub findings: Findings,
    /// What was counted.
    pub counts: Counts,
    /// What shows that the log was shown in two ways, if checkpoint events do.
    pub evidence: Vec<Misbehaviour>,
    /// The formats and profiles that were met, and how often.
    pub profiles: BTreeMap<(&'static str, String), u64>,
    key: Option<HashKey>,
    /// Profiles that events may have; none for the one that all of them have.
    allowed: Vec<String>,
    any_order: bool,
    ahead: bool,
    /// The encoder of the line before: lines are mostly alike.
    encoder: Option<(String, Encoder, bool)>,
}

impl Walk {
    /// A comparison with these logs.
    pub fn new(sides: Vec<Side>, key: Option<HashKey>, args: &Reconcile) -> Self {
        Self {
            logs: sides.into_iter().map(Seen::new).collect(),
            findings: Findings::default(),
            counts: Counts::default(),
            evidence: Vec::new(),
            profiles: BTreeMap::new(),
            key,
            allowed: args.profile.clone(),
            any_order: args.any_order,
            ahead: args.ahead,
            encoder: None,
        }
    }

    /// Takes one line.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.counts.lines = self.counts.lines.saturating_add(1);
        let found = match Found::parse(bytes) {
            Ok(found) => found,
            Err(error) => {
                self.add("event.unreadable", None, format!("{error} ({})", error.code()));
                return Ok(());
            }
        };
        let Some(at) = self.log_of(&found) else { return Ok(()) };
        if !self.allowed.is_empty() && !self.allowed.contains(&found.profile) {
            self.add("event.altered", Some(&found), "not of a profile that was named".to_owned());
            return Ok(());
        }
        let (encoder, masked) = match self.encoder(&found) {
            Ok(encoder) => encoder,
            Err(error) => {
                let detail = format!("{error} ({})", error.code());
                self.add("event.unreadable", Some(&found), detail);
                return Ok(());
            }
        };
        let Some(seen) = self.logs.get_mut(at) else { return Ok(()) };
        let mut judge = Judge {
            seen,
            findings: &mut self.findings,
            counts: &mut self.counts,
            evidence: &mut self.evidence,
            encoder: &encoder,
            found: &found,
            masked,
            any_order: self.any_order,
            ahead: self.ahead,
        };
        judge.judge()
    }

    /// What is not there, once all lines were taken.
    pub fn end(&mut self, behind: bool) {
        for seen in &self.logs {
            seen.end(behind, &mut self.findings);
        }
        self.counts_nothing_unseen();
    }

    /// Which log a line is of, if it is one that is compared.
    fn log_of(&mut self, found: &Found) -> Option<usize> {
        let at = self.logs.iter().position(|seen| seen.role() == found.role);
        let origin = |seen: &Seen| seen.copy().0.to_owned();
        let own = at.and_then(|at| self.logs.get(at)).map(origin);
        if own.as_deref() == Some(found.origin.as_str()) {
            return at;
        }
        // Of the other log of this ledger, which is not compared: it is of the other origin.
        let other = self.logs.first().map(origin).unwrap_or_default();
        let other = match other.strip_suffix("/gov") {
            Some(main) => main.to_owned(),
            None => format!("{other}/gov"),
        };
        if at.is_none() && found.origin == other {
            self.counts.skipped = self.counts.skipped.saturating_add(1);
            return None;
        }
        self.add("event.extra", Some(found), format!("of another log, {}", found.origin));
        None
    }

    fn add(&mut self, code: &'static str, found: Option<&Found>, detail: String) {
        let line = Some(self.counts.lines);
        let (log, index) = (found.map(|f| f.role.name()), found.and_then(|f| f.index));
        self.findings.add(Finding { code, log, index, line, detail });
    }

    /// A line chooses by its profile what of it is compared. That all lines chose alike is what an
    /// exporter does; a file of several is only judged if whoever asks names them.
    fn counts_nothing_unseen(&mut self) {
        let mut by_text: BTreeMap<&str, u64> = BTreeMap::new();
        for ((_, profile), count) in &self.profiles {
            let counted = by_text.entry(profile).or_default();
            *counted = counted.saturating_add(*count);
        }
        let several = by_text.len() > 1 && self.allowed.is_empty();
        let (log, index, line) = (None, None, None);
        if several {
            let detail = format!("{} profiles, of which none was named", by_text.len());
            self.findings.add(Finding { code: "event.profile", log, index, line, detail });
        }
        let keys = self.profiles.keys();
        let foreign: Vec<String> = keys
            .filter_map(|(_, text)| Profile::parse(text, self.key.as_ref()).ok())
            .filter(Profile::is_masked)
            .map(|profile| profile.key_id())
            .collect();
        for key in foreign {
            let detail = format!("key {key} was not given");
            self.findings.add(Finding { code: "event.hashes", log, index, line, detail });
        }
    }

    /// The encoder of a line, and whether its hashes can't be made.
    fn encoder(&mut self, found: &Found) -> Result<(Encoder, bool), ProfileError> {
        let known = match &self.encoder {
            Some((profile, encoder, masked))
                if *profile == found.profile && encoder.format() == found.format =>
            {
                Some((encoder.clone(), *masked))
            }
            _ => None,
        };
        let (encoder, masked) = match known {
            Some(known) => known,
            None => {
                if found.profile.len() > MAX_PROFILE {
                    return Err(ProfileError::Text);
                }
                let profile = Profile::parse(&found.profile, self.key.as_ref())?;
                let masked = profile.is_masked();
                let encoder = Encoder::new(found.format, profile);
                self.encoder = Some((found.profile.clone(), encoder.clone(), masked));
                (encoder, masked)
            }
        };
        let kind = (found.format.name(), found.profile.clone());
        if self.profiles.len() >= MAX_PROFILES && !self.profiles.contains_key(&kind) {
            return Err(ProfileError::Text);
        }
        let count = self.profiles.entry(kind).or_default();
        *count = count.saturating_add(1);
        Ok((encoder, masked))
    }
}
