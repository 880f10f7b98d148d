//! Approvals whose evidence is judged before they are spent, and ledgers behind TLS.

mod common;
mod enforcing;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use common::*;
use enforcing::*;
use placet_ledger::http::server::{Serving, serve_with};
use placet_ledger::http::tls::Tls;
use placet_ledger::service::TrustChoices;
use placet_pep::enforce::{
    EnforceError, Enforcer, EvidenceRule, Intent, Ledger, Remote, RemoteConfig, RequiredFor,
    Settings, Verdict,
};
use placet_proto::trust::{Root, TrustFile};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn trust(web: &Web, rooted: bool) -> TrustFile {
    let root = Root { public_key: web.key.public_key().to_cose(), name: None };
    let roots = if rooted { vec![root] } else { vec![] };
    let choices = TrustChoices { roots, allow_dev: true, ..TrustChoices::default() };
    web.ledger.trust_file(choices).unwrap()
}

fn strict(ledger: impl Ledger, rule: EvidenceRule) -> Enforcer {
    Enforcer::with_settings(ledger, Settings { evidence: Some(rule), ..Settings::default() })
}

async fn spend(wanted: &Intent, verdict: Verdict) -> Result<(), EnforceError> {
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    let ran = permit.run(wanted.clone(), async |_| Ok::<_, Infallible>(())).await?;
    ran.recorded
}

fn code(result: Result<(), EnforceError>) -> String {
    match result {
        Err(EnforceError::Evidence { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_spent_on_evidence_that_passes_and_on_no_other() {
    let mut web = Web::new();
    let other = Web::new();
    let wanted = intent(&disable("X0001")).with_payload(payload(b"{}"));
    let plain = Enforcer::new(embedded(&web));
    let (id, _) = approve(&mut web, &plain, &wanted).await;

    let good = EvidenceRule {
        audience: Some(web.ledger.config().audience.clone()),
        ..EvidenceRule::new(trust(&web, true))
    };
    let not_dev = TrustFile { allow_dev: false, ..trust(&web, true) };
    let expired =
        TrustFile { expires: Some(placet_proto::time::UnixSeconds(1)), ..trust(&web, true) };
    for (rule, expected) in [
        // Nobody whom this enforcement point knows stands behind the approver.
        (EvidenceRule::new(trust(&web, false)), "lineage.operator_asserted"),
        // Another ledger.
        (EvidenceRule::new(trust(&other, true)), "log.genesis"),
        (EvidenceRule::new(not_dev), "trust.dev_log"),
        (EvidenceRule::new(expired), "trust.expired"),
        (
            EvidenceRule { audience: Some("another".to_owned()), ..good.clone() },
            "execution.audience",
        ),
        // A failure is not tolerated, whatever is.
        (
            EvidenceRule {
                tolerate: vec!["log.genesis".to_owned()],
                ..EvidenceRule::new(trust(&other, true))
            },
            "log.genesis",
        ),
    ] {
        let enforcer = strict(embedded(&web), rule);
        let verdict = again(&enforcer, &wanted).await;
        assert_eq!(code(spend(&wanted, verdict).await), expected);
        assert!(web.ledger.row(&id).unwrap().execution.is_none(), "{expected}");
    }
    let tolerant = EvidenceRule {
        tolerate: vec!["lineage.operator_asserted".to_owned()],
        ..EvidenceRule::new(trust(&web, false))
    };
    let enforcer = strict(embedded(&web), tolerant);
    let verdict = again(&enforcer, &wanted).await;
    spend(&wanted, verdict).await.unwrap();

    let wanted = intent(&disable("X0002"));
    let enforcer = strict(embedded(&web), good);
    let (_, verdict) = approve(&mut web, &enforcer, &wanted).await;
    spend(&wanted, verdict).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_something_else_is_none() {
    let mut web = Web::new();
    let plain = Enforcer::new(embedded(&web));
    let with_bytes = intent(&disable("X0001")).with_payload(payload(b"{}"));
    let (id, _) = approve(&mut web, &plain, &with_bytes).await;
    let enforcer = strict(embedded(&web), EvidenceRule::new(trust(&web, true)));
    // As if the ledger had said yes to any of these.
    let bare = intent(&disable("X0001"));
    let other_action = intent(&disable("X0002")).with_payload(payload(b"{}"));
    let other_bytes = intent(&disable("X0001")).with_payload(payload(b"[]"));
    for (wanted, expected) in
        [(bare, "execution.raw"), (other_bytes, "execution.raw"), (other_action, "action.mismatch")]
    {
        let permit = enforcer.resume(&wanted, &id, "key").unwrap();
        let refused = permit.run(wanted, never).await.map(|ran| ran.recorded.unwrap());
        assert_eq!(code(refused), expected);
        assert!(web.ledger.row(&id).unwrap().execution.is_none());
    }
    // A bundle about another request, however good.
    let (_, verdict) = approve(&mut web, &plain, &intent(&disable("X0003"))).await;
    assert!(matches!(verdict, Verdict::Permitted(_)));
    let another = web.ledger.evidence(&[id], Some(Duration::from_secs(10))).unwrap().bytes;
    let kept = std::sync::Arc::new(another);
    let between = Between::evidence(embedded(&web), kept);
    let enforcer = strict(between, EvidenceRule::new(trust(&web, true)));
    let wanted = intent(&disable("X0003"));
    let verdict = again(&enforcer, &wanted).await;
    let refused = code(spend(&wanted, verdict).await);
    assert!(matches!(refused.as_str(), "action.mismatch" | "enforce.evidence"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_rule_the_ledger_s_word_permits_nothing_that_needs_a_person() {
    let web = Web::new();
    let wanted = intent(&disable("X0001"));
    // A ledger that says yes to everything, and speaks of no approval.
    let lies = || {
        Between::new(embedded(&web), |route, _| match route {
            "/access/v1/evaluation" => Fault::Says(serde_json::json!({
                "decision": true, "context": {"evaluation_id": "x"},
            })),
            _ => Fault::None,
        })
    };
    let rule = EvidenceRule::new(trust(&web, true));
    let reads = RequiredFor::those(|action| action.name() != "read_user");
    let but_reads = EvidenceRule { required_for: reads, ..rule.clone() };
    for (rule, wanted, runs) in [
        (rule.clone(), &wanted, false),
        (rule, &intent(&read("X0001")), false),
        (but_reads.clone(), &wanted, false),
        (but_reads, &intent(&read("X0001")), true),
    ] {
        let enforcer = strict(lies(), rule);
        let verdict = enforcer.evaluate(wanted).await.unwrap();
        let spent = spend(wanted, verdict).await;
        match runs {
            true => spent.unwrap(),
            false => assert_eq!(code(spent), "answer.absent"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_and_never_began_is_resumed_on_evidence_that_lacks_an_outcome() {
    let mut web = Web::new();
    let wanted = intent(&disable("X0001"));
    let enforcer = strict(embedded(&web), EvidenceRule::new(trust(&web, true)));
    let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    let key = permit.key().to_owned();
    let (running, _) = permit.begin(wanted.clone()).await.unwrap();
    std::mem::forget(running);
    let resumed = enforcer.resume(&wanted, &id, &key).unwrap();
    let ran = resumed.run(wanted, async |_| Ok::<_, Infallible>(())).await.unwrap();
    assert_eq!(ran.recorded, Ok(()));
}

/// A certificate authority of a test, and files of what it certified.
struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, names) in [("server", ["localhost", "127.0.0.1"]), ("other", ["o.example", "p"])]
        {
            let names = names.map(str::to_owned).to_vec();
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            std::fs::write(dir.path().join(format!("{name}.pem")), made.cert.pem()).unwrap();
            let key = made.signing_key.serialize_pem();
            std::fs::write(dir.path().join(format!("{name}.key")), key).unwrap();
        }
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_behind_tls_is_who_its_certificate_says_or_is_not_asked() {
    let web = Web::new();
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = router_at(&web.ledger, &[format!("localhost:{port}")]);
    let tls = Tls::load(&authority.file("server.pem"), &authority.file("server.key")).unwrap();
    let serving = Serving { tls: Some(tls), ..Serving::default() };
    let (end, ended) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        serve_with(listener, serving, router, async { drop(ended.await) }).await;
    });
    let config = RemoteConfig {
        url: format!("https://localhost:{port}"),
        token_file: Some(token_file(&web)),
        ca_file: Some(authority.file("server.pem")),
        client_certificate: None,
    };
    let asked = async |config: &RemoteConfig| {
        let enforcer = Enforcer::new(Remote::new(config).unwrap());
        let done = async |_| Ok::<_, Infallible>(());
        enforcer.enforce(intent(&read("X1")), Duration::ZERO, done).await.map(drop)
    };
    asked(&config).await.unwrap();
    // A client certificate is shown where one is asked for, and harms nowhere.
    let files = (authority.file("other.pem"), authority.file("other.key"));
    asked(&RemoteConfig { client_certificate: Some(files), ..config.clone() }).await.unwrap();
    for ca_file in [Some(authority.file("other.pem")), None] {
        let refused = asked(&RemoteConfig { ca_file, ..config.clone() }).await.unwrap_err();
        assert_eq!(refused.code(), "enforce.unavailable", "{refused}");
    }
    for bad in [
        RemoteConfig { ca_file: Some(authority.file("none.pem")), ..config.clone() },
        RemoteConfig { ca_file: Some(authority.file("server.key")), ..config.clone() },
        RemoteConfig { token_file: Some(authority.file("none")), ..config.clone() },
        RemoteConfig {
            client_certificate: Some((authority.file("other.pem"), authority.file("server.key"))),
            ..config.clone()
        },
    ] {
        let refused = Remote::new(&bad).err().expect("files that do not fit");
        assert_eq!(refused.code(), "enforce.config", "{refused}");
    }
    drop(end);
    server.await.unwrap();
}
