//! One text, two readings: the person sees one, the target gets the other.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::common::{Answer, Web};

async fn evaluate(web: &Web, text: Vec<u8>) -> Answer {
    let request = Request::post("/access/v1/evaluation")
        .header(header::HOST, "localhost:8420")
        .header(header::AUTHORIZATION, format!("Bearer {}", web.token))
        .header(header::CONTENT_TYPE, "application/json");
    web.send(request.body(Body::from(text)).unwrap()).await
}

fn with_context(members: &str) -> Vec<u8> {
    format!(
        r#"{{"subject": {{"type": "agent", "id": "support-bot"}}, "action": {{"name": "read_user"}},
            "resource": {{"type": "user", "id": "X1"}}, "context": {{{members}}}}}"#
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_two_readings_is_no_request() {
    let web = Web::new();
    let size = web.ledger.log(placet_ledger::LogId::Main).size();
    assert_eq!(evaluate(&web, with_context(r#""ticket": "T"#)).await.status, 400, "cut short");
    for ambiguous in [
        r#""ticket": "T-1", "ticket": "T-2""#,
        r#""ticket": "T-1", "\u0074icket": "T-2""#,
        r#""x": {"a": 1, "a": 2}"#,
        r#""x": 100.00000000000000001"#,
        r#""x": -0"#,
        r#""x": 1e400"#,
        r#""x": 9007199254740993"#,
        r#""x": "\ud800""#,
        r#""x": "\udc00\ud800""#,
        r#""x": 01"#,
        r#""x": NaN"#,
        r#""x": 1,"#,
        r#""x": 'T'"#,
    ] {
        let refused = evaluate(&web, with_context(ambiguous)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{ambiguous}: {}", refused.body);
    }
    let mut bytes = with_context(r#""x": "??""#);
    let at = bytes.iter().position(|b| *b == b'?').unwrap();
    bytes[at..at + 2].copy_from_slice(&[0xc0, 0xaf]);
    assert_eq!(evaluate(&web, bytes).await.status, StatusCode::BAD_REQUEST, "not UTF-8");
    let mut bytes = with_context("");
    bytes.extend_from_slice(&with_context(""));
    assert_eq!(evaluate(&web, bytes).await.status, StatusCode::BAD_REQUEST, "two texts");
    assert_eq!(web.ledger.log(placet_ledger::LogId::Main).size(), size, "nothing was recorded");
}

/// What is the same for JSON is one action; what only looks the same is another.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_action_has_one_digest_and_a_lookalike_another() {
    let web = Web::new();
    let digest = async |members: &str| {
        let answer = evaluate(&web, with_context(members)).await;
        assert_eq!(answer.body["decision"], true, "{members}: {}", answer.body);
        web.last_decision().action.digest()
    };
    let one = digest(r#""a": 10000, "ticket": "T""#).await;
    assert_eq!(digest(r#""ticket":"\u0054", "a":1e4"#).await, one);
    // Composed and decomposed, a hidden character, another type.
    let composed = digest("\"ticket\": \"\u{e9}\"").await;
    for other in ["\"ticket\": \"e\u{301}\"", "\"ticket\": \"\u{e9}\u{200b}\""] {
        assert_ne!(digest(other).await, composed, "{other:?}");
    }
    assert_ne!(digest(r#""ticket": "T", "a": "10000""#).await, one);
    assert_ne!(digest(r#""ticket": "T""#).await, one);
}
