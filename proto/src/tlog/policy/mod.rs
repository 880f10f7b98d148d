//! C2SP tlog-policy: which witnesses must have cosigned for a checkpoint to count.

mod parse;
mod time;

use super::note::{NoteError, VerifierKey};

/// The most `log` lines, `witness` lines and `group` lines, each. C2SP asks for 32.
pub const MAX_DEFINITIONS: usize = 64;

/// The longest policy that is read, in bytes.
pub const MAX_POLICY_LEN: usize = 1 << 18;

/// Why a policy was refused. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A line has not the form of the specification.
    #[error("line {line}: {what}")]
    Malformed {
        /// The line.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A byte that no policy may have.
    #[error("a control character other than tab and newline")]
    Octet,
    /// More than [`MAX_POLICY_LEN`] bytes or [`MAX_DEFINITIONS`] definitions.
    #[error("the policy exceeds a limit")]
    TooLarge,
    /// A name is defined twice, or is the reserved `none`.
    #[error("line {line}: the name is taken")]
    NameTaken {
        /// The line.
        line: usize,
    },
    /// A name is used before it is defined.
    #[error("line {line}: the name is not defined above")]
    NameUnknown {
        /// The line.
        line: usize,
    },
    /// A name is a member of a group for the second time.
    #[error("line {line}: a member may be listed only once")]
    MemberRepeated {
        /// The line.
        line: usize,
    },
    /// A threshold is not between 1 and the number of members.
    #[error("line {line}: the threshold does not fit the members")]
    Threshold {
        /// The line.
        line: usize,
    },
    /// Two logs, or two witnesses, have the same public key, whatever their names.
    #[error("line {line}: the public key is listed already")]
    DuplicateKey {
        /// The line.
        line: usize,
    },
    /// A key has a signature type that its role can't use.
    #[error("line {line}: the key has the wrong signature type")]
    KeyType {
        /// The line.
        line: usize,
    },
    /// A vkey is malformed.
    #[error("line {line}: {source}")]
    Key {
        /// The line.
        line: usize,
        /// What is wrong with it.
        source: NoteError,
    },
    /// There is not exactly one `quorum` line.
    #[error("a policy has exactly one quorum line")]
    Quorum,
}

impl PolicyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "policy.malformed",
            Self::Octet => "policy.octet",
            Self::TooLarge => "policy.too_large",
            Self::NameTaken { .. } => "policy.name_taken",
            Self::NameUnknown { .. } => "policy.name_unknown",
            Self::MemberRepeated { .. } => "policy.member_repeated",
            Self::Threshold { .. } => "policy.threshold",
            Self::DuplicateKey { .. } => "policy.duplicate_key",
            Self::KeyType { .. } => "policy.key_type",
            Self::Key { .. } => "policy.key",
            Self::Quorum => "policy.quorum",
        }
    }
}

/// A `log` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// The log's key; its name is the origin.
    pub key: VerifierKey,
    /// Where to reach it; opaque bytes.
    pub url: Option<Vec<u8>>,
}

/// A `witness` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// The name inside this policy; opaque bytes.
    pub name: Vec<u8>,
    /// The witness's key.
    pub key: VerifierKey,
    /// Where to reach it; opaque bytes.
    pub url: Option<Vec<u8>>,
}

/// A `group` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyGroup {
    /// The name inside this policy; opaque bytes.
    pub name: Vec<u8>,
    /// How many members must be satisfied, at least 1.
    pub threshold: usize,
    /// The members, all defined on earlier lines.
    pub members: Vec<Member>,
}

/// A witness or a group, by its position in the policy's list of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// Position in [`Policy::witnesses`].
    Witness(usize),
    /// Position in [`Policy::groups`].
    Group(usize),
}

/// A parsed policy. Groups refer to earlier groups only, so that one pass evaluates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<PolicyGroup>,
    /// `None` is `quorum none`.
    quorum: Option<Member>,
}

impl Policy {
    /// Reads a policy, with or without `log` lines.
    ///
    /// # Errors
    /// A `policy.*` code: see [`PolicyError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        parse::parse(bytes)
    }

    /// The policy as text: logs, witnesses, groups with numeric thresholds, quorum. Comments and
    /// spacing of what was read are not kept, meaning and order are.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for log in &self.logs {
            push_line(&mut out, &[b"log", log.key.to_vkey().as_bytes()], log.url.as_deref());
        }
        for witness in &self.witnesses {
            let vkey = witness.key.to_vkey();
            let items = [b"witness", witness.name.as_slice(), vkey.as_bytes()];
            push_line(&mut out, &items, witness.url.as_deref());
        }
        for group in &self.groups {
            let threshold = group.threshold.to_string();
            let mut items = vec![b"group", group.name.as_slice(), threshold.as_bytes()];
            items.extend(group.members.iter().map(|member| self.name(*member)));
            push_line(&mut out, &items, None);
        }
        let quorum = self.quorum.map_or(&b"none"[..], |member| self.name(member));
        push_line(&mut out, &[b"quorum", quorum], None);
        out
    }

    fn name(&self, member: Member) -> &[u8] {
        let name = match member {
            Member::Witness(position) => self.witnesses.get(position).map(|w| &w.name),
            Member::Group(position) => self.groups.get(position).map(|g| &g.name),
        };
        name.map_or(&[], Vec::as_slice)
    }

    /// The logs; a policy in a trust file has none.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of their lines. Predicates and times below are given by
    /// position in this list.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The groups, in the order of their lines.
    #[must_use]
    pub fn groups(&self) -> &[PolicyGroup] {
        &self.groups
    }

    /// Which witness or group must be satisfied; `None` is `quorum none`.
    #[must_use]
    pub fn quorum(&self) -> Option<Member> {
        self.quorum
    }

    /// Whether the quorum is `none`: then no cosignature is asked for, and none proves anything.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.quorum.is_none()
    }

    /// Whether the witnesses for which `cosigned` is true satisfy the quorum. `quorum none` is
    /// always satisfied: ask [`Policy::is_none`] before giving that a meaning.
    #[must_use]
    pub fn is_satisfied(&self, cosigned: impl Fn(usize) -> bool) -> bool {
        let mut satisfied: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |member: &Member, groups: &[bool]| match member {
            Member::Witness(position) => cosigned(*position),
            Member::Group(position) => groups.get(*position).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|m| holds(m, &satisfied)).count();
            satisfied.push(count >= group.threshold);
        }
        self.quorum.is_none_or(|member| holds(&member, &satisfied))
    }
}

fn push_line(out: &mut Vec<u8>, items: &[&[u8]], url: Option<&[u8]>) {
    let items: Vec<&[u8]> = items.iter().copied().chain(url).collect();
    out.extend_from_slice(&items.join(&b' '));
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
