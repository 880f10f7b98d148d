//! Bodies that are missing, and who ordered it.

use placet_proto::bundle::Bundle;
use placet_proto::document::{Body, Erasure, ErasureTarget, Quorum, Role};
use placet_proto::sshsig::Namespace;

use super::story::{Story, action, story};
use crate::ledger::Forge;
use crate::people::Person;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        approval_erased(),
        request_erased(),
        without_order(),
        order_by_an_approver(),
        order_of_another_entry(),
        order_unreferenced(),
        order_of_what_came_later(),
        order_by_a_revoked_key(),
        order_for_another_document(),
        one_of_two_erased(),
        misstated("erased-on-another-roster", "names a governance root that is none", |o, _| {
            o.after.gov.root[0] ^= 1;
        }),
        misstated("erased-in-anothers-name", "names another person than its key's", |o, _| {
            o.signer.person = Person::named("Bob").id;
        }),
        misstated("erased-from-the-future", "names a main size that it stands in", |o, _| {
            o.after.main.size += 100;
        }),
        misstated("erased-by-a-stranger", "is stated by a key that nobody trusts", |_, f| {
            f.ledger_key.key = crate::ledger::signing_key("stranger");
        }),
    ]
}

/// An order for these leaves, by whoever, stated by the ledger and cosigned; its leaf.
pub fn order(s: &mut Story, leaves: &[u64], by: &mut Person) -> u64 {
    s.forge.tick(1);
    s.forge.publish_both();
    let body = erasure(s, leaves, by);
    let index = ordered(s, body, by);
    s.forge.tick(1);
    s.forge.publish_both();
    index
}

fn erasure(s: &Story, leaves: &[u64], by: &Person) -> Erasure {
    let target = |index: &u64| ErasureTarget {
        index: *index,
        entry: placet_proto::sha256(&s.forge.main.statements[*index as usize]),
    };
    Erasure {
        targets: leaves.iter().map(target).collect(),
        reason: "personal data, request 17".to_owned(),
        signer: by.signer(),
        after: s.forge.after(),
    }
}

fn ordered(s: &mut Story, body: Erasure, by: &mut Person) -> u64 {
    let document = s.forge.document(Body::Erasure(body));
    let assertion = by.sign(Namespace::Erase, &document);
    let (subject, key) = (s.forge.uuid(), s.forge.ledger_key.clone());
    let statement = s.forge.statement(&key, &document, &subject, vec![assertion], None);
    s.forge.main.append(statement)
}

/// The evidence with these leaves erased and these orders beside them.
fn erased(s: &Story, leaves: &[u64], orders: &[u64]) -> Bundle {
    s.forge.bundle_with(&[&s.request], &[&s.alice], leaves, orders)
}

fn vector(
    s: &Story,
    bundle: &Bundle,
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
) -> Vector {
    Vector::new(name, about, requirements, bundle, &s.trust(), expect)
}

fn by_alice(s: &mut Story, leaves: &[u64]) -> u64 {
    let mut alice = Person::named("Alice");
    std::mem::swap(&mut alice, &mut s.alice);
    let index = order(s, leaves, &mut alice);
    std::mem::swap(&mut alice, &mut s.alice);
    index
}

fn approval_erased() -> Vector {
    let mut s = story();
    let leaves = [s.approval];
    let at = by_alice(&mut s, &leaves);
    let bundle = erased(&s, &leaves, &[at]);
    vector(
        &s,
        &bundle,
        "erased-approval",
        "An administrator had the approval's body erased; the execution that spent it is there.",
        &["R-9.8-1", "R-4.5-7"],
        Expect::Indeterminate("body.erased"),
    )
}

fn request_erased() -> Vector {
    let mut s = story();
    let leaves = [s.approval, s.execution, s.execution + 1];
    let at = by_alice(&mut s, &leaves);
    let bundle = erased(&s, &leaves, &[at]);
    vector(
        &s,
        &bundle,
        "erased-request",
        "An administrator had everything about a request erased.",
        &["R-9.8-1"],
        Expect::Indeterminate("body.erased"),
    )
}

fn without_order() -> Vector {
    let s = story();
    let bundle = erased(&s, &[s.approval], &[]);
    vector(
        &s,
        &bundle,
        "erased-without-order",
        "The approval's body is withheld, as if it had been erased; nobody ordered that.",
        &["R-9.8-2"],
        Expect::Failed("body.missing"),
    )
}

fn order_by_an_approver() -> Vector {
    let mut s = story();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver, Role::Auditor], Some(&mut s.alice));
    let leaves = [s.approval];
    let at = order(&mut s, &leaves, &mut bob);
    let bundle = erased(&s, &leaves, &[at]);
    vector(
        &s,
        &bundle,
        "erased-by-an-approver",
        "The order of erasure is signed by somebody who is no administrator.",
        &["R-9.8-2"],
        Expect::Failed("body.missing"),
    )
}

/// An order in which one thing is wrong.
fn misstated(
    name: &'static str,
    what: &'static str,
    change: impl FnOnce(&mut Erasure, &mut Forge),
) -> Vector {
    let mut s = story();
    s.forge.publish_both();
    let mut alice = Person::named("Alice");
    let mut body = erasure(&s, &[s.approval], &alice);
    let own = s.forge.ledger_key.clone();
    change(&mut body, &mut s.forge);
    let at = ordered(&mut s, body, &mut alice);
    s.forge.ledger_key = own;
    s.forge.tick(1);
    s.forge.publish_both();
    let bundle = erased(&s, &[s.approval], &[at]);
    let about = format!("The order {what}.").leak();
    vector(&s, &bundle, name, about, &["R-9.8-2"], Expect::Failed("body.missing"))
}

/// Of two approvals that an execution spent one is erased: nobody can say any more that there were
/// too few, nor that there were enough.
fn one_of_two_erased() -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let mut leaves = Vec::new();
    for person in [&mut Person::named("Alice"), &mut bob] {
        let mut answer = s.forge.answer_for(&s.request, &action("X0001"), person);
        answer.quorum = Quorum::of(2);
        s.forge.tick(1);
        leaves.push(s.forge.answer(person, answer, false));
    }
    s.forge.publish_main();
    s.forge.tick(1);
    s.execution = s.forge.execute(s.forge.execution_of(&leaves));
    s.forge.publish_main();
    let mut s = s.closed();
    let at = by_alice(&mut s, &leaves[1..]);
    let bundle = erased(&s, &leaves[1..], &[at]);
    vector(
        &s,
        &bundle,
        "erased-one-of-two",
        "Of two approvals that were asked for and spent, one is erased.",
        &["R-9.8-1"],
        Expect::Indeterminate("body.erased"),
    )
}

fn order_of_another_entry() -> Vector {
    let mut s = story();
    s.forge.publish_both();
    let mut alice = Person::named("Alice");
    let mut body = erasure(&s, &[s.approval], &alice);
    body.targets[0].entry[0] ^= 1;
    let at = ordered(&mut s, body, &mut alice);
    s.forge.tick(1);
    s.forge.publish_both();
    let bundle = erased(&s, &[s.approval], &[at]);
    vector(
        &s,
        &bundle,
        "erased-by-order-of-another",
        "The order names the leaf, and an entry that does not stand there.",
        &["R-9.8-2"],
        Expect::Failed("body.missing"),
    )
}

fn order_unreferenced() -> Vector {
    let mut s = story();
    let leaves = [s.approval];
    let at = by_alice(&mut s, &leaves);
    let bundle = erased(&s, &[s.execution], &[at]);
    vector(
        &s,
        &bundle,
        "erasure-unreferenced",
        "An order of erasure that names nothing of what is erased here.",
        &["R-7.3-2"],
        Expect::Malformed("bundle.structure"),
    )
}

fn order_of_what_came_later() -> Vector {
    let mut s = Story::opened().approved();
    let mut alice = Person::named("Alice");
    // Signed before there was an execution: its leaf and entry are told to her afterwards.
    let old = s.forge.after();
    s = s.executed().closed();
    let mut body = erasure(&s, &[s.execution], &alice);
    body.after = old;
    let at = ordered(&mut s, body, &mut alice);
    s.forge.tick(1);
    s.forge.publish_both();
    let bundle = erased(&s, &[s.execution], &[at]);
    vector(
        &s,
        &bundle,
        "erased-unseen",
        "The order names a leaf that its signer's checkpoint did not hold yet.",
        &["R-9.8-2"],
        Expect::Failed("body.missing"),
    )
}

fn order_by_a_revoked_key() -> Vector {
    let mut s = story();
    let mut carol = Person::named("Carol");
    s.forge.enrol(&mut carol, &[Role::Administrator], Some(&mut s.alice));
    let now = s.forge.clock;
    s.forge.revoke(&carol, &mut s.alice, now);
    s.forge.tick(1);
    s.forge.publish_both();
    let leaves = [s.approval];
    let at = order(&mut s, &leaves, &mut carol);
    let bundle = erased(&s, &leaves, &[at]);
    vector(
        &s,
        &bundle,
        "erased-by-a-revoked-key",
        "The order is signed with a key that had been revoked.",
        &["R-9.8-2"],
        Expect::Failed("body.missing"),
    )
}

fn order_for_another_document() -> Vector {
    let mut s = story();
    s.forge.publish_both();
    let mut alice = Person::named("Alice");
    let signed = erasure(&s, &[s.execution], &alice);
    let shown = erasure(&s, &[s.approval], &alice);
    let signed = s.forge.document(Body::Erasure(signed));
    let shown = s.forge.document(Body::Erasure(shown));
    let assertion = alice.sign(Namespace::Erase, &signed);
    let (subject, key) = (s.forge.uuid(), s.forge.ledger_key.clone());
    let statement = s.forge.statement(&key, &shown, &subject, vec![assertion], None);
    let at = s.forge.main.append(statement);
    s.forge.tick(1);
    s.forge.publish_both();
    let bundle = erased(&s, &[s.approval], &[at]);
    vector(
        &s,
        &bundle,
        "erased-by-a-stolen-signature",
        "The administrator signed an order for another leaf.",
        &["R-9.8-2", "R-4.3-1"],
        Expect::Failed("body.missing"),
    )
}
