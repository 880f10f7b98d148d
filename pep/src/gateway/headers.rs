//! Which headers a call may have, which go on, and which are part of what is approved.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::refusal::Refusal;

/// Headers of one connection (RFC 9110 7.6.1), and what this gateway writes itself: they never go
/// on, and no route may name them.
const OURS: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie2",
    "dpop",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "prefer",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Headers by which some servers take another method or path than the request has.
const OVERRIDES: &[&str] = &[
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-original-path",
    "x-envoy-original-path",
    "x-middleware-subrequest",
];

/// Headers that change what a request does. One that a route does not bind is refused, since the
/// request without it would be another one.
const MEANINGFUL: &[&str] = &[
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "destination",
    "depth",
    "idempotency-key",
    "if",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "overwrite",
    "range",
];

/// Headers that go on without being part of what is approved: they choose among forms of one answer
/// or help to find a call in a log.
const PASSING: &[&str] =
    &["accept", "accept-encoding", "accept-language", "traceparent", "tracestate", "user-agent"];

/// Headers that a server in front adds, and those that this gateway reads itself: they may be
/// there where another server forwards the call.
const IN_FRONT: &[&str] = &[
    "accept-txn-challenge",
    "cache-control",
    "content-type",
    "placet-request",
    "pragma",
    "x-envoy-attempt-count",
    "x-envoy-auth-partial-body",
    "x-envoy-decorator-operation",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-real-ip",
    "x-request-id",
];

/// A header's name as a route may have it.
///
/// # Errors
/// What is wrong with it, in words.
pub fn name(text: &str) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| format!("{text:?} is no header's name"))?;
    let known = |list: &[&str]| list.contains(&name.as_str());
    if known(OURS) || known(OVERRIDES) || name.as_str().starts_with("placet-") {
        return Err(format!("{text:?}: a route can't bind or forward this header"));
    }
    match name == header::CONTENT_TYPE {
        true => Err("content-type is bound with every body".to_owned()),
        false => Ok(name),
    }
}

/// Refuses what would let two servers see two requests: overrides of method or path, two lengths,
/// a coding of the transfer beside `chunked`, and repeated headers that stand once.
///
/// # Errors
/// `gateway.header`.
pub fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in OVERRIDES {
        if headers.contains_key(*name) {
            return Err(refused(name, "it names another method or path"));
        }
    }
    let once = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::TRANSFER_ENCODING,
        header::AUTHORIZATION,
    ];
    for name in once {
        if headers.get_all(&name).iter().count() > 1 {
            return Err(refused(name.as_str(), "it is there twice"));
        }
    }
    let chunked = headers.get(header::TRANSFER_ENCODING);
    if chunked.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(refused("transfer-encoding", "only `chunked` is read"));
    }
    if chunked.is_some() && headers.contains_key(header::CONTENT_LENGTH) {
        return Err(refused("content-length", "the body has two lengths"));
    }
    match headers.contains_key(header::UPGRADE) {
        true => Err(refused("upgrade", "connections are not handed over")),
        false => Ok(()),
    }
}

/// Refuses headers that change what a request does and that the route does not bind.
///
/// # Errors
/// `gateway.header`.
pub fn check_meaning(headers: &HeaderMap, bound: &[HeaderName]) -> Result<(), Refusal> {
    let unbound =
        |name: &&&str| headers.contains_key(**name) && !bound.iter().any(|b| b.as_str() == **name);
    match MEANINGFUL.iter().find(unbound) {
        Some(name) => Err(refused(name, "the route does not bind it")),
        None => Ok(()),
    }
}

/// Refuses headers that no list names, where another server forwards all that came: this gateway
/// would have kept them here.
///
/// # Errors
/// `gateway.header`.
pub fn check_listed(
    headers: &HeaderMap,
    bound: &[HeaderName],
    passing: &[HeaderName],
) -> Result<(), Refusal> {
    let listed = |name: &HeaderName| {
        [OURS, PASSING, IN_FRONT].iter().any(|list| list.contains(&name.as_str()))
            || bound.contains(name)
            || passing.contains(name)
    };
    match headers.keys().find(|name| !listed(name)) {
        Some(name) => Err(refused(name.as_str(), "the route neither binds nor forwards it")),
        None => Ok(()),
    }
}

/// Whether the head of a request says that a body follows.
#[must_use]
pub fn announce_body(headers: &HeaderMap) -> bool {
    let long = |value: &HeaderValue| !value.as_bytes().iter().all(|b| *b == b'0');
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(long)
}

/// `Accept` where it does more than to choose among common forms: a vendor's media type or a
/// parameter other than `q` names a version of the API.
///
/// # Errors
/// `gateway.header` if it is no visible ASCII.
pub fn chosen_version(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut lines = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        let text = value.to_str();
        lines.push(text.map_err(|_| refused("accept", "it is no text of visible characters"))?);
    }
    let all = lines.join(", ");
    let lower = all.to_ascii_lowercase();
    let plain = |item: &str| {
        let mut parts = item.split(';').map(str::trim);
        let vendor = parts.next().is_some_and(|media_type| media_type.contains("/vnd."));
        !vendor && parts.all(|parameter| parameter.starts_with("q="))
    };
    Ok((!lower.split(',').all(plain)).then_some(all))
}

/// The value of a header as text; nothing if it is not there.
///
/// # Errors
/// `gateway.header` if it is there twice or is no visible ASCII.
pub fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused(name, "it is there twice"));
    }
    value.to_str().map(Some).map_err(|_| refused(name, "it is no text of visible characters"))
}

/// The headers that go to the API: those that are bound, those that the route lets pass, and the
/// content type. What is not listed stays here.
#[must_use]
pub fn forwarded(headers: &HeaderMap, bound: &[HeaderName], passing: &[HeaderName]) -> HeaderMap {
    let mut out = HeaderMap::new();
    let listed = bound.iter().chain(passing).map(HeaderName::as_str);
    for name in listed.chain(PASSING.iter().copied()).chain(["content-type"]) {
        if out.contains_key(name) {
            continue;
        }
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        for value in headers.get_all(name) {
            out.append(key.clone(), value.clone());
        }
    }
    out
}

/// The headers of an answer that go back: all but those of the connection, and those that an answer
/// of this gateway alone has.
pub fn clean_answer(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    let connection = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"];
    for name in connection.into_iter().chain(["transfer-encoding", "placet-request"]) {
        headers.remove(name);
    }
}

/// Whether a client asks by `Prefer` (RFC 7240) for something, with the value that it gives.
#[must_use]
pub fn preference(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let lines = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut all = lines.flat_map(|line| line.split([',', ';']));
    all.find_map(|item| {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        let value = value.trim().trim_matches('"').to_owned();
        name.trim().eq_ignore_ascii_case(wanted).then_some(value)
    })
}

/// A value that is fit for a header, whatever is in it.
#[must_use]
pub fn value(text: &str) -> HeaderValue {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    HeaderValue::from_str(&plain).unwrap_or(HeaderValue::from_static(""))
}

fn refused(name: &str, detail: &str) -> Refusal {
    Refusal::Header(format!("{name}: {detail}"))
}

/// JSON in UTF-8. Some servers believe a `charset`, though the media type has none (RFC 8259 11):
/// in another one the same bytes are another text.
#[must_use]
pub fn is_json(media_type: &str) -> bool {
    let lower = media_type.to_ascii_lowercase();
    let (essence, parameter) = match lower.split_once(';') {
        Some((essence, parameter)) => (essence, Some(parameter.trim())),
        None => (lower.as_str(), None),
    };
    let essence = essence.trim();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"/+-._".contains(&b);
    (essence == "application/json" || essence.ends_with("+json"))
        && essence.bytes().all(token)
        && matches!(parameter, None | Some("charset=utf-8" | "charset=\"utf-8\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(list: &[(&str, &str)]) -> HeaderMap {
        let pair = |(n, v): &(&str, &str)| {
            (HeaderName::from_bytes(n.as_bytes()).unwrap(), HeaderValue::from_str(v).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in list.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn what_two_servers_read_in_two_ways_is_refused() {
        check_framing(&map(&[("host", "a"), ("transfer-encoding", "Chunked")])).unwrap();
        for bad in [
            &[("transfer-encoding", "chunked"), ("content-length", "3")][..],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
            &[("content-length", "3"), ("content-length", "3")],
            &[("host", "a"), ("host", "b")],
            &[("content-type", "text/plain"), ("content-type", "application/json")],
            &[("X-HTTP-Method-Override", "DELETE")],
            &[("x-original-url", "/admin")],
            &[("upgrade", "websocket")],
        ] {
            assert_eq!(check_framing(&map(bad)).unwrap_err().code(), "gateway.header", "{bad:?}");
        }
        let headers = map(&[("if-match", "\"1\""), ("range", "bytes=0-1")]);
        let bound = [header::IF_MATCH, header::RANGE];
        check_meaning(&headers, &bound).unwrap();
        assert!(check_meaning(&headers, &bound[..1]).is_err());
    }

    #[test]
    fn only_what_is_listed_goes_on() {
        let headers = map(&[
            ("authorization", "Bearer secret"),
            ("cookie", "session=1"),
            ("x-tenant", "7"),
            ("x-trace", "1"),
            ("x-admin", "true"),
            ("accept", "text/html"),
            ("accept", "text/plain"),
            ("content-type", "application/json"),
            ("placet-request", "x"),
        ]);
        let (tenant, trace) = (name("X-Tenant").unwrap(), name("x-trace").unwrap());
        let out = forwarded(&headers, &[tenant], &[trace]);
        let mut names: Vec<_> = out.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "content-type", "x-tenant", "x-trace"]);
        assert_eq!(out.get_all("accept").iter().count(), 2);
        for bad in ["Authorization", "host", "TE", "x-rewrite-url", "placet-request", "a b", ""] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    // SPEC.md R-10-142.
    #[test]
    fn where_another_server_forwards_what_no_list_names_is_refused() {
        let (tenant, trace) = (name("X-Tenant").unwrap(), name("x-trace").unwrap());
        let check = |list: &[(&str, &str)]| {
            check_listed(&map(list), std::slice::from_ref(&tenant), std::slice::from_ref(&trace))
        };
        check(&[("host", "a"), ("x-tenant", "1"), ("x-trace", "1"), ("user-agent", "a")]).unwrap();
        check(&[("x-forwarded-for", "::1"), ("x-request-id", "1"), ("via", "a")]).unwrap();
        for bad in ["cookie", "x-impersonate-user", "x-forwarded-user", "x-user"] {
            assert_eq!(check(&[(bad, "1")]).unwrap_err().code(), "gateway.header", "{bad}");
        }
    }

    // SPEC.md R-10-142.
    #[test]
    fn an_accept_that_chooses_a_version_is_told_apart() {
        let chosen = |text: &str| chosen_version(&map(&[("accept", text)])).unwrap();
        for plain in ["*/*", "text/html, application/json;q=0.9", "application/problem+json; q=1"] {
            assert_eq!(chosen(plain), None, "{plain}");
        }
        for version in ["application/vnd.x.v1+json", "*/*, application/json; version=2"] {
            assert_eq!(chosen(version).as_deref(), Some(version));
        }
    }

    #[test]
    fn an_answer_keeps_no_header_of_the_connection() {
        let mut headers = map(&[
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("placet-request", "forged"),
            ("x-kept", "1"),
        ]);
        clean_answer(&mut headers);
        assert_eq!(headers, map(&[("x-kept", "1")]));
    }

    #[test]
    fn preferences_are_found_in_any_form() {
        let headers =
            map(&[("prefer", "respond-async, wait=\"20\""), ("prefer", "return=minimal")]);
        assert_eq!(preference(&headers, "wait").as_deref(), Some("20"));
        assert_eq!(preference(&headers, "respond-async").as_deref(), Some(""));
        assert_eq!(preference(&headers, "handling"), None);
        assert_eq!(value("a\r\nb\u{e9}"), "a??b?");
    }

    // SPEC.md R-10-141.
    #[test]
    fn json_is_read_in_utf_8_only() {
        for good in [
            "application/json",
            "Application/JSON; Charset=UTF-8",
            "application/merge-patch+json",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "application/json; charset=utf-7",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; x=1",
            "application/json;",
            "text/plain",
            "text/plain, application/x+json",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
