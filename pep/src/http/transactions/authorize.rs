//! `POST /v1/transactions`: an agent brings a challenge, and later the handle that it was given.
//!
//! Nobody signs in here. What lets an agent in is a challenge that this service signed for a PEP,
//! and the key that it proves to have: the first proof decides which key the token will be bound
//! to. The same challenge under two keys is two transactions of one approval, of which one can be
//! spent.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use placet_ledger::http::App;
use placet_ledger::http::problem::Fault;
use placet_proto::jcs;
use placet_proto::json::Json;

use super::PATH;
use super::fault::OauthFault;
use crate::http::{Body, Pep, body};
use crate::identity::dpop::Claimed;
use crate::identity::{IdentityError, one_header};
use crate::tokens::challenge::{Challenge, Handle};

/// Longest form, in bytes.
const MAX_FORM: usize = 32 * 1024;
/// Seconds between two looks that an agent is asked to keep.
pub const INTERVAL_S: u32 = 2;

/// `transaction_challenge` with `client_id`, or `transaction_authorization_id`; each with a DPoP
/// proof.
pub async fn authorize(State(pep): State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    match answer(&pep, &headers, bytes).await {
        Ok(json) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (StatusCode::OK, headers, jcs::to_bytes(&json)).into_response()
        }
        Err(fault) => fault.response(),
    }
}

async fn answer(pep: &Pep, headers: &HeaderMap, bytes: Body) -> Result<Json, OauthFault> {
    let form = form(headers, bytes)?;
    let member = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    match (member("transaction_challenge"), member("transaction_authorization_id")) {
        (Some(challenge), None) => begin(pep, headers, challenge, member("client_id")).await,
        (None, Some(handle)) => poll(pep, headers, handle).await,
        _ => Err(OauthFault::invalid(
            "either `transaction_challenge` or `transaction_authorization_id` is given",
        )),
    }
}

async fn begin(
    pep: &Pep,
    headers: &HeaderMap,
    challenge: &str,
    client_id: Option<&str>,
) -> Result<Json, OauthFault> {
    let now = pep.0.app.ledger().now();
    let key = &pep.0.token_keys.challenge;
    let challenge = Challenge::read(key, &pep.url(""), challenge, now)
        .ok_or_else(|| OauthFault::invalid("`transaction_challenge` is none of ours, or over"))?;
    // After the challenge, so that strangers can't fill the memory of proofs.
    let other = "the challenge is for another key";
    let jkt = pep.prove(headers, challenge.jkt.as_deref(), other)?;
    let (worker, of) = (pep.clone(), challenge.request.clone());
    let client = client_id.map(str::to_owned);
    let work = move |_: &_| Ok(worker.open_for(&of, client.as_deref()));
    let (request, expires) = pep.0.app.run(work).await??;
    let left = expires.0.saturating_sub(now.0);
    let handle = Handle { resource: challenge.resource, txn: challenge.txn, request, jkt, expires };
    let review = pep.url(&format!("/approve/{}", handle.request));
    let signed = handle.sign(key, &pep.url(""))?;
    Ok(Json::object([
        ("transaction_authorization_id", Json::from(signed)),
        ("expires_in", Json::try_from(left).unwrap_or(Json::Null)),
        ("interval", Json::try_from(u64::from(INTERVAL_S)).unwrap_or(Json::Null)),
        ("authorization_uri", review.into()),
    ]))
}

async fn poll(pep: &Pep, headers: &HeaderMap, handle: &str) -> Result<Json, OauthFault> {
    let handle = Handle::read(&pep.0.token_keys.challenge, &pep.url(""), handle);
    let handle = handle
        .ok_or_else(|| OauthFault::invalid("`transaction_authorization_id` is none of ours"))?;
    pep.prove(headers, Some(&handle.jkt), "it was begun with another key")?;
    let (worker, request) = (pep.clone(), handle.request.clone());
    let size = move |app: &App| app.ledger().covers_consume(&request);
    let mint = move |_: &App| Ok(worker.mint(&handle));
    pep.0.app.run_covered(size, mint).await?
}

/// The members of a form, no name twice.
pub(super) fn form(headers: &HeaderMap, bytes: Body) -> Result<Vec<(String, String)>, OauthFault> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let media = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OauthFault::invalid("the body is a form: application/x-www-form-urlencoded"));
    }
    let bytes = body(bytes)?;
    let bad = || OauthFault::invalid("the body is no form of at most 32 KiB, no name twice");
    if bytes.len() > MAX_FORM {
        return Err(bad());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| bad())?;
    let uri: Uri = format!("/?{text}").parse().map_err(|_| bad())?;
    let Query(form) = Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| bad())?;
    let twice = form.iter().enumerate().any(|(n, (name, _))| {
        form.iter().skip(n.saturating_add(1)).any(|(other, _)| other == name)
    });
    if twice { Err(bad()) } else { Ok(form) }
}

impl Pep {
    /// The key that the caller proves to have, for a request to [`PATH`]; `wanted` if it has to be
    /// that one, else `other` says why not.
    fn prove(
        &self,
        headers: &HeaderMap,
        wanted: Option<&str>,
        other: &'static str,
    ) -> Result<String, OauthFault> {
        let proof = one_header(headers, "dpop")?;
        let proof = proof.ok_or(IdentityError::Dpop("there is none"))?;
        let url = self.url(PATH);
        let now = self.0.app.ledger().now();
        let claimed = Claimed { method: "POST", url: &url, token: None, key: wanted, now };
        self.0.proofs.check(proof, &claimed).map_err(|error| match error {
            IdentityError::Binding(_) => OauthFault::denied(other),
            error => error.into(),
        })
    }

    /// Asks persons about the request of a denial, as its PEP would; gives the request that
    /// answers it and its end.
    fn open_for(
        &self,
        request: &str,
        client_id: Option<&str>,
    ) -> Result<(String, placet_proto::time::UnixSeconds), OauthFault> {
        let ledger = self.0.app.ledger();
        let decision = ledger.request(request)?.decision;
        // It ends up in a token that we sign: only the PEP's word counts.
        if client_id.is_some_and(|given| given != decision.initiator.id) {
            return Err(OauthFault::invalid("`client_id` is not the initiator of the action"));
        }
        let action = decision.action;
        let mut ask = Json::object([
            ("subject", action.subject().clone()),
            ("action", action.action().clone()),
            ("resource", action.resource().clone()),
        ]);
        ask.insert("context", action.context());
        ask.insert("denial", Json::object([("evaluation_id", Json::from(request))]));
        let task = self.submit("", None, &ask)?;
        let row = ledger.row(&task).map_err(Fault::from)?;
        Ok((row.id, row.not_after))
    }
}
