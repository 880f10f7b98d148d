//! What the verifier's user demands: trust file, action, passkey, span.

use placet_proto::time::UnixSeconds;

use super::story::{action, story};
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
