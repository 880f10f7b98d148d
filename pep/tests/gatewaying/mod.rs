//! A gateway before a small API, over a real ledger, spoken to in raw bytes.
#![allow(dead_code)] // Each test file uses a part of it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use placet_ledger::http;
use placet_pep::enforce::Enforcer;
use placet_pep::gateway::Gateway;
use placet_pep::gateway::config::Config;
use placet_pep::identity::api_token::ApiTokens;
use placet_pep::policy::PolicyFiles;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{Web, files};

pub const TOKEN: &str = "RQ2Vh0kq1n3t6w9yBdEfGhJkMnPqRtUv";
pub const OTHER: &str = "otherotherotherotherotherother12";

/// What the API behind got.
#[derive(Debug, Clone)]
pub struct Hit {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub type Hits = Arc<Mutex<Vec<Hit>>>;

/// An API that writes down what comes; `/broken` and what is below it gets no answer.
pub async fn api() -> (String, Hits) {
    let hits = Hits::default();
    let router = Router::new().fallback(hit).with_state(Arc::clone(&hits));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(http::serve(listener, router, std::future::pending()));
    (address, hits)
}

async fn hit(State(hits): State<Hits>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let target = parts.uri.path_and_query().unwrap().to_string();
    let status = match target.as_str() {
        t if t.contains("missing") => StatusCode::NOT_FOUND,
        t if t.contains("broken") => {
            // The connection ends without an answer.
            panic!("the API breaks");
        }
        _ => StatusCode::OK,
    };
    let (method, headers) = (parts.method.to_string(), parts.headers);
    hits.lock().unwrap().push(Hit { method, target, headers, body });
    (status, [("x-api", "yes"), ("placet-request", "forged")], "done").into_response()
}

/// The demonstration's policy, without its mapping: what the schema does not have is hidden.
pub fn policy() -> PolicyFiles {
    let mut all = files(&PolicyFiles::demo());
    all.remove("mapping.json");
    PolicyFiles::from_files(all).unwrap()
}

pub fn web() -> Web {
    let mut web = Web::new();
    web.set_policy(&policy()).unwrap();
    web
}

pub fn table(upstream: &str, more: &str) -> String {
    format!(
        r#"
{more}
public_url = "https://gateway.example"

[upstream]
url = "http://{upstream}"
headers = {{ x-from = "gateway", authorization = "Bearer of-the-api" }}
connect_s = 2
answer_s = 5

[[route]]
methods = ["GET"]
path = "/users/{{id}}"
action = "read_user"
resource = {{ type = "user", id = "{{path.id}}" }}
query = ["fields"]
body = "none"

[[route]]
methods = ["POST"]
path = "/users/{{id}}/disable"
action = "disable_user"
resource = {{ type = "user", id = "{{path.id}}" }}
parameters = {{ reason = "{{body./reason?}}", tenant = "{{header.x-tenant?}}" }}
body_limit = 1000

[[route]]
methods = ["DELETE"]
path = "/users/{{id}}"
action = "delete_user"
resource = {{ type = "user", id = "{{path.id}}" }}
"#
    )
}

pub fn tokens() -> ApiTokens {
    let row = |secret: &str, id: &str| {
        let sha256 = hex::encode(placet_proto::sha256(secret.as_bytes()));
        format!("[[token]]\nsha256 = \"{sha256}\"\ntype = \"agent\"\nid = \"{id}\"\n")
    };
    let text = row(TOKEN, "support-bot") + &row(OTHER, "other-bot");
    ApiTokens::parse("tokens", &text).unwrap()
}

pub fn gateway(enforcer: Enforcer, table: &str) -> Gateway {
    let config = Config::parse(table, std::path::Path::new("gateway.toml")).unwrap();
    Gateway::new(config, enforcer, Arc::new(tokens()), None).unwrap()
}

/// Serves a gateway; gives its address.
pub async fn serve(gateway: &Gateway) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(http::serve(listener, gateway.routes(), std::future::pending()));
    address
}

#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Said {
    pub fn header(&self, name: &str) -> Option<&str> {
        let line =
            |line: &&str| line.split_once(':').is_some_and(|(n, _)| n.eq_ignore_ascii_case(name));
        let line = self.head.lines().find(line)?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn request(&self) -> String {
        assert_eq!(self.status, 401, "{self:?}");
        self.header("placet-request").unwrap().to_owned()
    }
}

/// Sends bytes and reads until the end; what is not closed by the server is an error of the test.
pub async fn raw(address: &str, bytes: &[u8]) -> Said {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut all = Vec::new();
    // A server that refuses may close before it has read everything.
    let _ = stream.read_to_end(&mut all).await;
    let text = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Said { status, head: head.to_owned(), body: body.to_owned() }
}

/// A request of the agent.
pub async fn call(address: &str, line: &str, headers: &[(&str, &str)], body: &str) -> Said {
    let mut head = format!("{line} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Authorization") {
        head.push_str(&format!("Authorization: Bearer {TOKEN}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str("Content-Type: application/json\r\n");
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    raw(address, format!("{head}\r\n{body}").as_bytes()).await
}
