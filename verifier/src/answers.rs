//! Checks of one person's answer: steps 14 to 19 of SPEC.md 9.

use placet_proto::document::{After, Answer, Document, KeyClass, NoteRef, Role};
use placet_proto::kind::Kind;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use crate::context::{Context, Roots};
use crate::governance::short;
use crate::notes::{LogTrust, NoteSet, OpenNote};
use crate::report::Problem;
use crate::webauthn::AssertionFacts;

type Checked = Result<String, Problem>;

/// An answer and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Given<'e> {
    pub(crate) index: u64,
    pub(crate) statement: &'e Statement,
    pub(crate) answer: &'e Answer,
}

impl<'e> Given<'e> {
    pub(crate) fn document(&self) -> &'e Document {
        &self.statement.document
    }

    pub(crate) fn is_approval(&self) -> bool {
        self.statement.kind() == Kind::Approval
    }
}

/// When something happened: [t1, t2), seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) t1: u64,
    pub(crate) t2: u64,
}

/// Step 14.
pub(crate) fn assertion(cx: &Context<'_>, given: Given<'_>) -> Result<AssertionFacts, Problem> {
    let credential = &given.answer.approver.credential;
    let Some(enrolled) = cx.governance.enrolment(credential) else {
        return Err(Problem::failed("lineage.unknown_credential", short(credential)));
    };
    if enrolled.document.rp_id != given.answer.rp_id {
        return Err(Problem::failed(
            "assertion.binding",
            "the document names another RP id than the enrolment",
        )
        .versus(&enrolled.document.rp_id, &given.answer.rp_id));
    }
    let Some(namespace) = given.statement.kind().namespace() else {
        return Err(Problem::failed("assertion.binding", "this kind is not signed by a person"));
    };
    cx.governance.assertion(given.statement, namespace, credential, &enrolled.document)
}

/// Step 15: the notes named are in the evidence, and the answer comes after them.
pub(crate) fn order(cx: &Context<'_>, given: Given<'_>) -> Checked {
    let after = &given.answer.after;
    of_this_history(cx, after)?;
    if given.index < after.main.size {
        return Err(Problem::failed(
            "order.index",
            "the answer stands before the checkpoint that it names",
        )
        .versus(format!("index ≥ {}", after.main.size), given.index.to_string()));
    }
    let credential = &given.answer.approver.credential;
    if let Some(enrolled) = cx.governance.enrolment(credential)
        && enrolled.index >= after.gov.size
    {
        return Err(Problem::failed("order.enrolled_late", short(credential))
            .versus(format!("index < {}", after.gov.size), enrolled.index.to_string()));
    }
    if let Some((_, fork)) = cx.governance.forks().first() {
        return Err(fork.clone());
    }
    Ok(format!(
        "leaf {} after main size {} and governance size {}",
        given.index, after.main.size, after.gov.size
    ))
}

/// Both notes that a document names are of the logs that are judged.
pub(crate) fn of_this_history(cx: &Context<'_>, after: &After) -> Result<(), Problem> {
    main_of_this_history(&after.main, cx.main_notes, cx.main, cx.roots)?;
    let governance = |size| cx.governance.root_at(size);
    let tree: Option<Tree<'_>> = if cx.roots.is_some() { Some(&governance) } else { None };
    known(&after.gov, cx.gov_notes, cx.gov, tree)
}

/// The half of [`of_this_history`] that can be asked where there is no context yet.
pub(crate) fn main_of_this_history(
    named: &NoteRef,
    notes: &NoteSet,
    log: &LogTrust,
    roots: Option<&dyn Roots>,
) -> Result<(), Problem> {
    match roots {
        Some(roots) => known(named, notes, log, Some(&|size| roots.main_root(size))),
        None => known(named, notes, log, None),
    }
}

/// Gives the root at a size, if the tree reaches that far.
type Tree<'t> = &'t dyn Fn(u64) -> Option<[u8; 32]>;

/// The note named is there; else, in an audit, its root is that of the tree, for a copy need not
/// hold every note (SPEC.md 9.10).
fn known(
    named: &NoteRef,
    notes: &NoteSet,
    log: &LogTrust,
    tree: Option<Tree<'_>>,
) -> Result<(), Problem> {
    let Some(tree) = tree.filter(|_| notes.named(&named.note_sha256).is_none()) else {
        return note_named(named, notes, log).map(|_| ());
    };
    if named.origin == log.log.origin && tree(named.size) == Some(named.root) {
        return Ok(());
    }
    let detail = format!("{} has another root at size {}", log.log.origin, named.size);
    Err(Problem::failed("order.after", detail))
}

/// Finds the note that an `after` names, byte for byte.
pub(crate) fn note_named<'n>(
    named: &NoteRef,
    notes: &'n NoteSet,
    log: &LogTrust,
) -> Result<&'n OpenNote, Problem> {
    let Some(note) = notes.named(&named.note_sha256) else {
        return Err(Problem::failed(
            "order.after",
            format!("the note of {} size {} is not in the evidence", named.origin, named.size),
        ));
    };
    if named.origin == log.log.origin && named.size == note.size && named.root == note.root {
        return Ok(note);
    }
    Err(Problem::failed(
        "order.after",
        "the document says something else of the note that it names",
    )
    .versus(
        format!("{} size {}", log.log.origin, note.size),
        format!("{} size {}", named.origin, named.size),
    ))
}

/// Step 16.
pub(crate) fn lineage(cx: &Context<'_>, given: Given<'_>) -> Checked {
    let signer = &given.answer.approver;
    let enrolled = cx.governance.authorised(
        &signer.credential,
        given.answer.after.gov.size,
        Role::Approver,
    )?;
    if enrolled.document.person != signer.person {
        return Err(Problem::failed("lineage.person", short(&signer.credential))
            .versus(&enrolled.document.person, &signer.person));
    }
    if enrolled.document.class == KeyClass::Software && !cx.trust.allow_dev {
        return Err(Problem::failed("trust.dev_log", "the passkey is a software key"));
    }
    Ok(cx.governance.lineage(&signer.credential).steps.join("; "))
}

/// Step 17.
pub(crate) fn policy(cx: &Context<'_>, given: Given<'_>) -> Checked {
    let named = &given.answer.policy;
    let in_force =
        cx.governance.policy_at(given.answer.after.gov.size, &cx.genesis.policy_manifest)?;
    if in_force == *named {
        return Ok(format!("governance entry {}", named.index));
    }
    let show = |p: &placet_proto::document::PolicyRef| {
        format!("entry {} {}", p.index, placet_proto::b64::encode_hex(p.manifest))
    };
    Err(Problem::failed("policy.not_in_force", "another policy was in force")
        .versus(show(&in_force), show(named)))
}

/// Step 18: [T1, T2) of a document by its `after` and the notes that include it.
pub(crate) fn interval(cx: &Context<'_>, after: &After, index: u64) -> Result<Interval, Problem> {
    let t1 = lower(cx, after)?;
    let t2 = upper(cx, index)?;
    if t1 >= t2 {
        return Err(Problem::open("time.clock_skew", "the bounds contradict each other").versus(
            format!("before {}", UnixSeconds(t2)),
            format!("not before {}", UnixSeconds(t1)),
        ));
    }
    Ok(Interval { t1, t2 })
}

/// T1 of a document: the later of its two notes.
pub(crate) fn lower(cx: &Context<'_>, after: &After) -> Result<u64, Problem> {
    let notes = [(&after.main, cx.main_notes), (&after.gov, cx.gov_notes)];
    let absent = notes.iter().find(|(named, notes)| notes.named(&named.note_sha256).is_none());
    if let (Some((named, _)), true) = (absent, cx.roots.is_some()) {
        let detail = format!("the copy lacks the note of {} size {}", named.origin, named.size);
        return Err(Problem::open("time.lower_open", detail));
    }
    not_before(after, (cx.main_notes, cx.main), (cx.gov_notes, cx.gov))
}

/// [`lower`] where there is no context yet.
pub(crate) fn not_before(
    after: &After,
    main: (&NoteSet, &LogTrust),
    gov: (&NoteSet, &LogTrust),
) -> Result<u64, Problem> {
    let t1 = |named, (notes, log): (&NoteSet, &LogTrust)| {
        note_named(named, notes, log)?.not_before.ok_or_else(|| {
            Problem::open("time.lower_open", format!("no quorum on the note of {}", log.log.origin))
        })
    };
    Ok(t1(&after.main, main)?.max(t1(&after.gov, gov)?))
}

/// T2 of a main statement: the earliest quorum on a note that includes it.
pub(crate) fn upper(cx: &Context<'_>, index: u64) -> Result<u64, Problem> {
    cx.main_notes.before(index).ok_or_else(|| {
        Problem::open("time.upper_open", format!("no cosigned checkpoint includes leaf {index}"))
    })
}
