//! Writes evidence that costs a verifier as much as 16 MiB can: `worst DIR`. An operator with all
//! his keys wrote it, so that nothing stops a check early.
//!
//! * `answers`: many answers in many requests, after many notes, over many role changes.
//! * `lineage`: many answers at the end of the longest lineage.
//! * `numbers`: actions full of numbers, which take the most memory for a byte.

use std::path::Path;
use std::{env, fs, io};

use placet_forge::scenarios::{Story, action};
use placet_forge::{Forge, Person};
use placet_proto::action::Action;
use placet_proto::document::{Body, Role};
use placet_proto::json;

fn main() -> io::Result<()> {
    let dir = env::args().nth(1).unwrap_or_else(|| "worst".to_owned());
    for (name, story, requests) in
        [numbers(), answers("answers", 900, 800, 0), answers("lineage", 900, 0, 31)]
    {
        let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
        let bundle = story.forge.bundle(&requests, &[]).encode();
        println!("{name}: {} bytes, {} requests", bundle.len(), requests.len());
        let dir = Path::new(&dir).join(name);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("bundle.placet"), bundle)?;
        fs::write(dir.join("trust.json"), story.trust().encode())?;
    }
    Ok(())
}

type Worst = (&'static str, Story, Vec<String>);

fn answers(name: &'static str, notes: u64, roles: usize, depth: usize) -> Worst {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    let mut last: Option<Person> = None;
    for i in 0..depth {
        let mut next = Person::named(&format!("Administrator {i}"));
        s.forge.enrol(
            &mut next,
            &[Role::Administrator],
            Some(last.as_mut().unwrap_or(&mut s.alice)),
        );
        last = Some(next);
    }
    let by = last.as_mut().unwrap_or(&mut s.alice);
    s.forge.enrol(&mut bob, &[Role::Approver], Some(by));
    for i in 0..roles {
        let now = s.forge.clock + 1_000_000;
        match i % 2 {
            0 => s.forge.set_roles(&bob, &[Role::Approver], &mut s.alice),
            _ => s.forge.revoke(&bob, &mut s.alice, now),
        };
        // A bundle has at most 1024 notes; the last few are of use.
        s.forge.publish_gov();
        if i + 4 < roles {
            s.forge.gov.notes.pop();
        }
    }
    s.forge.tick(1);
    s.forge.publish_both();
    let requests = ask(&mut s.forge, &mut bob, 1024, 3);
    for _ in 0..notes {
        s.forge.tick(1);
        s.forge.publish_both();
    }
    (name, s, requests)
}

fn ask(forge: &mut Forge, bob: &mut Person, requests: usize, each: usize) -> Vec<String> {
    let mut asked = Vec::new();
    for _ in 0..requests {
        let request = forge.uuid();
        for _ in 0..each {
            let answer = forge.answer_for(&request, &action("X0001"), bob);
            forge.answer(bob, answer, false);
        }
        asked.push(request);
    }
    asked
}

fn numbers() -> Worst {
    let mut s = Story::opened();
    let zeros = vec!["0"; 31_000].join(",");
    let text = format!(
        r#"{{"subject":{{"type":"a","id":"b"}},"action":{{"name":"c"}},
            "resource":{{"type":"d","id":"e"}},"context":{{"n":[{zeros}]}}}}"#
    );
    let json = json::parse(text.as_bytes()).expect("valid JSON");
    let full = Action::from_document(&json).expect("a valid action");
    let mut requests = Vec::new();
    for _ in 0..240 {
        let request = s.forge.uuid();
        let answer = s.forge.answer_for(&request, &full, &s.alice);
        let document = s.forge.document(Body::Approval(answer));
        let assertion = s.alice.sign(placet_proto::sshsig::Namespace::Approve, &document);
        s.forge.append_answer(&document, assertion);
        requests.push(request);
    }
    s.close();
    ("numbers", s, requests)
}
