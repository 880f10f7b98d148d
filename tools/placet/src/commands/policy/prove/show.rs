//! What was proved, for people and programs.

use placet_proto::jcs;
use placet_proto::json::Json;
use placet_verify::escape;
use serde::{Serialize, Serializer};

use crate::output::{Shown, value};

/// How a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// For all requests.
    Proved,
    /// One request shows otherwise.
    Disproved,
    /// Neither.
    Undecided,
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Proof {
    schema: &'static str,
    pub solver: Option<String>,
    pub result: Verdict,
    /// Why nothing was asked.
    pub note: Option<String>,
    pub goals: Vec<Proved>,
    pub never_fails: NeverFails,
}

/// What was found about one action of high risk.
#[derive(Debug, Serialize)]
pub struct Proved {
    pub action: String,
    pub when: Option<String>,
    pub environments: Vec<Environment>,
}

/// What was found about one pair of types.
#[derive(Debug, Serialize)]
pub struct Environment {
    pub principal: String,
    pub resource: String,
    pub result: Verdict,
    pub detail: Option<String>,
    pub counter: Option<Counter>,
}

/// A request that is permitted and should not be.
#[derive(Debug, Serialize)]
pub struct Counter {
    /// As `policy test` reads it, where it can be said so.
    #[serde(serialize_with = "as_json")]
    pub case: Option<Json>,
    /// Whether the decision point permits it, too. It refuses an approval of another action by
    /// itself, whatever a policy says.
    pub confirmed: bool,
    /// As the engine tells it.
    pub shown: String,
}

/// Whether policies can fail at run time.
#[derive(Debug, Serialize)]
pub struct NeverFails {
    pub policies: usize,
    pub environments: usize,
    pub faults: Vec<Fault>,
}

/// A policy that can fail, or of which that is not known.
#[derive(Debug, Serialize)]
pub struct Fault {
    pub place: String,
    pub action: String,
    pub result: Verdict,
    pub detail: String,
}

impl Proof {
    /// Nothing is proved yet.
    pub fn new() -> Self {
        Self {
            schema: "placet/policy-prove/v1",
            solver: None,
            result: Verdict::Undecided,
            note: None,
            goals: Vec::new(),
            never_fails: NeverFails { policies: 0, environments: 0, faults: Vec::new() },
        }
    }

    /// Counterexamples that are cases.
    pub fn cases(&self) -> impl Iterator<Item = &Json> {
        let environments = self.goals.iter().flat_map(|goal| &goal.environments);
        environments.filter_map(|env| env.counter.as_ref()?.case.as_ref())
    }

    /// The result of all: one counterexample disproves, one open question leaves it open, and
    /// nothing asked proves nothing.
    pub fn conclude(&mut self) {
        let goals = self.goals.iter().flat_map(|goal| &goal.environments).map(|env| env.result);
        let faults = self.never_fails.faults.iter().map(|fault| fault.result);
        let all: Vec<Verdict> = goals.clone().chain(faults).collect();
        let asked = self.goals.iter().all(|goal| !goal.environments.is_empty());
        self.result = match () {
            () if all.contains(&Verdict::Disproved) => Verdict::Disproved,
            () if !asked || goals.count() == 0 => Verdict::Undecided,
            () if all.contains(&Verdict::Undecided) => Verdict::Undecided,
            () => Verdict::Proved,
        };
    }
}

impl Shown for Proof {
    fn text(&self) -> String {
        let mut out = String::new();
        for goal in &self.goals {
            out.push_str(&goal.text());
        }
        if self.solver.is_some() {
            out.push_str(&self.never_fails.text());
        }
        if let Some(note) = &self.note {
            out.push_str(&format!("{}\n", escape::line(note)));
        }
        let by = self.solver.as_deref().map(|s| format!(", by {s}")).unwrap_or_default();
        let word = match self.result {
            Verdict::Proved => "PROVED",
            Verdict::Disproved => "DISPROVED",
            Verdict::Undecided => "NOT PROVED",
        };
        out + &format!("{word}{}\n", escape::line(&by))
    }
}

impl Proved {
    fn text(&self) -> String {
        let when = self.when.as_deref().map(|w| format!(" when {w}")).unwrap_or_default();
        let what = escape::line(&format!("{}{when}", self.action));
        let mut out = format!("{what}: never without a passkey approval of exactly that\n");
        if self.environments.is_empty() {
            out.push_str("  undecided  the schema has no principal and resource for it\n");
        }
        for env in &self.environments {
            let types = escape::line(&format!("{} on {}", env.principal, env.resource));
            let detail = env.detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default();
            let line = format!("  {:<9}  {types}{}\n", env.result.word(), escape::line(&detail));
            out.push_str(&line);
            if let Some(counter) = &env.counter {
                out.push_str(&counter.text());
            }
        }
        out
    }
}

impl Counter {
    fn text(&self) -> String {
        let tried = match (self.confirmed, &self.case) {
            (true, _) => "it is permitted",
            (false, Some(_)) => {
                "the policies permit it; the decision point, which compares digests itself, does not"
            }
            (false, None) => "as the engine tells it; no request can say that",
        };
        let what = match &self.case {
            Some(case) => String::from_utf8_lossy(&jcs::to_bytes(case)).into_owned(),
            None => self.shown.clone(),
        };
        format!("    {tried}:\n    {}\n", escape::line(&what))
    }
}

impl NeverFails {
    fn text(&self) -> String {
        let mut out = format!(
            "{} policies in {} environments: never fail at run time\n",
            self.policies, self.environments
        );
        for fault in &self.faults {
            let what = format!("{} for {}: {}", fault.place, fault.action, fault.detail);
            out.push_str(&format!("  {:<9}  {}\n", fault.result.word(), escape::line(&what)));
        }
        if self.faults.is_empty() {
            out.push_str("  proved     as far as every entity that is named is known\n");
        }
        out
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Disproved => "DISPROVED",
            Self::Undecided => "undecided",
        }
    }
}

fn as_json<S: Serializer>(case: &Option<Json>, serializer: S) -> Result<S::Ok, S::Error> {
    case.as_ref().map(value).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(results: &[Verdict], fault: Option<Verdict>) -> Verdict {
        let mut proof = Proof::new();
        let environment = |result: &Verdict| Environment {
            principal: "A".to_owned(),
            resource: "B".to_owned(),
            result: *result,
            detail: None,
            counter: None,
        };
        let environments = results.iter().map(environment).collect();
        proof.goals.push(Proved { action: "a".to_owned(), when: None, environments });
        proof.never_fails.faults.extend(fault.map(|result| Fault {
            place: "p.cedar:1".to_owned(),
            action: "a".to_owned(),
            result,
            detail: String::new(),
        }));
        proof.conclude();
        proof.result
    }

    #[test]
    fn one_counterexample_disproves_and_nothing_asked_proves_nothing() {
        use Verdict::{Disproved, Proved, Undecided};
        assert_eq!(Proof::new().result, Undecided);
        assert_eq!(proof(&[], None), Undecided);
        assert_eq!(proof(&[Proved], None), Proved);
        assert_eq!(proof(&[Proved, Undecided], None), Undecided);
        assert_eq!(proof(&[Undecided, Disproved], None), Disproved);
        assert_eq!(proof(&[Proved], Some(Undecided)), Undecided);
        assert_eq!(proof(&[Proved], Some(Disproved)), Disproved);
    }
}
