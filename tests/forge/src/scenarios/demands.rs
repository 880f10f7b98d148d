//! What the verifier's user demands: trust file, action, passkey, span.

use placet_proto::document::Role;
use placet_proto::time::UnixSeconds;
use placet_proto::trust::Root;

use super::story::{Story, action, story};
use crate::people::Person;
use crate::vector::{Expect, Vector};

#[allow(clippy::too_many_lines, reason = "a list, one vector a paragraph")]
pub(super) fn vectors() -> Vec<Vector> {
    let s = story();
    let v = |name, about, requirements, expect| s.vector(name, about, requirements, expect);
    let mut vectors = vec![
        Vector {
            action: Some(action("X0001").canonical_bytes()),
            ..v(
                "action-matches",
                "The action in the file is the approved one.",
                &["R-3.2-1"],
                Expect::Passed,
            )
        },
        Vector {
            action: Some(action("X0002").canonical_bytes()),
            ..v(
                "action-differs",
                "The action in the file is another.",
                &["R-3.2-1"],
                Expect::Failed("action.mismatch"),
            )
        },
        Vector {
            passkey: Some("Alice".to_owned()),
            ..v("passkey-by-name", "Approved by Alice, by her opened name.", &[], Expect::Passed)
        },
        Vector {
            passkey: Some("Bob".to_owned()),
            ..v("passkey-differs", "Not approved by Bob.", &[], Expect::Failed("passkey.mismatch"))
        },
    ];
    vectors.extend(passkeys());
    let start = crate::ledger::START;
    for (name, about, between, expect) in [
        (
            "between-contains",
            "The span contains the interval.",
            (start, start + 3600),
            Expect::Passed,
        ),
        (
            "between-outside",
            "The span ends before the interval.",
            (start, start + 5),
            Expect::Failed("time.outside"),
        ),
        (
            "between-overlaps",
            "The span ends within the interval.",
            (start, start + 13),
            Expect::Indeterminate("time.overlap"),
        ),
    ] {
        vectors.push(Vector { between: Some(between), ..v(name, about, &[], expect) });
    }
    let mut trust = s.trust();
    trust.allow_dev = false;
    vectors.push(Vector {
        trust: trust.encode(),
        ..v(
            "dev-not-allowed",
            "A development ledger, not allowed.",
            &[],
            Expect::Failed("trust.dev_log"),
        )
    });
    let mut trust = s.trust();
    trust.logs.clear();
    vectors.push(Vector {
        trust: trust.encode(),
        ..v(
            "log-unknown",
            "The trust file knows no log.",
            &[],
            Expect::Indeterminate("trust.log_unknown"),
        )
    });
    let mut trust = s.trust();
    trust.expires = Some(UnixSeconds(start));
    vectors.push(Vector {
        trust: trust.encode(),
        ..v(
            "trust-expired",
            "The trust file has expired at as_of.",
            &["R-9-2"],
            Expect::Indeterminate("trust.expired"),
        )
    });
    let mut trust = s.trust();
    trust.require = vec!["no.such.check".to_owned()];
    vectors.push(Vector {
        trust: trust.encode(),
        ..v(
            "require-unknown",
            "The trust file requires a check that there is none of.",
            &[],
            Expect::Indeterminate("trust.require_unknown"),
        )
    });
    let mut trust = s.trust();
    trust.roots.clear();
    vectors.push(Vector {
        trust: trust.encode(),
        ..v(
            "no-roots",
            "No root is confirmed: the operator's word alone.",
            &[],
            Expect::Indeterminate("lineage.operator_asserted"),
        )
    });
    let mut trust = s.trust();
    trust.origins = vec!["https://approve.example.org".to_owned()];
    vectors.push(Vector {
        trust: trust.encode(),
        ..v(
            "origin-not-allowed",
            "The page's origin is not one that the user allows.",
            &["R-9.1-1"],
            Expect::Failed("assertion.origin"),
        )
    });
    vectors
}

/// What `--passkey` names.
fn passkeys() -> Vec<Vector> {
    let s = story();
    let of = |name, about, passkey: String, expect| Vector {
        passkey: Some(passkey),
        ..s.vector(name, about, &["R-9-7"], expect)
    };
    let key = s.alice.key.public_key().thumbprint();
    let id = placet_proto::b64::encode_url(s.alice.key.credential_id());
    let mut vectors = vec![
        of("passkey-by-id", "Approved with this credential.", id, Expect::Passed),
        of(
            "passkey-by-thumbprint",
            "Approved with the key of this thumbprint.",
            placet_proto::b64::encode_hex(key),
            Expect::Passed,
        ),
    ];
    // The operator opens Alice's name; the trust file calls another key so.
    let mut trust = s.trust();
    trust.roots[0].name = Some("Chief".to_owned());
    let other = Person::named("Bob").key.public_key().to_cose();
    trust.roots.push(Root { public_key: other, name: Some("Alice".to_owned()) });
    for (name, about, passkey, expect) in [
        (
            "passkey-by-root",
            "Approved by who is called Chief in the trust file.",
            "Chief",
            Expect::Passed,
        ),
        (
            "passkey-of-another-root",
            "The ledger opens the name Alice; in the trust file somebody else is called so.",
            "Alice",
            Expect::Failed("passkey.mismatch"),
        ),
    ] {
        let vector = of(name, about, passkey.to_owned(), expect);
        vectors.push(Vector { trust: trust.encode(), ..vector });
    }
    vectors.push(named_like_an_id());
    vectors
}

/// Mallory's name, in the ledger, is the id of Alice's credential.
fn named_like_an_id() -> Vector {
    let mut s = Story::opened();
    let id = placet_proto::b64::encode_url(s.alice.key.credential_id());
    let mut mallory = Person { name: id.clone(), ..Person::named("Mallory") };
    s.forge.enrol(&mut mallory, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &mallory);
    s.forge.tick(3);
    s.forge.answer(&mut mallory, answer, false);
    s.close();
    let bundle = s.forge.bundle(&[&s.request], &[&mallory]);
    let vector = Vector::new(
        "passkey-named-like-an-id",
        "The opened name of the approver is the id of somebody else's credential.",
        &["R-9-7"],
        &bundle,
        &s.trust(),
        Expect::Failed("passkey.mismatch"),
    );
    Vector { passkey: Some(id), ..vector }
}
