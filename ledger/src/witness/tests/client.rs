//! Asking one witness, honest or not.

use super::*;
use std::sync::Mutex;

/// Gives the answers that the test wrote down, and keeps what was asked.
struct Script {
    answers: Mutex<Vec<Answer>>,
    asked: Arc<Mutex<Vec<u64>>>,
}

impl Transport for Script {
    fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, Error> {
        self.asked.lock().unwrap().push(AddCheckpoint::parse(body).unwrap().old_size);
        Ok(self.answers.lock().unwrap().remove(0))
    }
}

fn scripted(answers: &[(u16, String)]) -> (WitnessClient, Arc<Mutex<Vec<u64>>>) {
    let key = CosignerKey::from_seed(WITNESS, &[9; 32]).unwrap();
    let asked = Arc::default();
    let answers =
        answers.iter().map(|(status, body)| Answer { status: *status, body: body.clone().into() });
    let script = Script { answers: Mutex::new(answers.collect()), asked: Arc::clone(&asked) };
    (WitnessClient::new(key.public().clone(), Box::new(script)), asked)
}

fn line(time: u64, text: &str) -> String {
    let key = CosignerKey::from_seed(WITNESS, &[9; 32]).unwrap();
    key.cosign(time, text).unwrap().to_line()
}

#[test]
fn a_conflict_is_answered_with_a_proof_from_the_witness_s_size() {
    let log = TestLog::new(9, 1);
    let signed = log.checkpoint(9);
    let good = line(NOW, signed.note().text());
    let answers = [(409, "4\n".into()), (200, good.clone()), (200, good)];
    let (client, asked) = scripted(&answers);
    assert_eq!(client.cosign(&signed, &log).unwrap().1, NOW);
    client.cosign(&signed, &log).unwrap();
    assert_eq!(*asked.lock().unwrap(), [0, 4, 9]);
}

#[test]
fn what_a_witness_answers_decides_the_code() {
    let log = TestLog::new(9, 1);
    let signed = log.checkpoint(9);
    let text = signed.note().text();
    let stranger = CosignerKey::from_seed("stranger.example", &[3; 32]).unwrap();
    let own = |answer: String| vec![(200, answer)];
    for (answers, code, alarm) in [
        (vec![(404, String::new())], "witness.unknown_log", false),
        (vec![(403, String::new())], "witness.unknown_log", false),
        (vec![(400, "no\n".into())], "witness.refused", false),
        (vec![(302, String::new())], "witness.refused", false),
        (vec![(422, String::new())], "witness.refused", false),
        (vec![(503, String::new())], "witness.unavailable", false),
        (vec![(429, String::new())], "witness.unavailable", false),
        (vec![(409, "x\n".into())], "witness.answer", false),
        (vec![(409, "0\n".into())], "witness.answer", false),
        (vec![(409, "10\n".into())], "witness.ahead", true),
        (vec![(409, "5\n".into()), (422, String::new())], "witness.fork", true),
        (vec![(409, "9\n".into()), (422, String::new())], "witness.fork", true),
        (vec![(409, "9\n".into()), (409, "other root\n".into())], "witness.fork", true),
        (vec![(409, "9\n".into()), (409, "9\n".into())], "witness.fork", true),
        ([1, 2, 3, 4].map(|size| (409, format!("{size}\n"))).to_vec(), "witness.answer", false),
        (own(String::new()), "witness.answer", false),
        (own("hello\n".into()), "witness.answer", false),
        (own(line(NOW, text).repeat(2)), "witness.answer", false),
        (own(line(NOW, "another text\n")), "witness.cosignature", false),
        (own(line(0, text)), "witness.cosignature", false),
        (own(stranger.cosign(NOW, text).unwrap().to_line()), "witness.cosignature", false),
    ] {
        let (client, _) = scripted(&answers);
        let error = client.cosign(&signed, &log).unwrap_err();
        assert_eq!((error.code(), error.is_alarm()), (code, alarm), "{answers:?}");
    }
}

#[test]
fn a_larger_size_of_the_same_log_is_no_alarm() {
    let log = TestLog::new(9, 1);
    let (client, _) = scripted(&[(409, "8\n".into())]);
    let error = client.cosign(&log.checkpoint(5), &log).unwrap_err();
    assert_eq!((error.code(), error.is_alarm()), ("witness.superseded", false));
}

#[test]
fn lines_of_strangers_are_ignored() {
    let log = TestLog::new(9, 1);
    let signed = log.checkpoint(9);
    let stranger = CosignerKey::from_seed("stranger.example", &[3; 32]).unwrap();
    let both = stranger.cosign(NOW, signed.note().text()).unwrap().to_line()
        + &line(NOW, signed.note().text());
    let (client, _) = scripted(&[(200, both)]);
    let (line, _) = client.cosign(&signed, &log).unwrap();
    assert_eq!(line.name(), WITNESS);
}

#[test]
fn a_refusal_s_text_is_bounded_and_printable() {
    let log = TestLog::new(9, 1);
    let (client, _) = scripted(&[(400, "\u{1b}[31m\u{202e}evil".to_owned() + &"a".repeat(999))]);
    let Error::Refused { message, .. } = client.cosign(&log.checkpoint(9), &log).unwrap_err()
    else {
        panic!("another error");
    };
    assert!(message.starts_with("[31mevil") && message.len() <= 200, "{message:?}");
}
