//! Bodies that are missing from the main log, and who ordered that (SPEC.md 9.8).

use std::collections::{BTreeMap, BTreeSet};

use placet_proto::b64::encode_hex;

use crate::evidence::{ErasedStatement, Evidence};
use crate::governance::Governance;
use crate::report::{ErasedFacts, Problem};

/// The orders of a bundle, by what they name.
#[derive(Debug, Default)]
pub(crate) struct Orders {
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
}

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
            let issued = valid.contains(&index);
            let signed = governance.judge_erasure(order, statement);
            for target in &order.targets {
                let why = if !issued {
                    "is not the ledger's".to_owned()
                } else if let Err(p) = &signed {
                    format!("is not an administrator's: {} ({})", p.detail, p.code)
                } else if target.index >= order.after.main.size || order.after.main.size > index {
                    "names what its signer could not see".to_owned()
                } else {
                    let order = Order {
                        index,
                        person: order.signer.person.clone(),
                        reason: order.reason.clone(),
                    };
                    out.stand.entry((target.index, target.entry)).or_insert(order);
                    continue;
                };
                out.refused.entry(target.index).or_insert(format!("the order at {index} {why}"));
            }
        }
        out
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
            let why = orders.refused.get(&e.index).cloned();
            let why = why.unwrap_or_else(|| "no order names this entry".to_owned());
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
