//! How long a decision takes in process, by the number of policies.
//!
//! `cargo bench -p placet-benches --bench decide` prints median and 99th percentile of what stands
//! below, and writes them to `benches/results/decide.json` (`-- --out FILE`: elsewhere), of which
//! `cargo xtask gen` makes a table of docs/performance.md:
//!
//! * `prebuilt`: the request in the engine's terms, one run of the policies that fit;
//! * `json`: from the bytes of an AuthZEN request, with its digest, to the outcome;
//! * `step-up`: prebuilt and denied, so that it is run again with a synthetic approval, and again
//!   for the quorum.
//!
//! Of all policies 5 have no constraint and 5 fit the request; the rest name other users, actions
//! and folders. Nothing is recorded: that is another figure. Figures are of one machine and one
//! moment; whoever quotes one names both.

use std::hint::black_box;
use std::time::{Duration, Instant};

use placet_benches::machine::{self, Machine};
use placet_benches::stats::quantile;
use placet_pep::authzen::EvaluationRequest;
use placet_pep::cedar::CedarPdp;
use placet_pep::pdp::{Outcome, Pdp as _};
use placet_pep::policy::PolicyFiles;
use serde_json::{Value, json};

/// Decisions that are measured, each by itself.
const SAMPLES: usize = 20_000;
/// Decisions before that.
const WARM_UP: usize = 2_000;
/// How many policies.
const SIZES: [usize; 3] = [10, 100, 1000];
/// Entities in the store beside those of the request.
const ENTITIES: usize = 1000;

const SCHEMA: &str = r#"
    type Approval = { digest: String, method: String, approvers: Long, user_verified: Bool };
    entity Team in [Team];
    entity User in [Team] { level?: Long, department?: String };
    entity Folder in [Folder];
    entity Doc in [Folder] { owner?: User, status?: String };
    action read, write, pay, other appliesTo {
      principal: [User], resource: [Doc],
      context: { action_digest: String, approval?: Approval, ip?: String },
    };"#;

/// Where the result is kept.
const RESULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/decide.json");

fn main() {
    let machine = Machine::this();
    let mut rows = Vec::new();
    println!("{} x {}, load {}", machine.cores, machine.processor, machine.load_before);
    println!("{:>9}  {:<9}  {:>10}  {:>10}", "policies", "what", "median us", "p99 us");
    for size in SIZES {
        let pdp = CedarPdp::load(&folder(size)).expect("a policy folder");
        let read = request("read");
        let parsed = EvaluationRequest::parse(read.as_bytes()).expect("a request");
        let prepared = pdp.prepare(&parsed).expect("a request that the schema knows");
        assert!(prepared.permitted().expect("no policy fails"));
        let mut report = |what, decide: &dyn Fn() -> bool| rows.push(measure(size, what, decide));
        report("prebuilt", &|| prepared.permitted().is_ok());
        report("json", &|| {
            let request = EvaluationRequest::parse(read.as_bytes()).expect("a request");
            pdp.evaluate(&request).expect("a decision").outcome == Outcome::Permit(None)
        });
        let pay = EvaluationRequest::parse(request("pay").as_bytes()).expect("a request");
        let prepared = pdp.prepare(&pay).expect("a request that the schema knows");
        let asks = || matches!(prepared.outcome(), Ok(Outcome::Requestable(_)));
        assert!(asks());
        report("step-up", &asks);
    }
    write(&machine, &rows);
}

/// Writes the result: to the file that `--out` names, and without that only of an optimised build.
fn write(machine: &Machine, rows: &[Value]) {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--out").skip(1);
    let kept = || (!cfg!(debug_assertions)).then(|| RESULT.to_owned());
    let Some(path) = arguments.next().or_else(kept) else { return };
    let result = json!({
        "schema": "placet/bench-decide/v1",
        "command": "cargo bench -p placet-benches --bench decide",
        "optimised": !cfg!(debug_assertions),
        "samples": SAMPLES,
        "rows": rows,
        "machine": machine,
        "commit": machine::commit(),
        "date": machine::today(),
    });
    let text = serde_json::to_string_pretty(&result).expect("JSON");
    std::fs::write(&path, text + "\n").expect("the result can be written");
    println!("{path}");
}

fn measure(size: usize, what: &str, decide: &dyn Fn() -> bool) -> Value {
    let mut times = Vec::with_capacity(SAMPLES);
    for at in 0..WARM_UP + SAMPLES {
        let began = Instant::now();
        let decided = black_box(decide());
        let took = began.elapsed();
        assert!(decided);
        if at >= WARM_UP {
            times.push(took);
        }
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let (median, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    let (median, p99) = (micros(median), micros(p99));
    println!("{size:>9}  {what:<9}  {median:>10.1}  {p99:>10.1}");
    json!({"policies": size, "what": what, "p50_us": median, "p99_us": p99})
}

fn request(action: &str) -> String {
    format!(
        r#"{{"subject":{{"type":"user","id":"alice","properties":{{"level":3,"agent":"a-1"}}}},
            "action":{{"name":"{action}","properties":{{"reason":"month end"}}}},
            "resource":{{"type":"doc","id":"plan","properties":{{"status":"active"}}}},
            "context":{{"ip":"192.0.2.1","trace":"4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab"}}}}"#
    )
}

/// So many policies over the same entities.
fn folder(size: usize) -> PolicyFiles {
    let mut policies = String::from(
        r#"
        forbid (principal, action, resource)
          when { resource has status && resource.status == "gone" };
        forbid (principal, action, resource) when { principal has level && principal.level < 0 };
        forbid (principal, action, resource) when { context has ip && context.ip like "203.0.*" };
        permit (principal, action, resource)
          when { resource has owner && resource.owner == principal };
        permit (principal, action, resource) when { principal in Team::"admins" };
        permit (principal == User::"alice", action == Action::"read", resource);
        permit (principal in Team::"all", action == Action::"read", resource in Folder::"plans");
        permit (principal, action == Action::"read", resource == Doc::"plan");
        @approve("passkey") @quorum("1")
        permit (principal == User::"alice", action == Action::"pay", resource)
          when { context has approval && context.approval.digest == context.action_digest };
        permit (principal in Team::"red", action in [Action::"read", Action::"write"], resource);
        "#,
    );
    for n in 0..size.saturating_sub(10) {
        let scope = match n % 3 {
            0 => format!("principal == User::\"u{n}\", action, resource in Folder::\"f{n}\""),
            1 => format!("principal in Team::\"t{n}\", action == Action::\"read\", resource"),
            _ => format!("principal, action == Action::\"write\", resource == Doc::\"d{n}\""),
        };
        policies.push_str(&format!("permit ({scope}) when {{ resource has status }};\n"));
    }
    let files = [
        ("policies.cedar", policies),
        ("schema.cedarschema", SCHEMA.to_owned()),
        ("entities.json", entities()),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    PolicyFiles::from_files(files.into()).expect("a policy folder")
}

fn entities() -> String {
    let mut all = vec![
        r#"{"uid":{"type":"Team","id":"all"},"attrs":{},"parents":[]}"#.to_owned(),
        r#"{"uid":{"type":"Team","id":"red"},"attrs":{},"parents":[{"type":"Team","id":"all"}]}"#
            .to_owned(),
        r#"{"uid":{"type":"User","id":"alice"},"attrs":{"department":"Sales"},
            "parents":[{"type":"Team","id":"red"}]}"#
            .to_owned(),
        r#"{"uid":{"type":"Folder","id":"plans"},"attrs":{},"parents":[]}"#.to_owned(),
        r#"{"uid":{"type":"Doc","id":"plan"},"attrs":{"owner":{"type":"User","id":"u1"}},
            "parents":[{"type":"Folder","id":"plans"}]}"#
            .to_owned(),
    ];
    all.extend((0..ENTITIES).map(|n| {
        format!(
            r#"{{"uid":{{"type":"User","id":"u{n}"}},"attrs":{{"level":{n}}},
                "parents":[{{"type":"Team","id":"all"}}]}}"#
        )
    }));
    format!("[{}]", all.join(",\n"))
}
