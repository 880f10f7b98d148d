//! People against the ledger: invitations, waiting enrolments, second keys, revocations, names.
//! Between any two steps the ledger may be closed and opened again.

mod common;

use common::*;
use placet_ledger::service::*;
use placet_proto::document::{Role, Signer};
use placet_proto::sshsig::Namespace;
use placet_softkey::SoftKey;

fn code<T>(result: Result<T, placet_ledger::Error>) -> &'static str {
    result.err().map_or("ok", |e| e.code())
}

fn invite(fixture: &Fixture, name: &str, by: &Person) -> Invited {
    let invite = Invite {
        name: name.to_owned(),
        roles: vec![Role::Approver],
        identities: vec![format!("{}@example.com", name.to_lowercase())],
        person: None,
    };
    fixture.ledger.invite(&invite, by.key.credential_id()).unwrap()
}

/// Registers a fresh key and signs with it.
fn register(fixture: &Fixture, begun: &RegistrationChallenge) -> (SoftKey, Enrolled) {
    let mut key = SoftKey::generate("localhost").unwrap();
    let registered = registered(&key, &begun.challenge);
    let sign = fixture.ledger.register(&begun.registration, &registered).unwrap();
    let done = possess(fixture, &begun.registration, &mut key, &sign);
    (key, done)
}

fn possess(fixture: &Fixture, id: &str, key: &mut SoftKey, sign: &EnrolmentToSign) -> Enrolled {
    let signed = signed(key, &sign.possess);
    fixture.ledger.sign_enrolment(id, Namespace::EnrolPossess, signed).unwrap()
}

fn authorise(fixture: &Fixture, by: &mut Person) -> Result<Enrolled, placet_ledger::Error> {
    let waiting = fixture.ledger.waiting_enrolments().unwrap();
    let id = &waiting[0].id;
    let (_, challenge) = fixture.ledger.open_authorisation(id, by.key.credential_id())?;
    fixture.ledger.authorise_enrolment(id, signed(&mut by.key, &challenge))
}

fn change(fixture: &Fixture, change: &Change, by: &mut Person) {
    let sign = fixture.ledger.prepare_change(change, by.key.credential_id()).unwrap();
    let by = signed(&mut by.key, &sign.challenge);
    fixture.ledger.confirm_change(sign.document.sha256(), by).unwrap();
}

fn revocation(key: &SoftKey, fixture: &Fixture) -> Change {
    Change::Revoke {
        credential: key.credential_id().to_vec(),
        effective_from: fixture.ledger.now(),
        reason: "lost".to_owned(),
    }
}

fn state(fixture: &Fixture, invited: &Invited) -> &'static str {
    fixture.ledger.invitation(&invited.token, None).unwrap().1.name()
}

// SPEC.md R-10-28, R-10-29.
#[test]
fn an_invited_person_registers_waits_is_authorised_and_answers_with_a_restart_after_each_step() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let invited = invite(&fixture, "Bob", &alice);
    let fixture = fixture.reopen(|_| {});
    assert_eq!(state(&fixture, &invited), "open");
    let begun = fixture.ledger.begin_invited(&invited.token, None).unwrap();
    assert_eq!((&begun.person, begun.name.as_str()), (&invited.person, "Bob"));
    let fixture = fixture.reopen(|_| {});
    let mut key = SoftKey::generate("localhost").unwrap();
    let made = registered(&key, &begun.challenge);
    let sign = fixture.ledger.register(&begun.registration, &made).unwrap();
    let fixture = fixture.reopen(|_| {});
    assert_eq!(state(&fixture, &invited), "sign");
    let done = possess(&fixture, &begun.registration, &mut key, &sign);
    assert_eq!(done, Enrolled::Waiting(Namespace::EnrolAuthorise));
    let fixture = fixture.reopen(|_| {});
    assert_eq!(state(&fixture, &invited), "waiting");
    let waiting = fixture.ledger.waiting_enrolments().unwrap();
    let words = placet_proto::words::fingerprint(&key.public_key().thumbprint());
    assert_eq!((waiting.len(), waiting[0].words(), waiting[0].possessed), (1, words, true));

    let recorded = authorise(&fixture, &mut alice).unwrap();
    assert!(matches!(recorded, Enrolled::Recorded { note_missing: None, .. }), "{recorded:?}");
    let fixture = fixture.reopen(|_| {});
    assert_eq!(state(&fixture, &invited), "ready");
    assert!(fixture.ledger.waiting_enrolments().unwrap().is_empty());
    let bob = fixture.ledger.person(&invited.person).unwrap();
    assert_eq!((bob.name.as_deref(), bob.roles.as_slice()), (Some("Bob"), &[Role::Approver][..]));
    assert_eq!(bob.identities, ["bob@example.com"]);
    assert!(bob.keys[0].covered);
    let mut bob = Person { id: invited.person, key };
    let request = fixture.request(1);
    assert_eq!(fixture.answer(&request, &mut bob, false).state, RequestState::Approved);
}

// SPEC.md R-10-28.
#[test]
fn a_link_is_for_one_key_of_one_person_and_for_a_week() {
    let fixture = Fixture::new();
    let alice = fixture.bootstrap("Alice");
    let invited = invite(&fixture, "Bob", &alice);
    let begin = |session| fixture.ledger.begin_invited(&invited.token, session);
    assert_eq!(code(fixture.ledger.begin_invited("x", None)), "invite.unknown");
    assert_eq!(code(begin(Some(&alice.id))), "invite.person");
    // What was only begun can be begun again; a key that has signed can't be replaced.
    let first = begin(None).unwrap();
    let second = begin(Some(&invited.person)).unwrap();
    let mut key = SoftKey::generate("localhost").unwrap();
    let made = registered(&key, &first.challenge);
    assert_eq!(code(fixture.ledger.register(&first.registration, &made)), "enrol.unknown");
    let made = registered(&key, &second.challenge);
    let sign = fixture.ledger.register(&second.registration, &made).unwrap();
    possess(&fixture, &second.registration, &mut key, &sign);
    assert_eq!(code(begin(None)), "invite.used");
    let other = SoftKey::generate("localhost").unwrap();
    let made = registered(&other, &second.challenge);
    assert_eq!(code(fixture.ledger.register(&second.registration, &made)), "enrol.signed");

    let late = invite(&fixture, "Carol", &alice);
    fixture.clock.forward(7 * 86_400);
    assert_eq!(state(&fixture, &late), "expired");
    assert_eq!(code(fixture.ledger.begin_invited(&late.token, None)), "invite.expired");
    // Bob's key has signed in time: it may wait for Alice.
    assert_eq!(state(&fixture, &invited), "waiting");
}

// SPEC.md R-10-28.
#[test]
fn an_invitation_can_be_taken_back_and_a_key_be_refused() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let by = Signer { person: alice.id.clone(), credential: alice.key.credential_id().to_vec() };
    let invited = invite(&fixture, "Bob", &alice);
    let begun = fixture.ledger.begin_invited(&invited.token, None).unwrap();
    register(&fixture, &begun);
    fixture.ledger.cancel_invitation(&invited.id, &by).unwrap();
    assert_eq!(code(fixture.ledger.begin_invited(&invited.token, None)), "invite.cancelled");
    assert!(fixture.ledger.waiting_enrolments().unwrap().is_empty());

    let stolen = invite(&fixture, "Carol", &alice);
    let begun = fixture.ledger.begin_invited(&stolen.token, None).unwrap();
    register(&fixture, &begun);
    let waiting = fixture.ledger.waiting_enrolments().unwrap();
    fixture.ledger.reject_enrolment(&waiting[0].id, &by).unwrap();
    assert_eq!(state(&fixture, &stolen), "rejected");
    assert_eq!(code(authorise_none(&fixture, &waiting[0].id, &mut alice)), "enrol.unknown");
    let invited = invite(&fixture, "Dan", &alice);
    let begun = fixture.ledger.begin_invited(&invited.token, None).unwrap();
    register(&fixture, &begun);
    authorise(&fixture, &mut alice).unwrap();
    assert_eq!(code(fixture.ledger.cancel_invitation(&invited.id, &by)), "invite.used");
}

fn authorise_none(
    fixture: &Fixture,
    id: &str,
    by: &mut Person,
) -> Result<Enrolled, placet_ledger::Error> {
    fixture.ledger.authorise_enrolment(id, signed(&mut by.key, b"challenge"))
}

#[test]
fn when_the_authoriser_is_revoked_another_administrator_takes_over_and_the_key_signs_again() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let roles = vec![Role::Administrator, Role::Approver];
    change(&fixture, &Change::Roles { person: bob.id.clone(), roles }, &mut alice);
    let invited = invite(&fixture, "Carol", &alice);
    let begun = fixture.ledger.begin_invited(&invited.token, None).unwrap();
    let (mut key, _) = register(&fixture, &begun);
    let id = fixture.ledger.waiting_enrolments().unwrap()[0].id.clone();
    let (_, challenge) = fixture.ledger.open_authorisation(&id, alice.key.credential_id()).unwrap();
    let by_alice = signed(&mut alice.key, &challenge);
    // What Alice signed before the loss stands: Bob's role too.
    fixture.clock.forward(10);
    change(&fixture, &revocation(&alice.key, &fixture), &mut bob);
    let refused = fixture.ledger.authorise_enrolment(&id, by_alice);
    assert_eq!(code(refused), "person.not_authorised");

    let bobs = bob.key.credential_id().to_vec();
    assert_eq!(code(fixture.ledger.open_authorisation(&id, &bobs)), "enrol.authoriser");
    fixture.ledger.take_over_enrolment(&id, &bobs).unwrap();
    assert_eq!(code(fixture.ledger.open_authorisation(&id, &bobs)), "enrol.possession");
    let fixture = fixture.reopen(|_| {});
    let (_, InvitationState::Sign(r)) = fixture.ledger.invitation(&invited.token, None).unwrap()
    else {
        panic!("the new key has to sign again");
    };
    let sign = fixture.ledger.to_be_signed(&r).unwrap();
    possess(&fixture, &id, &mut key, &sign);
    assert!(matches!(authorise(&fixture, &mut bob), Ok(Enrolled::Recorded { .. })));
    assert_eq!(state(&fixture, &invited), "ready");
}

#[test]
fn an_invitation_needs_an_administrator_and_so_does_its_authorisation() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let bob = fixture.enrol("Bob", &mut alice);
    let invite = Invite {
        name: "Eve".to_owned(),
        roles: vec![Role::Administrator],
        identities: Vec::new(),
        person: None,
    };
    let refused = fixture.ledger.invite(&invite, bob.key.credential_id());
    assert_eq!(code(refused), "person.not_authorised");
    let nobody = Invite { roles: Vec::new(), ..invite.clone() };
    assert_eq!(code(fixture.ledger.invite(&nobody, alice.key.credential_id())), "request.invalid");
    let invited = fixture.ledger.invite(&invite, alice.key.credential_id()).unwrap();
    let begun = fixture.ledger.begin_invited(&invited.token, None).unwrap();
    let (mut evil, _) = register(&fixture, &begun);
    let id = fixture.ledger.waiting_enrolments().unwrap()[0].id.clone();
    let (_, challenge) = fixture.ledger.open_authorisation(&id, alice.key.credential_id()).unwrap();
    let own = fixture.ledger.authorise_enrolment(&id, signed(&mut evil, &challenge));
    assert_eq!(code(own), "answer.assertion");
    assert_eq!(state(&fixture, &invited), "waiting");
}

#[test]
fn the_last_administrator_goes_only_when_that_is_confirmed() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let alices = alice.key.credential_id().to_vec();
    let gone = revocation(&alice.key, &fixture);
    let demoted = Change::Roles { person: alice.id.clone(), roles: vec![Role::Approver] };
    for change in [&gone, &demoted] {
        let refused = fixture.ledger.prepare_change(change, &alices);
        assert_eq!(code(refused), "people.last_administrator");
    }
    assert_eq!(fixture.ledger.administrator_keys().unwrap(), 1);
    let mut bob = fixture.enrol("Bob", &mut alice);
    let roles = vec![Role::Administrator];
    change(&fixture, &Change::Roles { person: bob.id.clone(), roles }, &mut alice);
    change(&fixture, &demoted, &mut bob);
    // The first person's key is a root to the service, and yet its roles can be taken away.
    assert_eq!(fixture.ledger.roles_now(&alices).unwrap(), [Role::Approver]);
    assert_eq!(code(fixture.ledger.prepare_change(&gone, &alices)), "ok", "its own key");
    let other = Change::Roles { person: bob.id.clone(), roles: vec![Role::Approver] };
    assert_eq!(code(fixture.ledger.prepare_change(&other, &alices)), "person.not_authorised");
    let sign = fixture.ledger.prepare_last_change(&other, bob.key.credential_id()).unwrap();
    let by_bob = signed(&mut bob.key, &sign.challenge);
    fixture.ledger.confirm_change(sign.document.sha256(), by_bob).unwrap();
    assert_eq!(fixture.ledger.administrator_keys().unwrap(), 0);
}

#[test]
fn two_administrators_can_not_take_each_other_away_by_accident() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let both = vec![Role::Administrator, Role::Approver];
    change(&fixture, &Change::Roles { person: bob.id.clone(), roles: both }, &mut alice);
    // Each leaves one administrator when it is prepared.
    let demoted = |p: &Person| Change::Roles { person: p.id.clone(), roles: vec![Role::Approver] };
    let first = fixture.ledger.prepare_change(&demoted(&alice), alice.key.credential_id()).unwrap();
    let second = fixture.ledger.prepare_change(&demoted(&bob), bob.key.credential_id()).unwrap();
    let by_alice = signed(&mut alice.key, &first.challenge);
    fixture.ledger.confirm_change(first.document.sha256(), by_alice).unwrap();
    let by_bob = signed(&mut bob.key, &second.challenge);
    let refused = fixture.ledger.confirm_change(second.document.sha256(), by_bob);
    assert_eq!(code(refused), "people.last_administrator");
    assert_eq!(fixture.ledger.administrator_keys().unwrap(), 1);
}

#[test]
fn who_goes_by_several_names_answers_nothing_of_their_own() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let bob = fixture.enrol("Bob", &mut alice);
    let ids = vec!["Helpdesk-Bot".to_owned()];
    fixture.ledger.set_identities(&bob.id, &ids).unwrap();
    let request = fixture.request(1);
    assert_eq!(code(fixture.open(&request, &bob, false)), "answer.self_approval");
    fixture.answer(&request, &mut alice, false);
    let erased = fixture.ledger.erase_name(&bob.id);
    erased.unwrap();
    assert_eq!(code(fixture.ledger.set_identities(&bob.id, &ids)), "person.unknown");
    assert_eq!(fixture.ledger.person(&bob.id).unwrap().name, None);
}

#[test]
fn keys_are_found_by_what_people_can_say() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let bob = fixture.enrol("Bob", &mut alice);
    let thumbprint = bob.key.public_key().thumbprint();
    let hex = placet_proto::b64::encode_hex(thumbprint);
    let words = placet_proto::words::fingerprint(&thumbprint);
    for named in [hex.as_str(), &hex[..8], &hex.to_uppercase()[..12], &words] {
        let found = fixture.ledger.find_key(named).unwrap();
        assert_eq!(found.credential, bob.key.credential_id(), "{named}");
    }
    for none in ["", &hex[..7], "00000000", "bob"] {
        assert_eq!(code(fixture.ledger.find_key(none)), "person.unknown", "{none}");
    }
    assert_eq!(fixture.ledger.find_person("Bob").unwrap(), bob.id);
    assert_eq!(fixture.ledger.find_person(&alice.id).unwrap(), alice.id);
}

#[test]
fn nobody_fills_the_governance_log_alone() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let first = bob.key.credential_id().to_vec();
    let mut keys = Vec::new();
    let refused = loop {
        let begun = match fixture.ledger.begin_own(&first, None) {
            Ok(begun) => begun,
            Err(error) => break error.code(),
        };
        keys.push(register(&fixture, &begun).0);
        authorise(&fixture, &mut bob).unwrap();
        assert!(keys.len() < 40);
    };
    assert_eq!((refused, keys.len()), ("ledger.limit", 31));
    // An administrator may let in more.
    let further = Invite {
        name: String::new(),
        roles: vec![Role::Approver],
        identities: Vec::new(),
        person: Some(bob.id.clone()),
    };
    fixture.ledger.invite(&further, alice.key.credential_id()).unwrap();

    let lost = revocation(&keys[0], &fixture);
    for _ in 0..8 {
        change(&fixture, &lost, &mut bob);
    }
    let more = fixture.ledger.prepare_change(&lost, &first);
    assert_eq!(code(more), "person.not_authorised");
    change(&fixture, &lost, &mut alice);
}
