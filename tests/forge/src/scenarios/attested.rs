//! Where the approver's key lives: attested registrations, and lies about them.

use placet_proto::document::{Body, Document, Enrolment, KeyClass, Role};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::Assertion;
use placet_proto::trust::TrustFile;
use placet_softkey::{Behaviour, SoftKey, flags};

use super::story::{Story, action};
use crate::attest::Vendor;
use crate::ledger::Forge;
use crate::people::Person;
use crate::vector::{Expect, Vector};

const VENDOR: &str = "Placet Test Vendor";
/// Where the credential id begins in authenticatorData with attested credential data.
const ID_AT: usize = 55;
const MISMATCH: &str = "attestation.mismatch";

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = vec![
        attested(),
        attested_and_not_pinned(),
        attested_by_another_vendor(),
        required_and_not_attested(),
        required_and_not_pinned(),
        pinned_and_not_attested(),
        no_certificate(),
    ];
    vectors.push(copied_honestly());
    vectors.extend(lies());
    vectors.extend(other_registrations());
    vectors
}

/// Alice, whose key the vendor attests.
fn alice(vendor: &Vendor) -> Person {
    let mut alice = Person::named("Alice");
    alice.attestation = vendor.attest(&alice.key);
    alice
}

/// Alice enrols with a document of one's own making, and approves.
fn told(mut alice: Person, change: impl FnOnce(&mut Enrolment)) -> Story {
    let mut forge = Forge::new();
    forge.tick(5);
    let mut body = alice.enrolment(&[Role::Administrator, Role::Approver], None, forge.after());
    body.attestation_fmt = "packed".to_owned();
    body.class = KeyClass::AttestedHardware;
    change(&mut body);
    forge.enrol_with(&mut alice, Body::Enrolment(body), None);
    forge.tick(1);
    forge.publish_gov();
    let request = forge.uuid();
    forge.tick(5);
    forge.publish_both();
    let mut story = Story { forge, alice, request, approval: 0, execution: 0 };
    let answer = story.forge.answer_for(&story.request, &action("X0001"), &story.alice);
    story.forge.tick(3);
    story.approval = story.forge.answer(&mut story.alice, answer, false);
    story.close();
    story
}

fn pinned(story: &Story, roots: Vec<Vec<u8>>, require: bool) -> TrustFile {
    let mut trust = story.trust();
    trust.attestation_roots = roots;
    trust.require.extend(require.then(|| "credential.attestation".to_owned()));
    trust
}

fn vector(
    story: &Story,
    trust: &TrustFile,
    (name, about): (&'static str, &'static str),
    requirements: &'static [&'static str],
    expect: Expect,
) -> Vector {
    Vector::new(name, about, requirements, &story.bundle(), trust, expect)
}

fn attested() -> Vector {
    let vendor = Vendor::named(VENDOR);
    let story = told(alice(&vendor), |_| ());
    vector(
        &story,
        &pinned(&story, vec![vendor.root()], true),
        ("attested-passkey", "The trust file asks for attested keys and pins the vendor's root."),
        &["R-9.9-1", "R-9.9-3", "R-9.9-5"],
        Expect::Passed,
    )
}

fn attested_and_not_pinned() -> Vector {
    let story = told(alice(&Vendor::named(VENDOR)), |_| ());
    vector(
        &story,
        &pinned(&story, vec![], false),
        ("attested-not-pinned", "Nobody asks where the key lives: the class stays a claim."),
        &["R-9.9-4"],
        Expect::Passed,
    )
}

fn attested_by_another_vendor() -> Vector {
    let story = told(alice(&Vendor::named("Another Test Vendor")), |_| ());
    vector(
        &story,
        &pinned(&story, vec![Vendor::named(VENDOR).root()], true),
        ("attested-other-root", "The attestation ends at a root that the trust file does not pin."),
        &["R-9.9-4"],
        Expect::Indeterminate("attestation.root"),
    )
}

fn required_and_not_attested() -> Vector {
    let story = Story::opened().approved().executed().closed();
    vector(
        &story,
        &pinned(&story, vec![Vendor::named(VENDOR).root()], true),
        ("attested-required", "The trust file asks for attested keys, and this one is not."),
        &["R-9.9-4"],
        Expect::Indeterminate("attestation.absent"),
    )
}

fn required_and_not_pinned() -> Vector {
    let story = Story::opened().approved().executed().closed();
    vector(
        &story,
        &pinned(&story, vec![], true),
        ("attested-no-roots", "The trust file asks for attested keys and pins no root."),
        &["R-9.9-4"],
        Expect::Indeterminate("attestation.not_pinned"),
    )
}

fn pinned_and_not_attested() -> Vector {
    let story = Story::opened().approved().executed().closed();
    vector(
        &story,
        &pinned(&story, vec![Vendor::named(VENDOR).root()], false),
        ("attested-not-asked", "Roots are pinned, and the log claims nothing that needs one."),
        &["R-9.9-4"],
        Expect::Passed,
    )
}

fn no_certificate() -> Vector {
    let story = Story::opened().approved().executed().closed();
    vector(
        &story,
        &pinned(&story, vec![b"no certificate".to_vec()], false),
        ("attested-bad-root", "An attestation root of the trust file is no certificate."),
        &["R-8.5-1"],
        Expect::Malformed("trust.attestation_root"),
    )
}

/// What the log says of the key is not what its registration shows.
fn lies() -> Vec<Vector> {
    let vendor = || Vendor::named(VENDOR);
    let lie = |story: &Story, words, requirements| {
        let trust = pinned(story, vec![vendor().root()], false);
        vector(story, &trust, words, requirements, Expect::Failed("attestation.class"))
    };
    let none = told(Person::named("Alice"), |e| e.attestation_fmt = "none".to_owned());
    let mut model = vendor();
    model.aaguid = [7; 16];
    let signed_for_another = {
        let mut alice = alice(&vendor());
        alice.attestation.client_data_json =
            placet_softkey::client_data_json("webauthn.create", b"another", crate::ORIGIN);
        told(alice, |_| ())
    };
    vec![
        lie(&none, ("attested-lie", "The log says attested; the format is none."), &["R-9.9-4"]),
        lie(
            &told(forged(&vendor()), |_| ()),
            ("attested-forged", "The statement is signed by no key of the certificate."),
            &["R-9.9-3", "R-9.9-4"],
        ),
        lie(
            &told(alice(&model), |_| ()),
            ("attested-other-model", "The certificate is of another model than the key."),
            &["R-9.9-3", "R-9.9-4"],
        ),
        lie(
            &copied(&vendor(), KeyClass::AttestedHardware),
            ("attested-copied", "A key that may be copied is called attested hardware."),
            &["R-9.9-2"],
        ),
        lie(
            &signed_for_another,
            ("attested-other-client", "The attestation is of another ceremony of the same key."),
            &["R-9.9-3", "R-9.9-4"],
        ),
    ]
}

/// What the vendor attests of a key that may be copied says nothing about where it lives.
fn copied_honestly() -> Vector {
    let vendor = Vendor::named(VENDOR);
    let story = copied(&vendor, KeyClass::SyncedOrUnknown);
    let trust = pinned(&story, vec![vendor.root()], true);
    let words = ("attested-and-copied", "A vendor attests a key that may be copied.");
    let expect = Expect::Indeterminate("attestation.absent");
    vector(&story, &trust, words, &["R-9.9-3"], expect)
}

/// A synced key, honest in all that it signs, of which the log says that it can't be copied.
fn copied(vendor: &Vendor, class: KeyClass) -> Story {
    let mut alice = Person::named("Alice");
    alice.attestation = vendor.attest_with(&alice.key, &Behaviour::synced());
    let mut forge = Forge::new();
    forge.tick(5);
    let mut body = alice.enrolment(&[Role::Administrator, Role::Approver], None, forge.after());
    body.attestation_fmt = "packed".to_owned();
    body.class = class;
    body.backup_eligible = true;
    let document = forge.document(Body::Enrolment(body));
    let possess = sign_synced(&mut alice, Namespace::EnrolPossess, &document);
    let (subject, key) = (forge.uuid(), forge.ledger_key.clone());
    let attestation = alice.attestation.clone();
    let statement = forge.statement(&key, &document, &subject, vec![possess], Some(&attestation));
    forge.gov.append(statement);
    forge.tick(1);
    forge.publish_gov();
    let request = forge.uuid();
    forge.tick(5);
    forge.publish_both();
    let answer = forge.answer_for(&request, &action("X0001"), &alice);
    forge.tick(3);
    let document = forge.document(Body::Approval(answer));
    let assertion = sign_synced(&mut alice, Namespace::Approve, &document);
    let approval = forge.append_answer(&document, assertion);
    let mut story = Story { forge, alice, request, approval, execution: 0 };
    story.close();
    story
}

fn sign_synced(person: &mut Person, namespace: Namespace, document: &Document) -> Assertion {
    let challenge = sshsig::challenge(namespace, document.bytes());
    let made = person.key.assert_with(&challenge, crate::ORIGIN, &Behaviour::synced());
    Assertion {
        namespace,
        credential: made.credential_id,
        authenticator_data: made.authenticator_data,
        client_data_json: made.client_data_json,
        signature: made.signature,
    }
}

/// The attestation key of a stranger under the vendor's certificate.
fn forged(vendor: &Vendor) -> Person {
    let mut alice = Person::named("Alice");
    alice.attestation = vendor.attest_as(&Vendor::named("Stranger"), &alice.key);
    alice
}

/// The registration is not that of the enrolment.
#[allow(clippy::too_many_lines, reason = "a list, one vector a paragraph")]
fn other_registrations() -> Vec<Vector> {
    let vendor = Vendor::named(VENDOR);
    let other = |attestation, words| {
        let mut alice = Person::named("Alice");
        alice.attestation = attestation;
        let story = told(alice, |_| ());
        let trust = pinned(&story, vec![vendor.root()], false);
        vector(&story, &trust, words, &["R-9.9-1"], Expect::Failed(MISMATCH))
    };
    let alice = Person::named("Alice").key;
    let mallory = Person::named("Mallory").key;
    let elsewhere = SoftKey::from_seed(&placet_proto::sha256(b"Alice"), "evil.example");
    let unverified = Behaviour { flags: flags::UP, ..Behaviour::default() };
    let other_rp = vendor.attest_with(&alice, &Behaviour::other_rp_id("evil.example"));
    let other_id = vendor.attest_edited(&alice, |data| data[ID_AT] ^= 1);
    let other_key = vendor.attest_edited(&alice, |data| {
        let key = mallory.public_key().to_cose();
        data.truncate(data.len() - key.len());
        data.extend(key);
    });
    let other_format = {
        let mut person = Person::named("Alice");
        person.attestation = vendor.attest(&person.key);
        let story = told(person, |e| e.attestation_fmt = "tpm".to_owned());
        let trust = pinned(&story, vec![vendor.root()], false);
        let words = ("attested-other-format", "The log says another format than the registration.");
        vector(&story, &trust, words, &["R-9.9-1"], Expect::Failed(MISMATCH))
    };
    let mut assertion = vendor.attest(&alice);
    assertion.client_data_json =
        placet_softkey::client_data_json("webauthn.get", b"registration challenge", crate::ORIGIN);
    let mut cut = vendor.attest(&alice);
    cut.object.pop();
    let mut late = Vendor::named(VENDOR);
    late.not_before = "480101000000Z";
    let early = {
        let mut person = Person::named("Alice");
        person.attestation = late.attest(&person.key);
        let story = told(person, |_| ());
        vector(
            &story,
            &pinned(&story, vec![late.root()], false),
            ("attested-too-early", "The certificates are younger than the enrolment."),
            &["R-9.9-5"],
            Expect::Failed("attestation.time"),
        )
    };
    vec![
        other(
            vendor.attest(&mallory),
            ("attested-other-key", "The registration is of somebody else's key."),
        ),
        other(
            vendor.attest(&elsewhere),
            ("attested-other-rp", "The registration is of another site."),
        ),
        other(
            vendor.attest_with(&alice, &Behaviour::synced()),
            ("attested-other-flags", "The registration says that the key may be copied."),
        ),
        other(
            vendor.attest_with(&alice, &unverified),
            ("attested-unverified", "Nobody was verified when the key was registered."),
        ),
        other(other_rp, ("attested-other-rp-alone", "The same key registered at another site.")),
        other(other_id, ("attested-other-id-alone", "The same key under another credential id.")),
        other(other_key, ("attested-other-key-alone", "Another key under the same credential id.")),
        other_format,
        other(assertion, ("attested-assertion", "The client data is of an assertion.")),
        other(cut, ("attested-cut", "The attestationObject is cut short.")),
        early,
    ]
}
