//! `GET /v1/people`: who is enrolled, who is invited, what waits.

use placet_proto::b64;
use placet_proto::document::Role;
use placet_proto::json::Json;

use crate::Error;
use crate::http::evidence::number;
use crate::service::{
    Invitation, InvitationState, KeyView, Ledger, PersonView, RecoveryState, RecoveryView,
    WaitingEnrolment,
};

pub(super) fn everything(ledger: &Ledger) -> Result<Json, Error> {
    let people = ledger.people()?.iter().map(person).collect::<Vec<_>>();
    let waiting = ledger.waiting_enrolments()?.iter().map(waiting).collect::<Vec<_>>();
    let invitations = ledger.invitations()?;
    let invitations = invitations.iter().map(invitation).collect::<Vec<_>>();
    let recoveries = ledger.recoveries()?.iter().map(recovery).collect::<Vec<_>>();
    Ok(Json::object([
        ("people", Json::from(people)),
        ("waiting", waiting.into()),
        ("invitations", invitations.into()),
        ("recoveries", recoveries.into()),
        ("administrator_keys", number(ledger.administrator_keys()? as u64)),
    ]))
}

fn person(p: &PersonView) -> Json {
    let mut out = Json::object([
        ("person", Json::from(p.person.as_str())),
        ("roles", roles(&p.roles)),
        ("identities", texts(&p.identities)),
        ("keys", p.keys.iter().map(key).collect::<Vec<_>>().into()),
    ]);
    if let Some(name) = &p.name {
        out.insert("name", name.as_str().into());
    }
    out
}

fn key(k: &KeyView) -> Json {
    let mut out = Json::object([
        ("key", Json::from(b64::encode_hex(k.thumbprint))),
        ("words", k.words().into()),
        ("class", k.class.name().into()),
        ("attestation", k.attestation_fmt.as_str().into()),
        ("index", number(k.index)),
        ("covered", Json::Bool(k.covered)),
        ("roles", roles(&k.roles)),
    ]);
    if let Some(authoriser) = &k.authoriser {
        out.insert("authorised_by", authoriser.person.as_str().into());
    }
    if let Some((from, index, reason)) = &k.revoked {
        let revoked = [
            ("effective_from", Json::from(from.to_string())),
            ("index", number(*index)),
            ("reason", reason.as_str().into()),
        ];
        out.insert("revoked", Json::object(revoked));
    }
    if let Some(problem) = &k.problem {
        out.insert("problem", problem.as_str().into());
    }
    out
}

fn waiting(w: &WaitingEnrolment) -> Json {
    let mut out = Json::object([
        ("id", Json::from(w.id.as_str())),
        ("person", w.person.as_str().into()),
        ("name", w.name.as_str().into()),
        ("roles", roles(&w.roles)),
        ("key", b64::encode_hex(w.thumbprint).into()),
        ("words", w.words().into()),
        ("class", w.class.name().into()),
        ("attestation", w.attestation_fmt.as_str().into()),
        ("signed", Json::Bool(w.possessed)),
        ("until", w.until.to_string().into()),
    ]);
    if let Some(authoriser) = &w.authoriser {
        out.insert("authoriser", authoriser.person.as_str().into());
    }
    out
}

fn invitation((i, state): &(Invitation, InvitationState)) -> Json {
    Json::object([
        ("id", Json::from(i.id.as_str())),
        ("person", i.person.as_str().into()),
        ("name", i.name.as_str().into()),
        ("roles", roles(&i.roles)),
        ("recovery", Json::Bool(i.recovery)),
        ("state", state.name().into()),
        ("created", i.created.to_string().into()),
        ("expires", i.expires.to_string().into()),
    ])
}

fn recovery(r: &RecoveryView) -> Json {
    let (state, by) = match r.state {
        RecoveryState::Running => ("running", None),
        RecoveryState::Objected(index) => ("objected", Some(index)),
        RecoveryState::Complete(index) => ("complete", Some(index)),
        RecoveryState::Lapsed => ("lapsed", None),
    };
    let mut out = Json::object([
        ("index", number(r.index)),
        ("person", r.person.as_str().into()),
        ("key", b64::encode_hex(r.key).into()),
        ("words", r.words().into()),
        ("roles", roles(&r.roles)),
        ("effective_from", r.effective_from.to_string().into()),
        ("state", state.into()),
    ]);
    if let Some(by) = by {
        out.insert("entry", number(by));
    }
    out
}

fn roles(roles: &[Role]) -> Json {
    roles.iter().map(|r| Json::from(r.name())).collect::<Vec<_>>().into()
}

fn texts(texts: &[String]) -> Json {
    texts.iter().map(|t| Json::from(t.as_str())).collect::<Vec<_>>().into()
}
