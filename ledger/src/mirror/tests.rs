//! A log in memory that shows what it likes, and mirrors of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};

use ed25519_dalek::{Signer as _, SigningKey};
use placet_proto::json::{Json, Number};
use placet_proto::tlog::merkle::{Hash, HashReader, MerkleError, leaf_hash, node_hash, root_at};
use placet_proto::tlog::note::{KeyMaterial, Note, SignatureLine, VerifierKey};
use placet_proto::tlog::tile::{encode_bundle, new_tiles};
use placet_proto::tlog::{Checkpoint, TileId, TileKind};
use placet_proto::{jcs, logcopy, sha256};

use super::*;

mod hostile;

const ORIGIN: &str = "example.org/log";

/// Entries, their statements, and a key.
#[derive(Clone)]
struct Shown {
    statements: Vec<Vec<u8>>,
    key: SigningKey,
    /// Size in the checkpoint.
    size: u64,
    /// What a file is changed to, by path.
    changed: BTreeMap<String, Vec<u8>>,
    /// Erased ones.
    erased: Vec<u64>,
    /// Notes that the service lists; of none, it has no such list.
    listed: Vec<Vec<u8>>,
    /// Calls that are still answered.
    answers: usize,
    asked: Vec<String>,
}

impl Shown {
    fn new(size: u64) -> Self {
        let statements = (0..size).map(|n| format!("statement {n}").into_bytes()).collect();
        Self {
            statements,
            key: SigningKey::from_bytes(&[7; 32]),
            size,
            changed: BTreeMap::new(),
            erased: Vec::new(),
            listed: Vec::new(),
            answers: usize::MAX,
            asked: Vec::new(),
        }
    }

    /// The same log with another statement at `index`, of another size.
    fn forked(&self, index: usize, size: u64) -> Self {
        let mut other = Self::new(size);
        other.statements[index] = b"another history".to_vec();
        other
    }

    fn entry(&self, index: u64) -> Hash {
        sha256(&self.statements[usize::try_from(index).unwrap()])
    }

    fn vkey(&self) -> VerifierKey {
        let raw = self.key.verifying_key().to_bytes();
        VerifierKey::new(ORIGIN, KeyMaterial::Ed25519(raw)).unwrap()
    }

    fn root(&self) -> Hash {
        root_at(self, self.size).unwrap()
    }

    fn note(&self) -> Vec<u8> {
        let text = Checkpoint::new(ORIGIN, self.size, self.root()).unwrap().to_text();
        let signature = self.key.sign(text.as_bytes()).to_bytes().to_vec();
        let mut note = Note::new(text).unwrap();
        note.set_signature(SignatureLine::new(&self.vkey(), signature).unwrap()).unwrap();
        note.to_bytes()
    }

    /// A file of the log, or an answer of the service.
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        if let Some(bytes) = self.changed.get(path) {
            return Some(bytes.clone());
        }
        if path == "checkpoint" {
            return Some(self.note());
        }
        if let Some(index) = path.strip_prefix("v1/statements/main/") {
            return Some(self.run(index.parse().unwrap()));
        }
        if let Some(row) = path.strip_prefix("v1/notes/main/") {
            return self.page(row.parse().unwrap());
        }
        let id = TileId::from_str(path).ok()?;
        let exists = TileId::at_size(id.kind, id.index, self.size)?.width >= id.width;
        exists.then(|| self.tile(id))
    }

    fn tile(&self, id: TileId) -> Vec<u8> {
        let first = id.index * 256;
        let nodes = first..first + u64::from(id.width);
        match id.kind {
            TileKind::Entries => {
                encode_bundle(&nodes.map(|n| self.entry(n)).collect::<Vec<_>>()).unwrap()
            }
            TileKind::Hashes(level) => {
                nodes.flat_map(|n| self.subtree(level * 8, n).unwrap()).collect()
            }
        }
    }

    /// A hundred notes at a time.
    fn page(&self, row: usize) -> Option<Vec<u8>> {
        let notes: Vec<Json> = self.listed.iter().skip(row).take(100).map(|n| text(n)).collect();
        let next = Number::parse(&(row + notes.len()).to_string()).unwrap();
        let page = Json::object([("next", Json::Number(next)), ("notes", Json::Array(notes))]);
        (!self.listed.is_empty()).then(|| jcs::to_bytes(&page))
    }

    /// Three statements at a time, so that several answers make a file.
    fn run(&self, index: u64) -> Vec<u8> {
        let mut out = Vec::new();
        for n in index..self.size.min(index + 3).min((index / 256 + 1) * 256) {
            let bytes = &self.statements[usize::try_from(n).unwrap()];
            let there = !self.erased.contains(&n);
            logcopy::push(&mut out, there.then_some(bytes.as_slice())).unwrap();
        }
        out
    }
}

impl HashReader for Shown {
    type Error = MerkleError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MerkleError> {
        if level == 0 {
            return Ok(leaf_hash(&self.entry(index)));
        }
        let (left, right) = (self.subtree(level - 1, index * 2)?, index * 2 + 1);
        Ok(node_hash(&left, &self.subtree(level - 1, right)?))
    }
}

fn text(note: &[u8]) -> Json {
    Json::string(str::from_utf8(note).unwrap())
}

/// A server that shows one log after another.
#[derive(Clone)]
struct Server(Arc<Mutex<Shown>>);

impl Server {
    fn of(shown: Shown) -> Self {
        Self(Arc::new(Mutex::new(shown)))
    }

    fn show(&self, shown: Shown) {
        *self.0.lock().unwrap() = shown;
    }
}

impl Remote for Server {
    fn get(&self, path: &str, max: usize) -> Result<Vec<u8>, Error> {
        let mut shown = self.0.lock().unwrap();
        let path = path.to_owned();
        let Some(left) = shown.answers.checked_sub(1) else {
            return Err(Error::Unreachable { path, detail: "cut off".to_owned() });
        };
        shown.answers = left;
        shown.asked.push(path.clone());
        let bytes = shown.file(&path).ok_or_else(|| Error::NotFound { path: path.clone() })?;
        if bytes.len() > max { Err(Error::TooLarge { path, max }) } else { Ok(bytes) }
    }
}

fn mirror(server: &Server, root: &Path, bodies: bool) -> Result<Mirror, Error> {
    let key = Box::new(server.0.lock().unwrap().vkey());
    let service = Service { server: Box::new(server.clone()), log: "main", bodies };
    let keys = Keys::Key { origin: ORIGIN.to_owned(), key };
    Mirror::open(root, keys, Box::new(server.clone()), Some(service))
}

/// The copy is exactly the tree of this log, at its size.
fn assert_whole(root: &Path, shown: &Shown) {
    assert_eq!(fs::read(root.join("checkpoint")).unwrap(), shown.note());
    for id in new_tiles(0, shown.size) {
        assert_eq!(fs::read(root.join(id.to_string())).unwrap(), shown.tile(id), "{id}");
    }
}

fn at(root: &Path) -> Option<Vec<u8>> {
    fs::read(root.join("checkpoint")).ok()
}

#[test]
fn a_copy_grows_with_its_log_and_goes_on_where_it_was() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(0));
    let mut from = 0;
    for size in [1, 2, 255, 256, 257, 600, 66_000] {
        server.show(Shown::new(size));
        let mut mirror = mirror(&server, tmp.path(), false).unwrap();
        assert_eq!(mirror.step().unwrap(), Step::Grown { from, to: size });
        assert_whole(tmp.path(), &Shown::new(size));
        assert_eq!(mirror.step().unwrap(), Step::Unchanged);
        from = size;
    }
    // What belongs to no tree any more is gone, and so is what was fetched.
    assert!(!tmp.path().join("tile/0/000.p/255").exists());
    assert!(!tmp.path().join(".staging/tile").exists());
    let mirror = mirror(&server, tmp.path(), false).unwrap();
    assert_eq!(mirror.copy().kept().unwrap(), [1, 2, 255, 256, 257, 600, 66_000]);
}

#[test]
fn an_older_checkpoint_of_the_same_history_is_no_lie() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(700));
    let mut mirror = mirror(&server, tmp.path(), false).unwrap();
    mirror.step().unwrap();
    for size in [0, 1, 256, 699] {
        server.show(Shown::new(size));
        assert_eq!(mirror.step().unwrap(), Step::Stale { size });
    }
    assert_whole(tmp.path(), &Shown::new(700));
}

// [R-6.6-5]
#[test]
fn two_histories_become_evidence_and_the_copy_stays() {
    let honest = Shown::new(300);
    for (fork, name) in [
        (honest.forked(5, 300), "two roots of one size"),
        (honest.forked(5, 299), "an older checkpoint of another history"),
        (honest.forked(5, 256), "a whole tile of another history"),
        (honest.forked(299, 301), "grown on another history"),
        (honest.forked(0, 700), "grown far on another history"),
    ] {
        let tmp = tempfile::tempdir().unwrap();
        let server = Server::of(honest.clone());
        let mut mirror = mirror(&server, tmp.path(), false).unwrap();
        mirror.step().unwrap();
        server.show(fork);
        let error = mirror.step().expect_err(name);
        assert_eq!((error.code(), error.is_passing()), ("log.equivocation", false), "{name}");
        let Error::Misbehaved { evidence, .. } = error else { panic!("{name}") };
        let path = mirror.copy().keep_evidence(&evidence).unwrap();
        let read = Misbehaviour::parse(&fs::read(&path).unwrap()).unwrap();
        let vkey = honest.vkey();
        shown(&read, LogKeys::Key { origin: ORIGIN, key: &vkey }).expect(name);
        assert_eq!(mirror.copy().keep_evidence(&evidence).unwrap(), path, "written once");
        assert_whole(tmp.path(), &honest);
        server.show(honest.clone());
        assert_eq!(mirror.step().unwrap(), Step::Unchanged, "{name}");
    }
}

#[test]
fn a_stranger_s_checkpoint_is_nothing_that_the_log_said() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(300));
    let mut mirror = mirror(&server, tmp.path(), false).unwrap();
    mirror.step().unwrap();
    let mut stranger = Shown::new(300).forked(5, 300);
    stranger.key = SigningKey::from_bytes(&[8; 32]);
    server.show(stranger);
    let error = mirror.step().unwrap_err();
    assert_eq!((error.code(), error.is_passing()), ("log.checkpoint", true));
    assert_whole(tmp.path(), &Shown::new(300));
}

#[test]
fn whatever_file_is_changed_nothing_of_it_is_shown() {
    let (before, after) = (Shown::new(300), Shown::new(600));
    let asked = {
        let tmp = tempfile::tempdir().unwrap();
        let server = Server::of(before.clone());
        let mut mirror = mirror(&server, tmp.path(), false).unwrap();
        mirror.step().unwrap();
        server.show(after.clone());
        mirror.step().unwrap();
        server.0.lock().unwrap().asked.clone()
    };
    assert!(asked.iter().any(|path| path.starts_with("tile/0/")), "{asked:?}");
    for path in asked {
        let good = after.file(&path).unwrap();
        let mut spoiled = vec![good[..good.len() - 1].to_vec(), Vec::new(), vec![0; 1 << 20]];
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            spoiled.push(bytes);
        }
        for bytes in spoiled {
            let tmp = tempfile::tempdir().unwrap();
            let server = Server::of(before.clone());
            let mut mirror = mirror(&server, tmp.path(), false).unwrap();
            mirror.step().unwrap();
            let mut lying = after.clone();
            lying.changed.insert(path.clone(), bytes);
            server.show(lying);
            match mirror.step() {
                Err(error) => {
                    assert!(error.is_passing(), "{path}: {error}");
                    assert_whole(tmp.path(), &before);
                    server.show(after.clone());
                    mirror.step().unwrap();
                }
                // A hash that no proof needed; the copy's own is computed.
                Ok(_) => assert!(path.starts_with("tile/") && !path.contains("entries"), "{path}"),
            }
            assert_whole(tmp.path(), &after);
        }
    }
}

#[test]
fn a_connection_that_ends_anywhere_costs_nothing_that_is_there() {
    let (before, after) = (Shown::new(300), Shown::new(2_000));
    let mut answers = 0;
    loop {
        let tmp = tempfile::tempdir().unwrap();
        let server = Server::of(before.clone());
        let mut first = mirror(&server, tmp.path(), true).unwrap();
        first.step().unwrap();
        first.fill().unwrap();
        let mut cut = after.clone();
        cut.answers = answers;
        server.show(cut);
        let done = first.step().and_then(|_| first.fill());
        drop(first);
        // Another process, later.
        server.show(after.clone());
        let mut second = mirror(&server, tmp.path(), true).unwrap();
        let kept = at(tmp.path()).unwrap();
        assert!(kept == before.note() || kept == after.note(), "{answers} answers");
        second.step().unwrap();
        second.fill().unwrap();
        assert_whole(tmp.path(), &after);
        assert_statements(tmp.path(), &after, &[]);
        if done.is_ok() {
            break;
        }
        // Each of the first, which differ, then some of those for statements, which are alike.
        answers += if answers < 24 { 1 } else { 37 };
    }
}

fn assert_statements(root: &Path, shown: &Shown, absent: &[u64]) {
    for bundle in 0..shown.size.div_ceil(256) {
        let bytes = fs::read(root.join(format!("statements/{bundle}"))).unwrap();
        let read = logcopy::parse(&bytes, logcopy::width(bundle, shown.size)).unwrap();
        for (index, statement) in (bundle * 256..).zip(read) {
            let expected = shown.statements[usize::try_from(index).unwrap()].as_slice();
            let expected = (!absent.contains(&index)).then_some(expected);
            assert_eq!(statement, expected, "{index}");
        }
    }
}

#[test]
fn statements_are_those_of_their_entries_and_stay_when_the_server_forgets_them() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(300));
    let mut mirror = mirror(&server, tmp.path(), true).unwrap();
    mirror.step().unwrap();
    assert_eq!(
        mirror.fill().unwrap(),
        Filled { fetched: 300, absent: 0, notes: 1, ..Filled::default() }
    );
    assert_eq!(mirror.fill().unwrap(), Filled::default());
    // The log grows, and what the mirror holds of the last file is erased on the server.
    let mut grown = Shown::new(310);
    grown.erased = vec![299, 305];
    server.show(grown.clone());
    mirror.step().unwrap();
    assert!(!tmp.path().join("statements/1").exists(), "it would be too short for the checkpoint");
    assert_eq!(
        mirror.fill().unwrap(),
        Filled { fetched: 10, absent: 1, notes: 1, ..Filled::default() }
    );
    assert_statements(tmp.path(), &grown, &[305]);

    // A statement that is another one.
    let mut lying = Shown::new(320);
    lying.erased = vec![305];
    let mut other = Vec::new();
    logcopy::push(&mut other, Some(b"another")).unwrap();
    let mut honest = lying.clone();
    lying.changed.insert("v1/statements/main/310".to_owned(), other);
    server.show(lying);
    mirror.step().unwrap();
    assert_eq!(mirror.fill().unwrap_err().code(), "mirror.statement");
    assert!(!tmp.path().join("statements/1").exists());
    honest.answers = usize::MAX;
    server.show(honest.clone());
    assert_eq!(
        mirror.fill().unwrap(),
        Filled { fetched: 10, absent: 0, notes: 1, ..Filled::default() }
    );
    assert_statements(tmp.path(), &honest, &[305]);
}

#[test]
fn notes_that_the_service_lists_are_of_the_tree_that_the_copy_holds() {
    let tmp = tempfile::tempdir().unwrap();
    let mut shown = Shown::new(700);
    shown.listed = (2..=700).map(|size| Shown::new(size).note()).collect();
    let server = Server::of(shown.clone());
    let mut first = mirror(&server, tmp.path(), false).unwrap();
    first.step().unwrap();
    assert_eq!(first.fill().unwrap().notes, 699);
    assert_eq!(first.fill().unwrap().notes, 0);
    // A kill before the cursor was written.
    fs::remove_file(tmp.path().join(".staging/notes-next")).unwrap();
    fs::write(tmp.path().join(".staging/notes-next"), "500").unwrap();
    drop(first);
    let mut second = mirror(&server, tmp.path(), false).unwrap();
    assert_eq!(second.fill().unwrap().notes, 0);
    let read = |n: u64| {
        let bytes = fs::read(tmp.path().join(format!("notes/{n}"))).unwrap();
        let notes = logcopy::parse_notes(&bytes).unwrap();
        notes.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    assert_eq!([read(0), read(1), read(2)].concat(), shown.listed);

    // One that is of another history is as good as a checkpoint of it; a stranger's is nothing.
    let mut stranger = Shown::new(300);
    stranger.key = SigningKey::from_bytes(&[8; 32]);
    for (note, code) in
        [(shown.forked(5, 300).note(), "log.equivocation"), (stranger.note(), "log.checkpoint")]
    {
        let mut lying = shown.clone();
        lying.listed.push(note);
        server.show(lying);
        assert_eq!(second.fill().unwrap_err().code(), code);
        assert_eq!([read(0), read(1), read(2)].concat(), shown.listed);
    }
}

#[test]
fn a_copy_that_is_damaged_of_another_log_or_in_use_is_refused() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(300));
    let mut first = mirror(&server, tmp.path(), false).unwrap();
    first.step().unwrap();
    assert_eq!(mirror(&server, tmp.path(), false).unwrap_err().code(), "dir.locked");
    drop(first);
    let mut other = Shown::new(300);
    other.key = SigningKey::from_bytes(&[8; 32]);
    let error = mirror(&Server::of(other), tmp.path(), false).unwrap_err();
    assert_eq!((error.code(), error.is_passing()), ("mirror.copy", false));
    let tile = tmp.path().join("tile/0/001.p/44");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(&tile, bytes).unwrap();
    assert_eq!(mirror(&server, tmp.path(), false).unwrap_err().code(), "mirror.copy");
}

#[test]
fn many_checkpoints_are_thinned_out_and_evidence_is_never_overwritten() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(3));
    let mirror = mirror(&server, tmp.path(), false).unwrap();
    let noted = |shown: &Shown| Noted::parse(&shown.note()).unwrap();
    fs::create_dir_all(tmp.path().join("checkpoints")).unwrap();
    for size in 4..3 + MAX_KEPT as u64 + 1 {
        fs::write(tmp.path().join(format!("checkpoints/{size}")), b"").unwrap();
    }
    mirror.copy.keep(&noted(&Shown::new(3))).unwrap();
    let kept = mirror.copy.kept().unwrap();
    assert_eq!(kept.len(), MAX_KEPT + 1 - MAX_KEPT / 4);
    assert_eq!((kept.first(), kept.last()), (Some(&3), Some(&(3 + MAX_KEPT as u64))));

    let a = noted(&Shown::new(5));
    let evidence = |index| {
        let b = noted(&Shown::new(5).forked(index, 5));
        Misbehaviour::new(a.clone(), b, None).unwrap()
    };
    let first = mirror.copy.keep_evidence(&evidence(1)).unwrap();
    let second = mirror.copy.keep_evidence(&evidence(2)).unwrap();
    assert_ne!(first, second);
    assert_eq!(fs::read(first).unwrap(), evidence(1).to_bytes());
    assert_eq!(mirror.copy.keep_evidence(&evidence(2)).unwrap(), second);
}
