//! The text form.

use std::collections::{HashMap, HashSet};

use super::{
    MAX_DEFINITIONS, MAX_POLICY_LEN, Member, Policy, PolicyError, PolicyGroup, PolicyLog,
    PolicyWitness,
};
use crate::tlog::note::{KeyMaterial, VerifierKey};
use crate::tlog::text::parse_decimal;

/// The name that stands for no witness at all.
const NONE: &[u8] = b"none";

/// ML-DSA-44 cosignatures: allowed in a policy, though never satisfied before we can check them.
const TYPE_ML_DSA_44: u8 = 0x06;

/// Types that a log may sign checkpoints with: Ed25519, ECDSA, RFC 6962, ML-DSA-44.
const LOG_TYPES: [u8; 4] = [0x01, 0x02, 0x05, TYPE_ML_DSA_44];

pub(super) fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
    if bytes.len() > MAX_POLICY_LEN {
        return Err(PolicyError::TooLarge);
    }
    if bytes.iter().any(|b| (*b < 0x20 && *b != b'\t' && *b != b'\n') || *b == 0x7f) {
        return Err(PolicyError::Octet);
    }
    let mut builder = Builder::default();
    for (number, line) in (1..).zip(bytes.split(|b| *b == b'\n')) {
        builder.line = number;
        builder.add_line(line)?;
    }
    builder.finish()
}

#[derive(Default)]
struct Builder<'a> {
    line: usize,
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<PolicyGroup>,
    quorum: Option<Option<Member>>,
    names: HashMap<&'a [u8], Member>,
    grouped: HashSet<&'a [u8]>,
}

impl<'a> Builder<'a> {
    fn add_line(&mut self, line: &'a [u8]) -> Result<(), PolicyError> {
        let mut items = line.split(|b| matches!(b, b' ' | b'\t')).filter(|item| !item.is_empty());
        let Some(keyword) = items.next() else { return Ok(()) };
        if keyword.starts_with(b"#") {
            return Ok(());
        }
        let items: Vec<&[u8]> = items.collect();
        match (keyword, items.as_slice()) {
            (b"log", [vkey]) => self.add_log(vkey, None),
            (b"log", [vkey, url]) => self.add_log(vkey, Some(url)),
            (b"witness", [name, vkey]) => self.add_witness(name, vkey, None),
            (b"witness", [name, vkey, url]) => self.add_witness(name, vkey, Some(url)),
            (b"group", [name, threshold, members @ ..]) if !members.is_empty() => {
                self.add_group(name, threshold, members)
            }
            (b"quorum", [name]) => self.set_quorum(name),
            (b"log" | b"witness" | b"group" | b"quorum", _) => {
                Err(self.malformed("wrong number of items"))
            }
            _ => Err(self.malformed("unknown keyword")),
        }
    }

    fn add_log(&mut self, vkey: &[u8], url: Option<&[u8]>) -> Result<(), PolicyError> {
        let key = self.key(vkey)?;
        if !LOG_TYPES.contains(&key.material().kind()) {
            return Err(PolicyError::KeyType { line: self.line });
        }
        let raw = key.material().raw();
        if self.logs.iter().any(|other| other.key.material().raw() == raw) {
            return Err(PolicyError::DuplicateKey { line: self.line });
        }
        self.logs.push(PolicyLog { key, url: url.map(<[u8]>::to_vec) });
        within_limit(self.logs.len())
    }

    fn add_witness(
        &mut self,
        name: &'a [u8],
        vkey: &[u8],
        url: Option<&[u8]>,
    ) -> Result<(), PolicyError> {
        let key = self.key(vkey)?;
        let is_cosigner = matches!(
            key.material(),
            KeyMaterial::CosignatureV1(_) | KeyMaterial::Unknown { kind: TYPE_ML_DSA_44, .. }
        );
        if !is_cosigner {
            return Err(PolicyError::KeyType { line: self.line });
        }
        let raw = key.material().raw();
        if self.witnesses.iter().any(|other| other.key.material().raw() == raw) {
            return Err(PolicyError::DuplicateKey { line: self.line });
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        let url = url.map(<[u8]>::to_vec);
        self.witnesses.push(PolicyWitness { name: name.to_vec(), key, url });
        within_limit(self.witnesses.len())
    }

    fn add_group(
        &mut self,
        name: &'a [u8],
        threshold: &[u8],
        members: &[&'a [u8]],
    ) -> Result<(), PolicyError> {
        let line = self.line;
        let threshold = match threshold {
            b"any" => 1,
            b"all" => members.len(),
            number => str::from_utf8(number)
                .ok()
                .and_then(parse_decimal)
                .and_then(|k| usize::try_from(k).ok())
                .ok_or(PolicyError::Threshold { line })?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(PolicyError::Threshold { line });
        }
        let mut resolved = Vec::with_capacity(members.len());
        for member in members {
            resolved.push(*self.names.get(member).ok_or(PolicyError::NameUnknown { line })?);
            // Once only, so that a witness can't count twice by two ways.
            if !self.grouped.insert(member) {
                return Err(PolicyError::MemberRepeated { line });
            }
        }
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(PolicyGroup { name: name.to_vec(), threshold, members: resolved });
        within_limit(self.groups.len())
    }

    fn set_quorum(&mut self, name: &[u8]) -> Result<(), PolicyError> {
        let member = if name == NONE {
            None
        } else {
            let unknown = PolicyError::NameUnknown { line: self.line };
            Some(*self.names.get(name).ok_or(unknown)?)
        };
        if self.quorum.replace(member).is_some() {
            return Err(PolicyError::Quorum);
        }
        Ok(())
    }

    fn define(&mut self, name: &'a [u8], member: Member) -> Result<(), PolicyError> {
        if name == NONE || self.names.insert(name, member).is_some() {
            return Err(PolicyError::NameTaken { line: self.line });
        }
        Ok(())
    }

    fn key(&self, vkey: &[u8]) -> Result<VerifierKey, PolicyError> {
        let vkey = str::from_utf8(vkey).map_err(|_| self.malformed("a vkey is not UTF-8"))?;
        let line = self.line;
        VerifierKey::parse(vkey).map_err(|source| PolicyError::Key { line, source })
    }

    fn malformed(&self, what: &'static str) -> PolicyError {
        PolicyError::Malformed { line: self.line, what }
    }

    fn finish(self) -> Result<Policy, PolicyError> {
        Ok(Policy {
            logs: self.logs,
            witnesses: self.witnesses,
            groups: self.groups,
            quorum: self.quorum.ok_or(PolicyError::Quorum)?,
        })
    }
}

fn within_limit(count: usize) -> Result<(), PolicyError> {
    if count > MAX_DEFINITIONS { Err(PolicyError::TooLarge) } else { Ok(()) }
}
