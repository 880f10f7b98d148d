//! From Envoy's question to its answer.

use std::time::Instant;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::wire::{CheckResponse, HttpRequest};
use crate::gateway::Gateway;
use crate::gateway::admit::{REQUEST, Stop};
use crate::gateway::forward_auth::told;
use crate::gateway::headers;
use crate::gateway::proxy::log;
use crate::gateway::refusal::Refusal;
use crate::gateway::target::Target;

/// By which Envoy says that it sends a part of the body (`with_request_body`).
const PARTIAL: &str = "x-envoy-auth-partial-body";

impl Gateway {
    /// Whether a request may pass. An approval is spent when this says so.
    pub async fn check(&self, asked: HttpRequest) -> CheckResponse {
        let began = Instant::now();
        match self.checked(asked).await {
            Ok(id) => {
                log("ext_authz", 200, began);
                CheckResponse::Ok(id.map(|id| (REQUEST.to_owned(), id)).into_iter().collect())
            }
            Err(stop) => {
                let told = told(self, &stop);
                log("ext_authz", told.status.as_u16(), began);
                let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
                let pairs = told.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v)));
                CheckResponse::Denied {
                    status: told.status.as_u16(),
                    headers: pairs.collect(),
                    body: String::from_utf8_lossy(&told.body).into_owned(),
                }
            }
        }
    }

    async fn checked(&self, asked: HttpRequest) -> Result<Option<String>, Stop> {
        let method = Method::from_bytes(asked.method.as_bytes())
            .map_err(|_| Refusal::Header("no method".to_owned()))?;
        let target = Target::parse(&asked.path)?;
        let all = head(&asked)?;
        headers::check_framing(&all)?;
        self.check_host(&asked.host)?;
        let matched = self.0.config.routes.find(&method, &target)?;
        let counts = |name: &&String| {
            let name = name.to_ascii_lowercase();
            name == "content-type" || matched.route.bind.iter().any(|bound| bound.as_str() == name)
        };
        if let Some(name) = asked.rewritten.iter().find(counts) {
            let detail = "Envoy may have changed it on its way here (`encode_raw_headers: true`)";
            return Err(Refusal::Header(format!("{name}: {detail}")).into());
        }
        let body = whole_body(&all, asked)?;
        self.elsewhere(&method, &target, &all, body, "ext_authz").await
    }
}

fn head(asked: &HttpRequest) -> Result<HeaderMap, Refusal> {
    let mut all = HeaderMap::new();
    for (name, value) in &asked.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Refusal::Header("a header is none".to_owned()));
        };
        // A header that stands in both forms of one message is one header.
        if !all.get_all(&name).iter().any(|known| known == value) {
            all.append(name, value);
        }
    }
    Ok(all)
}

/// The body, if Envoy sends it; a part of one is refused, since what is not seen is not bound, and
/// so is one that Envoy keeps to itself. Nothing: the head does not tell of one.
fn whole_body(all: &HeaderMap, asked: HttpRequest) -> Result<Option<Bytes>, Refusal> {
    if asked.text_body {
        let detail = "Envoy sends it as text, which it changes (`pack_as_bytes: true`)";
        return Err(Refusal::Body(detail.to_owned()));
    }
    if asked.body.is_empty() {
        return match headers::announce_body(all) || asked.size > 0 {
            true => Err(Refusal::Body("Envoy does not send it (`with_request_body`)".to_owned())),
            false => Ok(None),
        };
    }
    let partial = headers::one(all, PARTIAL)?.is_some_and(|value| value != "false");
    let length = headers::one(all, header::CONTENT_LENGTH.as_str())?;
    let length = length.map(|text| text.parse::<usize>().map_err(|_| truncated())).transpose()?;
    let here = asked.body.len();
    let longer = usize::try_from(asked.size).is_ok_and(|size| size != here);
    match partial || longer || length.is_some_and(|length| length != here) {
        true => Err(truncated()),
        false => Ok(Some(Bytes::from(asked.body))),
    }
}

fn truncated() -> Refusal {
    Refusal::Body("Envoy sent a part of it only (`max_request_bytes`)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(size: i64, body: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), v.as_bytes().to_vec());
        HttpRequest {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: headers.iter().map(own).collect(),
            size,
            body: body.as_bytes().to_vec(),
            ..HttpRequest::default()
        }
    }

    fn body(asked: HttpRequest) -> Result<Option<Bytes>, Refusal> {
        whole_body(&head(&asked).unwrap(), asked)
    }

    #[test]
    fn a_part_of_a_body_is_refused() {
        let whole = Some(Bytes::from_static(b"hello"));
        assert_eq!(body(asked(5, "hello", &[("content-length", "5")])).unwrap(), whole);
        assert_eq!(body(asked(-1, "hello", &[(PARTIAL, "false")])).unwrap(), whole);
        assert_eq!(body(asked(0, "", &[("content-length", "0")])).unwrap(), None);
        assert_eq!(body(asked(-1, "", &[])).unwrap(), None);
        let text = HttpRequest { text_body: true, ..asked(5, "hello", &[]) };
        for bad in [
            text,
            asked(5, "", &[]),
            asked(0, "", &[("content-length", "5")]),
            asked(0, "", &[("transfer-encoding", "chunked")]),
            asked(6, "hello", &[]),
            asked(4, "hello", &[]),
            asked(-1, "hello", &[("content-length", "6")]),
            asked(5, "hello", &[("content-length", "x")]),
            asked(5, "hello", &[(PARTIAL, "true")]),
        ] {
            assert_eq!(body(bad).unwrap_err().code(), "gateway.body");
        }
    }

    #[test]
    fn headers_that_differ_are_two() {
        let twice = asked(-1, "", &[("a", "1"), ("a", "1"), ("b", "1"), ("b", "2")]);
        let all = head(&twice).unwrap();
        assert_eq!(all.get_all("a").iter().count(), 1);
        assert!(headers::one(&all, "b").is_err());
        assert!(head(&asked(-1, "", &[("a b", "1")])).is_err());
    }
}
