//! Bundles and trust files of a forged ledger.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use placet_proto::bundle::{Bundle, Consistency, Content, GovPart, Included, MainPart, Opening};
use placet_proto::document::{After, Body, Purpose};
use placet_proto::statement::{Statement, peek};
use placet_proto::tlog::checkpoint::SignedCheckpoint;
use placet_proto::trust::{Root, TrustFile, TrustedKey, TrustedLog};

use crate::ledger::{Forge, IssuerKey, ORIGIN, RP_ID};
use crate::log::{MemLog, public};
use crate::people::Person;

impl Forge {
    /// Evidence of these requests with every note that was published and that is of use.
    #[must_use]
    pub fn bundle(&self, requests: &[&str], people: &[&Person]) -> Bundle {
        self.bundle_with(requests, people, &[], &[])
    }

    /// The same where the bodies of the leaves `erased` are gone, with the leaves `orders` beside
    /// it.
    #[must_use]
    pub fn bundle_with(
        &self,
        requests: &[&str],
        people: &[&Person],
        erased: &[u64],
        orders: &[u64],
    ) -> Bundle {
        let mut requests: Vec<String> = requests.iter().map(|r| (*r).to_owned()).collect();
        requests.sort();
        let subjects: Vec<String> = requests.iter().map(|r| format!("urn:uuid:{r}")).collect();
        let statements: Vec<(u64, &Vec<u8>, String)> = self
            .main
            .statements
            .iter()
            .enumerate()
            .filter_map(|(i, s)| {
                let sub = peek(s).ok()?.0.sub;
                let wanted = i == 0 || subjects.contains(&sub) || orders.contains(&(i as u64));
                wanted.then_some((i as u64, s, sub))
            })
            .collect();
        // What is erased names no note any more.
        let kept = statements.iter().filter(|(i, _, _)| !erased.contains(i));
        let kept: Vec<&Vec<u8>> = kept.map(|(_, s, _)| *s).collect();
        let first = statements.iter().map(|(i, _, _)| *i).find(|i| *i > 0).unwrap_or(0);
        let main_notes = self.useful_main_notes(&kept, first);
        let sizes: BTreeSet<u64> = main_notes.iter().map(|n| size_of(n)).collect();
        let largest = sizes.last().copied().unwrap_or(0);
        let gov_notes = self.useful_gov_notes(&kept);
        let gov_size = gov_notes.iter().map(|n| size_of(n)).max().unwrap_or(0);
        let pairs = sizes.iter().zip(sizes.iter().skip(1));
        let mut openings: Vec<Opening> = people
            .iter()
            .map(|p| Opening { person: p.id.clone(), name: p.name.clone(), salt: p.salt })
            .collect();
        openings.sort_by(|a, b| a.person.cmp(&b.person));
        Bundle {
            requests,
            main: MainPart {
                origin: self.main.origin.clone(),
                notes: main_notes,
                statements: statements
                    .into_iter()
                    .filter(|(i, _, _)| *i < largest)
                    .map(|(index, statement, sub)| Included {
                        index,
                        content: if erased.contains(&index) {
                            Content::Erased(placet_proto::sha256(statement))
                        } else {
                            Content::Statement(statement.clone())
                        },
                        receipts: vec![self.main.receipt(index, largest, &sub)],
                    })
                    .collect(),
                consistency: pairs
                    .map(|(a, b)| Consistency {
                        from: *a,
                        to: *b,
                        path: self.main.consistency(*a, *b),
                    })
                    .collect(),
            },
            gov: GovPart {
                origin: self.gov.origin.clone(),
                notes: gov_notes,
                entries: self.gov.statements.iter().take(gov_size as usize).cloned().collect(),
            },
            openings,
        }
    }

    fn useful_main_notes(&self, statements: &[&Vec<u8>], first: u64) -> Vec<Vec<u8>> {
        let named = self.named(statements, |a| a.main.note_sha256);
        sorted(&self.main, |n| named.contains(&placet_proto::sha256(n)) || size_of(n) > first)
    }

    fn useful_gov_notes(&self, statements: &[&Vec<u8>]) -> Vec<Vec<u8>> {
        let named = self.named(statements, |a| a.gov.note_sha256);
        let sizes = afters(statements.iter().copied()).map(|a| a.gov.size);
        let newest = sizes.max().unwrap_or(0);
        sorted(&self.gov, |n| named.contains(&placet_proto::sha256(n)) || size_of(n) >= newest)
    }

    /// Notes named by main statements, or by revocations and role changes.
    fn named(
        &self,
        statements: &[&Vec<u8>],
        of: impl Fn(&After) -> [u8; 32],
    ) -> BTreeSet<[u8; 32]> {
        let timed = |s: &&Vec<u8>| Statement::parse(s).is_ok_and(|s| s.document.body.is_timed());
        let main = statements.iter().copied();
        afters(main.chain(self.gov.statements.iter().filter(timed))).map(|a| of(&a)).collect()
    }

    /// A trust file with these persons' keys as roots and both witnesses asked for.
    #[must_use]
    pub fn trust(&self, roots: &[&Person]) -> TrustFile {
        TrustFile {
            logs: vec![self.trusted_log(&self.main), self.trusted_log(&self.gov)],
            roots: roots
                .iter()
                .map(|p| Root {
                    public_key: p.key.public_key().to_cose(),
                    name: Some(p.name.clone()),
                })
                .collect(),
            rp_ids: vec![RP_ID.to_owned()],
            origins: vec![ORIGIN.to_owned()],
            attestation_roots: vec![],
            time_authorities: vec![],
            allow_dev: true,
            require: vec![],
            expires: None,
        }
    }

    fn trusted_log(&self, log: &MemLog) -> TrustedLog {
        let key = |purpose, key: &SigningKey, issuer: Option<&IssuerKey>| TrustedKey {
            purpose,
            public_key: public(key).to_cose(),
            kinds: issuer.map(|i| i.kinds.clone()).unwrap_or_default(),
            audience: issuer.and_then(|i| i.audience.clone()),
            from_size: 0,
            until_size: None,
        };
        let [a, b] = &self.witnesses;
        TrustedLog {
            origin: log.origin.clone(),
            role: log.role,
            genesis: placet_proto::sha256(&log.statements[0]),
            keys: vec![
                key(Purpose::Checkpoint, &log.checkpoint_key, None),
                key(Purpose::Receipt, &log.receipt_key, None),
                key(Purpose::Issuer, &self.ledger_key.key, Some(&self.ledger_key)),
                key(Purpose::Issuer, &self.pep_key.key, Some(&self.pep_key)),
            ],
            witness_policy: format!(
                "witness w1 {}\nwitness w2 {}\ngroup both all w1 w2\nquorum both\n",
                a.vkey().to_vkey(),
                b.vkey().to_vkey()
            ),
            operated_by_self: vec![],
        }
    }
}

fn afters<'a>(statements: impl Iterator<Item = &'a Vec<u8>>) -> impl Iterator<Item = After> {
    statements.filter_map(|s| match Statement::parse(s).ok()?.document.body {
        // No time is asked of an order of erasure.
        Body::Erasure(_) => None,
        body => body.after().cloned(),
    })
}

fn sorted(log: &MemLog, keep: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut notes: Vec<Vec<u8>> = log.notes.iter().filter(|n| keep(n)).cloned().collect();
    notes.sort_by(|a, b| (size_of(a), a).cmp(&(size_of(b), b)));
    notes.dedup();
    notes
}

fn size_of(note: &[u8]) -> u64 {
    SignedCheckpoint::parse(note).expect("our own note").checkpoint().size
}
