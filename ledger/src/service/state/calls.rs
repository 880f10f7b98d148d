//! Which agent asked for what, and when: what the history lists, and where the last similar call
//! is found. Derived from decisions; whoever erases one forgets its row.

use placet_proto::document::Decision;
use placet_proto::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter, types::Value};

use super::{RequestRow, RequestState, Sql, State, int, read_request, uint};
use crate::Error;

/// Most requests that one page of the history holds.
pub const MAX_HISTORY: u32 = 200;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS call (
  request TEXT PRIMARY KEY, entry INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
  agent TEXT NOT NULL, name TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS call_by_agent ON call (kind, agent, name, entry);
CREATE INDEX IF NOT EXISTS call_by_entry ON call (entry);";

const REQUEST: &str = "SELECT id, state, decision, not_after, required, ended, execution, \
     execution_sha256, idempotency, outcome, outcome_due FROM call JOIN request ON id = request";

/// Which requests a history is about; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Where they stand.
    pub state: Option<RequestState>,
    /// The id of the agent that asked.
    pub agent: Option<String>,
    /// A person who answered.
    pub person: Option<String>,
    /// Decided at or after this.
    pub from: Option<UnixSeconds>,
    /// Decided before this.
    pub until: Option<UnixSeconds>,
    /// Only those whose decision stands before this index of the main log: the cursor.
    pub before: Option<u64>,
}

impl State {
    /// Requests with the latest decision first, at most `limit` and [`MAX_HISTORY`].
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn history(&self, filter: &HistoryFilter, limit: u32) -> Result<Vec<RequestRow>, Error> {
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        let mut also = |condition: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        };
        also("state = ?", filter.state.map(|s| s.name().to_owned().into()));
        also("agent = ?", filter.agent.clone().map(Value::from));
        let answered = "EXISTS (SELECT 1 FROM answer WHERE answer.request = id AND person = ?)";
        also(answered, filter.person.clone().map(Value::from));
        also("at >= ?", filter.from.map(|t| int(t.0).into()));
        also("at < ?", filter.until.map(|t| int(t.0).into()));
        also("call.entry < ?", filter.before.map(|n| int(n).into()));
        let filtered = match conditions.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", conditions.join(" AND ")),
        };
        let limit = limit.min(MAX_HISTORY);
        let sql = format!("{REQUEST} {filtered} ORDER BY call.entry DESC LIMIT {limit}");
        self.read(|c| {
            c.prepare_cached(&sql)?.query_map(params_from_iter(values), read_request)?.collect()
        })
    }

    /// The latest request before this one of the same agent and with the same name of the action
    /// that persons approved.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn approved_like(&self, request: &str) -> Result<Option<RequestRow>, Error> {
        let sql = format!(
            "{REQUEST} WHERE (kind, agent, name) = (SELECT kind, agent, name FROM call WHERE \
             request = ?1) AND call.entry < (SELECT entry FROM call WHERE request = ?1) AND state \
             IN ('approved', 'executed', 'done') ORDER BY call.entry DESC LIMIT 1"
        );
        self.read(|c| c.prepare_cached(&sql)?.query_row([request], read_request).optional())
    }

    /// When the request was decided, in seconds since 1970; nothing if that was forgotten.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn decided_at(&self, request: &str) -> Result<Option<UnixSeconds>, Error> {
        self.read(|c| {
            let sql = "SELECT at FROM call WHERE request = ?1";
            let at = c.prepare_cached(sql)?.query_row([request], |r| Ok(uint(r.get(0)?)));
            Ok(at.optional()?.map(UnixSeconds))
        })
    }

    /// Forgets who asked for what in this request: its decision was erased.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn forget_call(&self, request: &str) -> Result<(), Error> {
        self.with(|c| c.execute("DELETE FROM call WHERE request = ?1", [request])).map(drop)
    }
}

pub(super) fn apply(c: &Connection, index: u64, d: &Decision) -> Sql<()> {
    let agent = &d.initiator;
    c.prepare_cached("INSERT OR IGNORE INTO call VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![d.request, int(index), int(d.at.0), agent.kind, agent.id, d.action.name()])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use placet_proto::action::Action;
    use placet_proto::document::{Initiator, PolicyRef, Quorum, Verdict};

    use super::*;

    fn decision(request: &str, agent: &str, at: u64) -> Decision {
        let json = br#"{"subject":{"type":"user","id":"a"},"action":{"name":"disable_user"},
            "resource":{"type":"user","id":"b"},"context":{}}"#;
        let json = placet_proto::json::parse(json).unwrap();
        Decision {
            request: request.to_owned(),
            action: Action::from_document(&json).unwrap(),
            audience: "pep".to_owned(),
            initiator: Initiator { kind: "agent".to_owned(), id: agent.to_owned() },
            decision: Verdict::Requestable,
            policy: PolicyRef { index: 2, manifest: [0; 32] },
            determining: Vec::new(),
            reason: "approval_required".to_owned(),
            approvals: Vec::new(),
            at: UnixSeconds(at),
            not_after: Some(UnixSeconds(9_000)),
            quorum: Some(Quorum::of(1)),
            obligations: vec![],
            seen: None,
        }
    }

    #[test]
    fn history_is_filtered_paged_and_knows_the_last_approved_call_of_the_same_agent() {
        let tmp = tempfile::tempdir().unwrap();
        let state = State::open(&tmp.path().join("s.sqlite")).unwrap();
        let ids = ["r0", "r1", "r2", "r3"];
        let agents = ["bot", "bot", "other", "bot"];
        for (i, (id, agent)) in (0u64..).zip(ids.iter().zip(agents)) {
            let d = decision(id, agent, 100 + i);
            state.with(|c| super::super::apply_decision(c, i, &d)).unwrap();
        }
        let set = "UPDATE request SET state = 'done' WHERE id IN ('r0', 'r2')";
        state.with(|c| c.execute(set, [])).unwrap();
        let of = |filter: HistoryFilter, limit| -> Vec<String> {
            state.history(&filter, limit).unwrap().into_iter().map(|r| r.id).collect()
        };
        let all = HistoryFilter::default();
        assert_eq!(of(all.clone(), 10), ["r3", "r2", "r1", "r0"]);
        assert_eq!(of(all.clone(), 2), ["r3", "r2"]);
        assert_eq!(of(HistoryFilter { before: Some(2), ..all.clone() }, 2), ["r1", "r0"]);
        let bot = HistoryFilter { agent: Some("bot".to_owned()), ..all.clone() };
        assert_eq!(of(bot, 10), ["r3", "r1", "r0"]);
        let done = HistoryFilter { state: Some(RequestState::Done), ..all.clone() };
        assert_eq!(of(done, 10), ["r2", "r0"]);
        let (from, until) = (Some(UnixSeconds(101)), Some(UnixSeconds(103)));
        assert_eq!(of(HistoryFilter { from, until, ..all.clone() }, 10), ["r2", "r1"]);
        let nobody = HistoryFilter { person: Some("p".to_owned()), ..all };
        assert!(of(nobody, 10).is_empty());
        // The last approved one of the same agent, not the other agent's, which is later.
        assert_eq!(state.approved_like("r3").unwrap().unwrap().id, "r0");
        assert_eq!(state.approved_like("r0").unwrap(), None);
        assert_eq!(state.decided_at("r2").unwrap(), Some(UnixSeconds(102)));
        state.forget_call("r0").unwrap();
        assert_eq!(state.approved_like("r3").unwrap(), None);
    }
}
