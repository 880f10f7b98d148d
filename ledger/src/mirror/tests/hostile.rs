//! Servers that try to make a copy unreadable, to keep a mirror busy, or to take back what they
//! have shown.

use placet_proto::cose_key::PublicKey;
use placet_proto::document::Purpose;
use placet_proto::kind::LogRole;
use placet_proto::tlog::cosignature::{Cosignature, message};
use placet_proto::trust::{TrustedKey, TrustedLog};

use super::*;

const WITNESS: &str = "w.example";

fn witness() -> (SigningKey, VerifierKey) {
    let key = SigningKey::from_bytes(&[9; 32]);
    let raw = KeyMaterial::CosignatureV1(key.verifying_key().to_bytes());
    (key, VerifierKey::new(WITNESS, raw).unwrap())
}

/// The log's note, cosigned at this time.
fn cosigned(shown: &Shown, time: u64) -> Note {
    let (key, vkey) = witness();
    let mut note = Note::parse(&shown.note()).unwrap();
    let signature = key.sign(&message(time, note.text()).unwrap()).to_bytes();
    let line = Cosignature::new(time, signature).unwrap().to_bytes();
    note.set_signature(SignatureLine::new(&vkey, line).unwrap()).unwrap();
    note
}

/// A note with a line of a stranger.
fn with_line(mut note: Note, stranger: u8) -> Vec<u8> {
    let vkey = VerifierKey::new("stranger", KeyMaterial::Ed25519([stranger; 32])).unwrap();
    note.set_signature(SignatureLine::new(&vkey, vec![stranger; 64]).unwrap()).unwrap();
    note.to_bytes()
}

fn trusted(shown: &Shown) -> LogTrust {
    let public_key = PublicKey::Ed25519(shown.key.verifying_key().to_bytes()).to_cose();
    let key = TrustedKey {
        purpose: Purpose::Checkpoint,
        public_key,
        kinds: Vec::new(),
        audience: None,
        from_size: 0,
        until_size: None,
    };
    let log = TrustedLog {
        origin: ORIGIN.to_owned(),
        role: LogRole::Main,
        genesis: shown.entry(0),
        keys: vec![key],
        witness_policy: format!("witness w {}\nquorum w\n", witness().1.to_vkey()),
        operated_by_self: Vec::new(),
    };
    LogTrust::new(&log).unwrap()
}

fn following(server: &Server, trust: LogTrust, root: &Path) -> Mirror {
    let service = Service { server: Box::new(server.clone()), log: "main", bodies: false };
    let keys = Keys::Trusted(Box::new(trust));
    Mirror::open(root, keys, Box::new(server.clone()), Some(service)).unwrap()
}

fn notes(root: &Path) -> Vec<Vec<u8>> {
    let files = (0..).map_while(|n| fs::read(root.join(format!("notes/{n}"))).ok());
    files
        .flat_map(|file| {
            let read = logcopy::parse_notes(&file).unwrap();
            read.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn what_a_server_adds_to_notes_does_not_make_a_liar_of_the_log() {
    let tmp = tempfile::tempdir().unwrap();
    let mut shown = Shown::new(300);
    let good = |size, time| cosigned(&Shown::new(size), time);
    // The name and key id of a known witness, and a signature of nobody's.
    let mut forged = good(100, 10);
    let bad = Cosignature::new(10, [1; 64]).unwrap().to_bytes();
    forged.set_signature(SignatureLine::new(&witness().1, bad).unwrap()).unwrap();
    let long = {
        let mut note = good(200, 11);
        let vkey = VerifierKey::new("stranger", KeyMaterial::Ed25519([3; 32])).unwrap();
        note.set_signature(SignatureLine::new(&vkey, vec![3; 60_000]).unwrap()).unwrap();
        note.to_bytes()
    };
    assert!(long.len() > placet_proto::bundle::MAX_NOTE);
    let mut honest = vec![good(100, 10).to_bytes(), good(100, 20).to_bytes()];
    honest.push(good(300, 30).to_bytes());
    let junk = (0..90).map(|n| with_line(good(250, 25), n));
    shown.listed = vec![forged.to_bytes(), honest[0].clone(), long];
    shown.listed.extend(junk.clone());
    shown.listed.extend(honest[1..].iter().cloned());
    shown.changed.insert("checkpoint".to_owned(), honest[2].clone());
    let server = Server::of(shown.clone());
    let mut mirror = following(&server, trusted(&shown), tmp.path());
    mirror.step().unwrap();
    let filled = mirror.fill().unwrap();
    // Of those that differ in strangers' lines only, a few.
    assert_eq!((filled.notes, filled.left_out), (3 + 4, 2 + 86));
    let kept = notes(tmp.path());
    assert!(honest.iter().all(|note| kept.contains(note)));
    for note in &kept {
        let noted = Noted::parse(note).unwrap();
        open(note, &noted.signed, &trusted(&shown)).unwrap();
    }
    // Another process counts on.
    drop(mirror);
    shown.listed.extend((90..120).map(|n| with_line(good(250, 25), n)));
    server.show(shown.clone());
    let mut mirror = following(&server, trusted(&shown), tmp.path());
    mirror.step().unwrap();
    let filled = mirror.fill().unwrap();
    assert_eq!((filled.notes, filled.left_out, filled.more), (0, 30, false));
    assert_eq!(notes(tmp.path()), kept);
}

/// A list without end, of one note or of ever new ones.
struct Endless {
    server: Server,
    note: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync>,
}

impl Remote for Endless {
    fn get(&self, path: &str, max: usize) -> Result<Vec<u8>, Error> {
        let Some(row) = path.strip_prefix("v1/notes/main/") else {
            return self.server.get(path, max);
        };
        self.server.0.lock().unwrap().asked.push(path.to_owned());
        let row: u64 = row.parse().unwrap();
        let next = Number::parse(&(row + 1).to_string()).unwrap();
        let notes = Json::Array(vec![text(&(self.note)(row))]);
        Ok(jcs::to_bytes(&Json::object([("next", Json::Number(next)), ("notes", notes)])))
    }
}

#[test]
fn a_list_without_end_does_not_keep_a_mirror_from_looking() {
    let same: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync> = Box::new(|_| Shown::new(300).note());
    let other: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync> =
        Box::new(|row| Shown::new(2 + row).note());
    for (note, asked, more) in [(same, 2, false), (other, 16, true)] {
        let tmp = tempfile::tempdir().unwrap();
        let server = Server::of(Shown::new(300));
        let endless = Endless { server: server.clone(), note };
        let service = Service { server: Box::new(endless), log: "main", bodies: false };
        let key = Box::new(Shown::new(300).vkey());
        let keys = Keys::Key { origin: ORIGIN.to_owned(), key };
        let remote = Box::new(server.clone());
        let mut mirror = Mirror::open(tmp.path(), keys, remote, Some(service)).unwrap();
        mirror.step().unwrap();
        let before = server.0.lock().unwrap().asked.len();
        assert_eq!(mirror.fill().unwrap().more, more);
        assert_eq!(server.0.lock().unwrap().asked.len() - before, asked);
    }
}

#[test]
fn a_mirror_that_was_led_past_the_end_of_the_list_comes_back() {
    for (next, refused) in [(9_000_000_000_000_000_u64, false), (1 << 63, true)] {
        let tmp = tempfile::tempdir().unwrap();
        let mut shown = Shown::new(300);
        shown.listed = (2..100).map(|size| Shown::new(size).note()).collect();
        let mut lying = shown.clone();
        let listed = jcs::to_bytes(&Json::Array(vec![text(&shown.note())]));
        let listed = String::from_utf8(listed).unwrap();
        let page = format!("{{\"next\":{next},\"notes\":{listed}}}");
        lying.changed.insert("v1/notes/main/0".to_owned(), page.into_bytes());
        let server = Server::of(lying);
        let mut mirror = mirror(&server, tmp.path(), false).unwrap();
        mirror.step().unwrap();
        assert_eq!(mirror.fill().is_err(), refused);
        server.show(shown.clone());
        mirror.fill().unwrap();
        mirror.fill().unwrap();
        let kept = notes(tmp.path());
        assert!(shown.listed.iter().all(|note| kept.contains(note)), "{next}");
    }
}

/// Only the checkpoint, no tiles.
fn withheld(shown: &Shown) -> Shown {
    let mut bare = Shown::new(0);
    bare.changed.insert("checkpoint".to_owned(), shown.note());
    bare
}

#[test]
fn a_note_whose_tiles_are_withheld_is_evidence_later() {
    for first in [0, 300] {
        let tmp = tempfile::tempdir().unwrap();
        let server = Server::of(Shown::new(first));
        let mut one = mirror(&server, tmp.path(), false).unwrap();
        if first > 0 {
            one.step().unwrap();
        }
        let fork = Shown::new(600).forked(299, 600);
        server.show(withheld(&fork));
        assert!(one.step().unwrap_err().is_passing());
        drop(one);
        // Honest from here on, and another process.
        let mut one = mirror(&server, tmp.path(), false).unwrap();
        server.show(Shown::new(500));
        assert_eq!(one.step().unwrap(), Step::Grown { from: first, to: 500 });
        server.show(Shown::new(700));
        let error = one.step().unwrap_err();
        assert_eq!(error.code(), "log.equivocation");
        let path = tmp.path().join("log-misbehaved.json");
        let evidence = Misbehaviour::parse(&fs::read(path).unwrap()).unwrap();
        assert_eq!(evidence.older().bytes, fork.note());
        shown(&evidence, LogKeys::Key { origin: ORIGIN, key: &fork.vkey() }).unwrap();
        assert_whole(tmp.path(), &Shown::new(700));
        // It is told once.
        assert_eq!(one.step().unwrap(), Step::Unchanged);
        assert_eq!(fs::read_dir(tmp.path().join("seen")).unwrap().count(), 0);
    }
}

#[test]
fn two_roots_of_a_size_that_nobody_gave_the_tiles_of_are_evidence_at_once() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(300));
    let mut mirror = mirror(&server, tmp.path(), false).unwrap();
    mirror.step().unwrap();
    server.show(withheld(&Shown::new(600)));
    assert!(mirror.step().unwrap_err().is_passing());
    assert!(mirror.step().unwrap_err().is_passing(), "the same once more is no contradiction");
    server.show(withheld(&Shown::new(600).forked(5, 600)));
    assert_eq!(mirror.step().unwrap_err().code(), "log.equivocation");
    assert!(tmp.path().join("log-misbehaved.json").exists());
    assert_whole(tmp.path(), &Shown::new(300));
}

#[test]
fn evidence_is_refused_rather_than_overwritten() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Server::of(Shown::new(300));
    let mirror = mirror(&server, tmp.path(), false).unwrap();
    let noted = |shown: &Shown| Noted::parse(&shown.note()).unwrap();
    let evidence = |index| {
        let (a, b) = (Shown::new(200), Shown::new(200).forked(index, 200));
        Misbehaviour::new(noted(&a), noted(&b), None).unwrap()
    };
    let paths: Vec<_> = (0..100)
        .map(|n| match n {
            0 => "log-misbehaved.json".to_owned(),
            n => format!("log-misbehaved-{}.json", n + 1),
        })
        .map(|name| tmp.path().join(name))
        .collect();
    for (n, path) in paths.iter().enumerate().take(98) {
        fs::write(path, evidence(n).to_bytes()).unwrap();
    }
    for n in [98, 99] {
        assert_eq!(mirror.copy.keep_evidence(&evidence(n)).unwrap(), paths[n]);
    }
    let error = mirror.copy.keep_evidence(&evidence(100)).unwrap_err();
    assert_eq!(error.code(), "mirror.copy");
    for (n, path) in paths.iter().enumerate() {
        assert_eq!(fs::read(path).unwrap(), evidence(n).to_bytes(), "{n}");
        assert_eq!(mirror.copy.keep_evidence(&evidence(n)).unwrap(), *path);
    }
}
