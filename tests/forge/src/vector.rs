//! Vectors: evidence, trust and the one verdict that a verifier has to give.

use std::collections::BTreeMap;

use placet_proto::bundle::Bundle;
use placet_proto::jcs;
use placet_proto::json::{Json, Number};
use placet_proto::trust::TrustFile;

/// What a verifier has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// PASSED.
    Passed,
    /// FAILED, with this code.
    Failed(&'static str),
    /// INDETERMINATE, with this code.
    Indeterminate(&'static str),
    /// MALFORMED, with this code.
    Malformed(&'static str),
    /// LOG MISBEHAVED, `log.equivocation`.
    LogMisbehaved,
}

impl Expect {
    /// The verdict's word in `expected.json` and its code.
    #[must_use]
    pub fn parts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Passed => ("passed", None),
            Self::Failed(code) => ("failed", Some(code)),
            Self::Indeterminate(code) => ("indeterminate", Some(code)),
            Self::Malformed(code) => ("malformed", Some(code)),
            Self::LogMisbehaved => ("log_misbehaved", Some("log.equivocation")),
        }
    }
}

/// One vector.
#[derive(Debug, Clone)]
pub struct Vector {
    /// Folder name.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub about: &'static str,
    /// Ids of SPEC.md that it shows.
    pub requirements: &'static [&'static str],
    /// The bundle's bytes.
    pub bundle: Vec<u8>,
    /// The trust file's bytes.
    pub trust: Vec<u8>,
    /// `--as-of`.
    pub as_of: u64,
    /// `--action`.
    pub action: Option<Vec<u8>>,
    /// `--passkey`.
    pub passkey: Option<String>,
    /// `--between`.
    pub between: Option<(u64, u64)>,
    /// `--denial`.
    pub expect_denial: bool,
    /// The verdict.
    pub expect: Expect,
}

impl Vector {
    /// A vector without demands.
    #[must_use]
    pub fn new(
        name: &'static str,
        about: &'static str,
        requirements: &'static [&'static str],
        bundle: &Bundle,
        trust: &TrustFile,
        expect: Expect,
    ) -> Self {
        Self {
            name,
            about,
            requirements,
            bundle: bundle.encode(),
            trust: trust.encode(),
            as_of: crate::ledger::START + 3600,
            action: None,
            passkey: None,
            between: None,
            expect_denial: false,
            expect,
        }
    }

    /// The files of the vector, by name.
    #[must_use]
    pub fn files(&self) -> BTreeMap<&'static str, Vec<u8>> {
        let mut files = BTreeMap::new();
        files.insert("bundle.placet", self.bundle.clone());
        files.insert("trust.json", self.trust.clone());
        files.insert("expected.json", self.expected());
        if let Some(action) = &self.action {
            files.insert("action.json", action.clone());
        }
        files
    }

    fn expected(&self) -> Vec<u8> {
        let (verdict, code) = self.expect.parts();
        let number = |n: u64| Json::Number(Number::parse(&n.to_string()).expect("below 2^53"));
        let text = |t: &str| Json::String(t.to_owned());
        let mut members = vec![
            ("about".to_owned(), text(self.about)),
            ("as_of".to_owned(), number(self.as_of)),
            ("code".to_owned(), code.map_or(Json::Null, text)),
            ("denial".to_owned(), Json::Bool(self.expect_denial)),
            ("passkey".to_owned(), self.passkey.as_deref().map_or(Json::Null, text)),
            (
                "requirements".to_owned(),
                Json::Array(self.requirements.iter().map(|r| text(r)).collect()),
            ),
            ("verdict".to_owned(), text(verdict)),
        ];
        let between = self.between.map(|(a, b)| Json::Array(vec![number(a), number(b)]));
        members.push(("between".to_owned(), between.unwrap_or(Json::Null)));
        let mut bytes = jcs::to_bytes(&Json::Object(members));
        bytes.push(b'\n');
        bytes
    }
}
