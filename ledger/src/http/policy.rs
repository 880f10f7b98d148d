//! A policy that an administrator wants to put in force: what it would change, and the document
//! that says it. It is signed like any other change, at `/people/me/change/sign`.
//!
//! | path | who |
//! |---|---|
//! | `POST /policy/open` | administrator |
//! | `GET /policy` | [`super::pages`]: administrator, auditor |

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use placet_proto::document::Role;
use placet_proto::json::Json;

use super::App;
use super::approvals::{self, to_sign_json};
use super::auth;
use super::evidence::json;
use super::problem::Fault;
use crate::service::{Change, render};

const PATH: &str = "/policy";

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/policy/open", post(open))
}

/// `{files: {name: base64url}}`: the document that puts these files in force, and how they differ
/// from those that are.
async fn open(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let work = async {
        let roles = [Role::Administrator];
        let session = auth::require_person(&app, &headers, &roles).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["files"])?;
        let files = input.files("files")?;
        let by = session.credential;
        let prepared = app.run(move |app| {
            let (_, in_force) = app.ledger().policy_files()?;
            let shown = compare(&in_force, &files);
            let to_sign = app.ledger().prepare_change(&Change::Policy(files), &by)?;
            Ok((to_sign, shown))
        });
        let (to_sign, shown) = prepared.await?;
        let mut out = to_sign_json(&to_sign, &app.ledger().config().rp_id);
        out.insert("files", shown.iter().map(PolicyFile::to_json).collect::<Vec<_>>().into());
        Ok::<Json, Fault>(out)
    };
    match work.await {
        Ok(value) => json(&value),
        Err(fault) => fault.response(PATH),
    }
}

/// A file of a policy beside the one of this name that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its name.
    pub name: String,
    /// `new`, `changed`, `same` or `removed`.
    pub state: &'static str,
    /// What it says, for reading: line by line, with what can't be seen escaped.
    pub text: String,
}

impl PolicyFile {
    fn to_json(&self) -> Json {
        Json::object([
            ("name", Json::from(self.name.as_str())),
            ("state", self.state.into()),
            ("text", self.text.as_str().into()),
        ])
    }
}

/// All files of both, by name.
#[must_use]
pub fn compare(
    in_force: &BTreeMap<String, Vec<u8>>,
    wanted: &BTreeMap<String, Vec<u8>>,
) -> Vec<PolicyFile> {
    let one = |name: &String, bytes: &[u8], state| PolicyFile {
        name: render::escape(name),
        state,
        text: readable(bytes),
    };
    let mut out: Vec<PolicyFile> = wanted
        .iter()
        .map(|(name, bytes)| match in_force.get(name) {
            None => one(name, bytes, "new"),
            Some(before) if before == bytes => one(name, bytes, "same"),
            Some(_) => one(name, bytes, "changed"),
        })
        .collect();
    let gone = in_force.iter().filter(|(name, _)| !wanted.contains_key(*name));
    out.extend(gone.map(|(name, bytes)| one(name, bytes, "removed")));
    out
}

/// A file's lines. Bytes that are no text are replaced: what is signed is the hash of all bytes.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(|line| render::reveal(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_new_changed_the_same_or_removed() {
        let files = |all: &[(&str, &str)]| -> BTreeMap<String, Vec<u8>> {
            all.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
        };
        let before = files(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let wanted = files(&[("a", "1"), ("b", "permit \"x\u{202e}\"\n"), ("d", "4")]);
        let shown = compare(&before, &wanted);
        let states: Vec<(&str, &str)> = shown.iter().map(|f| (f.name.as_str(), f.state)).collect();
        assert_eq!(states, [("a", "same"), ("b", "changed"), ("d", "new"), ("c", "removed")]);
        assert_eq!(shown[1].text, "permit \"x\\u{202e}\"\n");
    }
}
