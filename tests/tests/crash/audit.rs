//! The folder at the end, read without the program: what it holds, and what it held before.

use std::collections::HashSet;
use std::path::Path;

use placet_ledger::service::Config;
use placet_ledger::{Dir, Log, LogId, Statement as Stored};
use placet_proto::document::Body;
use placet_proto::statement::Statement;
use placet_proto::tlog::merkle::verify_consistency;

use super::load::{Book, HEADS};

/// Looks for everything that was acknowledged; gives the number of entries of the main log.
pub fn audit(root: &Path, book: &Book) -> u64 {
    let dir = Dir::open_read_only(root).unwrap();
    let config = Config::load(root).unwrap();
    let main = Log::open_read_only(&dir, LogId::Main, &config.origin).unwrap();
    let gov = Log::open_read_only(&dir, LogId::Gov, &config.gov_origin()).unwrap();
    decisions_are_there(&main, book);
    for approved in book.lives.iter().flat_map(|life| &life.approved) {
        assert_eq!(hex::encode(main.entry(approved.index).unwrap()), approved.entry);
    }
    for life in &book.lives {
        for (seen, path) in life.heads.iter().zip(HEADS) {
            let log = if path.starts_with("/gov/") { &gov } else { &main };
            seen.iter().for_each(|(size, root)| extends(log, *size, root, path));
        }
    }
    main.size()
}

fn decisions_are_there(log: &Log, book: &Book) {
    let mut found = HashSet::new();
    for index in 0..log.size() {
        let bytes = match log.statement(index).unwrap() {
            Stored::Present(bytes) => bytes,
            Stored::Erased if book.erases => continue,
            other => panic!("the statement at {index}: {other:?}"),
        };
        let statement = Statement::parse(&bytes).unwrap();
        if let Body::Decision(decision) = statement.document.body {
            assert!(found.insert(decision.request), "two decisions of one request");
        }
    }
    for request in book.lives.iter().flat_map(|life| life.decided.iter().chain(&life.offered)) {
        assert!(found.contains(request), "the decision on {request} is lost");
    }
}

/// The log at its end extends what was seen of it, by a proof that anybody can check.
fn extends(log: &Log, size: u64, root: &[u8; 32], path: &str) {
    let (end, now) = log.head();
    let proof = log.consistency_path(size, end).unwrap();
    verify_consistency(size, end, root, &now, &proof)
        .unwrap_or_else(|e| panic!("{path} of size {size} is no part of the log: {e}"));
}
