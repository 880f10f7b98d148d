//! The ledger itself lies: it tells the gateway of an approval that nobody gave, or of a permit
//! that needs none.

use std::sync::Arc;

use placet_ledger::service::TrustChoices;
use placet_pep::enforce::{Enforcer, Settings};
use placet_pep::gateway::Gateway;
use placet_pep::gateway::config::Config;
use placet_proto::trust::Root;
use serde_json::json;

use crate::common::Web;
use crate::enforcing::{Between, Fault, embedded};
use crate::gatewaying::{api, call, serve, table, tokens, web};

const DISABLE: &str = "POST /users/X0001/disable";
const WHY: &str = r#"{"reason":"left"}"#;

/// The gateway that `[evidence]` of its file asks for, before a ledger with something between.
fn strict(web: &Web, between: Between, upstream: &str) -> Gateway {
    let root = Root { public_key: web.key.public_key().to_cose(), name: None };
    let choices = TrustChoices { roots: vec![root], allow_dev: true, ..TrustChoices::default() };
    let trust = web.ledger.trust_file(choices).unwrap();
    std::fs::write(web.tmp.path().join("trust.json"), trust.encode()).unwrap();
    let file = format!("{}\n[evidence]\ntrust = \"trust.json\"\n", table(upstream, ""));
    let config = Config::parse(&file, &web.tmp.path().join("gateway.toml")).unwrap();
    let settings = Settings { evidence: config.evidence.clone(), ..Settings::default() };
    let enforcer = Enforcer::with_settings(between, settings);
    Gateway::new(config, enforcer, Arc::new(tokens()), None).unwrap()
}

/// A ledger that answers `/v1/consume` and decisions as if `request` had been approved.
fn forged(web: &Web, request: &str) -> Between {
    let id = request.to_owned();
    let reference = json!({"index": 7, "document_sha256": "00".repeat(32)});
    let approval = json!({"id": id, "approved_until": "2099-01-01T00:00:00Z"});
    Between::new(embedded(web), move |route, _| match route {
        "task" => Fault::Says(json!({
            "task": {"id": id, "status": "approved"},
            "result": {"mode": "reevaluate", "approval": approval},
        })),
        "/access/v1/evaluation" => Fault::Says(json!({
            "decision": true,
            "context": {"evaluation_id": "x", "approval": {"id": id}},
        })),
        "/v1/consume" => Fault::Says(json!({"execution": reference, "repeated": false})),
        "/v1/outcome" => Fault::Says(json!({"outcome": reference})),
        _ => Fault::None,
    })
}

// SPEC.md R-10-151.
#[tokio::test(flavor = "multi_thread")]
async fn with_evidence_an_approval_that_nobody_gave_passes_nothing() {
    let mut web = web();
    let (upstream, hits) = api().await;
    let honest = Between::new(embedded(&web), |_, _| Fault::None);
    let address = serve(&strict(&web, honest, &upstream)).await;
    let request = call(&address, DISABLE, &[], WHY).await.request();
    let named = [("Placet-Request", request.as_str())];

    // Without [evidence] the ledger's word is taken: that is what the setting is for.
    let trusting = Enforcer::new(forged(&web, &request));
    let trusting = serve(&crate::gatewaying::gateway(trusting, &table(&upstream, ""))).await;
    assert_eq!(call(&trusting, DISABLE, &named, WHY).await.status, 200);
    assert_eq!(hits.lock().unwrap().drain(..).count(), 1);

    let lied_to = serve(&strict(&web, forged(&web, &request), &upstream)).await;
    let said = call(&lied_to, DISABLE, &named, WHY).await;
    assert!([403, 503].contains(&said.status), "{said:?}");
    assert!(hits.lock().unwrap().is_empty(), "nothing was forwarded");

    // The evidence of another approval, however good, is none of this one.
    let other = call(&address, "POST /users/X0002/disable", &[], WHY).await.request();
    web.answer(&other, false);
    let ten = Some(std::time::Duration::from_secs(10));
    let bundle = Arc::new(web.ledger.evidence(&[other], ten).unwrap().bytes);
    let between = Between::evidence(forged(&web, &request), bundle);
    let lied_to = serve(&strict(&web, between, &upstream)).await;
    let said = call(&lied_to, DISABLE, &named, WHY).await;
    assert_eq!((said.status, said.code().as_str()), (403, "gateway.approval"));
    assert!(hits.lock().unwrap().is_empty(), "nothing was forwarded");

    // A person approves, and the ledger speaks the truth.
    web.answer(&request, false);
    assert_eq!(call(&address, DISABLE, &named, WHY).await.status, 200);
    assert_eq!(hits.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_evidence_a_bare_yes_passes_nothing_that_needs_a_person() {
    let web = web();
    let (upstream, hits) = api().await;
    let yes = Between::new(embedded(&web), |route, _| match route {
        "/access/v1/evaluation" => {
            Fault::Says(json!({"decision": true, "context": {"evaluation_id": "x"}}))
        }
        _ => Fault::None,
    });
    let address = serve(&strict(&web, yes, &upstream)).await;
    for line in [DISABLE, "GET /users/7"] {
        let said = call(&address, line, &[], if line == DISABLE { WHY } else { "" }).await;
        assert_eq!((said.status, said.code().as_str()), (403, "gateway.approval"), "{line}");
    }
    assert!(hits.lock().unwrap().is_empty());
}
