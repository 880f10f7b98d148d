//! Bodies that are missing from the main log, and who ordered that (SPEC.md 9.8).

use std::collections::{BTreeMap, BTreeSet};

use placet_proto::b64::encode_hex;
use placet_proto::document::Erasure;
use placet_proto::statement::Statement;

use crate::evidence::{ErasedStatement, Evidence};
use crate::governance::Governance;
use crate::report::{ErasedFacts, Problem};

/// The orders of a bundle, by what they name.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Index and entry of a target, with the first order that stands.
    stand: BTreeMap<(u64, [u8; 32]), Order>,
    /// Index of a target, with why the first order that names it does not count.
    refused: BTreeMap<u64, String>,
}

#[derive(Debug, Clone)]
struct Order {
    index: u64,
    person: String,
    reason: String,
    /// `sub` of its statement: the request of what it names (SPEC.md 5.2).
    subject: String,
}

/// Most targets of orders that do not stand of which it is kept why: they only explain.
const MAX_REFUSED: usize = 65_536;

impl Orders {
    /// Reads the orders. `valid` holds the indexes of main statements that passed steps 9 and 10:
    /// an order of a stranger is an order of nobody.
    pub(crate) fn read(
        evidence: &Evidence,
        governance: &Governance,
        valid: &BTreeSet<u64>,
    ) -> Self {
        let mut out = Self::default();
        for (index, statement, order) in evidence.erasures() {
            let signed = match valid.contains(&index) {
                true => governance
                    .judge_erasure(order, statement)
                    .map_err(|p| format!("is not an administrator's: {} ({})", p.detail, p.code)),
                false => Err("is not the ledger's".to_owned()),
            };
            out.add(index, statement, order, &signed);
        }
        out
    }

    /// Adds the order at a main index; `signed` says whether it is one, by who may give it.
    pub(crate) fn add(
        &mut self,
        index: u64,
        statement: &Statement,
        order: &Erasure,
        signed: &Result<(), String>,
    ) {
        for target in &order.targets {
            let seen = target.index < order.after.main.size && order.after.main.size <= index;
            let why = match signed {
                Err(why) => why.as_str(),
                Ok(()) if !seen => "names what its signer could not see",
                Ok(()) => {
                    let of = |order: &Erasure| Order {
                        index,
                        person: order.signer.person.clone(),
                        reason: order.reason.clone(),
                        subject: statement.header.sub.clone(),
                    };
                    let place = self.stand.entry((target.index, target.entry));
                    place.or_insert_with(|| of(order));
                    continue;
                }
            };
            if self.refused.len() < MAX_REFUSED {
                let place = self.refused.entry(target.index);
                place.or_insert_with(|| format!("the order at {index} {why}"));
            }
        }
    }

    /// What is left of a statement that an order which stands names.
    pub(crate) fn erased(&self, index: u64, entry: [u8; 32]) -> Option<ErasedStatement> {
        let subject = self.stand.get(&(index, entry))?.subject.clone();
        Some(ErasedStatement { index, entry, subject, receipts: Vec::new() })
    }

    /// Why no order stands for the statement at an index.
    pub(crate) fn why_not(&self, index: u64) -> &str {
        self.refused.get(&index).map_or("no order names this entry", String::as_str)
    }

    fn of(&self, erased: &ErasedStatement) -> Option<&Order> {
        self.stand.get(&(erased.index, erased.entry))
    }
}

/// Step 12a: no body is missing; of one that is, an administrator ordered it.
pub(crate) fn bodies(orders: &Orders, erased: &[&ErasedStatement]) -> Result<String, Problem> {
    let mut open = None;
    for e in erased {
        let Some(order) = orders.of(e) else {
            let why = orders.why_not(e.index);
            let detail = format!("leaf {}, entry {}: {why}", e.index, encode_hex(e.entry));
            return Err(Problem::failed("body.missing", detail));
        };
        open.get_or_insert_with(|| {
            let detail = format!(
                "leaf {}, by the order at leaf {} of person {}: {}",
                e.index, order.index, order.person, order.reason
            );
            Problem::open("body.erased", detail)
        });
    }
    open.map_or_else(|| Ok("no body is missing".to_owned()), Err)
}

/// What the report says of each.
pub(crate) fn facts(orders: &Orders, erased: &[&ErasedStatement]) -> Vec<ErasedFacts> {
    let fact = |e: &&ErasedStatement| {
        let order = orders.of(e);
        ErasedFacts {
            index: e.index,
            entry: encode_hex(e.entry),
            order: order.map(|o| o.index),
            person: order.map(|o| o.person.clone()),
            reason: order.map(|o| o.reason.clone()),
        }
    };
    erased.iter().map(fact).collect()
}
