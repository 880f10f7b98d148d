//! `policy prove`, with the solver where there is one: in CVC5, on the path, or where the tests'
//! own setup puts it. Without one nothing is proved, and that is not success.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Ledger, expect, expect_json, text};
use placet_pep::policy::{Pack, PolicyFiles};
use placet_proto::json::Json;

fn solver() -> Option<PathBuf> {
    let cache = std::env::var_os("PLACET_TEST_CACHE").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/placet-test"));
    let installed = cache.or_else(home).map(|cache| cache.join("bin/cvc5"));
    let named = std::env::var_os("CVC5").map(PathBuf::from);
    let candidates = named.into_iter().chain([PathBuf::from("cvc5")]).chain(installed);
    let works = |path: &PathBuf| {
        Command::new(path).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let found = candidates.into_iter().find(works);
    if found.is_none() {
        eprintln!("no solver: only what needs none is tested");
    }
    found
}

/// The demonstration's policies after a change.
fn folder(ledger: &Ledger, name: &str, change: impl FnOnce(String) -> String) -> String {
    let path = ledger.path(name);
    PolicyFiles::demo().write(Path::new(&path)).unwrap();
    let policies = Path::new(&path).join("policies.cedar");
    let text = std::fs::read_to_string(&policies).unwrap();
    std::fs::write(&policies, change(text)).unwrap();
    path
}

fn counter(proof: &Json) -> &Json {
    let goal = &proof.get("goals").unwrap().as_array().unwrap()[0];
    goal.get("environments").unwrap().as_array().unwrap()[0].get("counter").unwrap()
}

// SPEC.md R-10-92.
#[test]
fn without_a_solver_nothing_is_proved() {
    let ledger = Ledger::new();
    let demo = folder(&ledger, "demo", |text| text);
    let missing = ["policy", "prove", &demo, "--solver", "/nonexistent/cvc5"];
    let told = expect_json(3, &missing);
    assert_eq!(text(&told, &["result"]), "undecided");
    assert!(text(&told, &["note"]).contains("no solver"), "{told:?}");
    // What is a program, but no solver.
    let told = expect_json(3, &["policy", "prove", &demo, "--solver", "true"]);
    assert!(text(&told, &["note"]).contains("does not work"), "{told:?}");
    // One that says "proved" to everything.
    let liar = ledger.path("liar");
    std::fs::write(
        &liar,
        "#!/bin/sh\nwhile read -r line; do case $line in *check-sat*) echo unsat;; esac; done\n",
    )
    .unwrap();
    assert!(Command::new("chmod").args(["+x", &liar]).status().unwrap().success());
    let told = expect_json(3, &["policy", "prove", &demo, "--solver", &liar]);
    assert!(text(&told, &["note"]).contains("proves what is false"), "{told:?}");
    // Nothing to prove.
    let plain = folder(&ledger, "plain", |text| text.replace("@risk(\"high\")\n", ""));
    let told = expect_json(3, &["policy", "prove", &plain, "--solver", "true"]);
    assert!(text(&told, &["note"]).contains("no action is of high risk"), "{told:?}");
    let unknown = ["policy", "prove", &demo, "--high-risk", "nothing"];
    assert_eq!(text(&expect_json(1, &unknown), &["code"]), "policy.mapping");
}

#[test]
fn with_cvc5_packs_and_the_demonstration_are_proved() {
    let Some(solver) = solver() else { return assert!(std::env::var_os("CVC5").is_none()) };
    let solver = solver.to_str().unwrap();
    let ledger = Ledger::new();
    let demo = folder(&ledger, "demo", |text| text);
    let proved = expect(0, &["policy", "prove", &demo, "--solver", solver]);
    assert!(proved.ends_with(&format!("PROVED, by {}\n", version(solver))), "{proved}");
    for pack in Pack::all() {
        let name = format!("pack:{}", pack.name);
        let told = expect_json(0, &["policy", "prove", &name, "--solver", solver]);
        assert_eq!(text(&told, &["result"]), "proved", "{}", pack.name);
        assert!(told.get("goals").unwrap().as_array().unwrap().len() >= 3, "{}", pack.name);
    }
}

fn version(solver: &str) -> String {
    let said = Command::new(solver).arg("--version").output().unwrap();
    String::from_utf8_lossy(&said.stdout).lines().next().unwrap().trim().to_owned()
}

#[test]
fn with_cvc5_what_a_policy_forgot_is_shown_as_a_case() {
    let Some(solver) = solver() else { return assert!(std::env::var_os("CVC5").is_none()) };
    let solver = solver.to_str().unwrap();
    let ledger = Ledger::new();
    let cases = ledger.path("cases.json");
    let prove = |code: i32, folder: &str| {
        let args = ["policy", "prove", folder, "--solver", solver, "--counterexamples", &cases];
        expect_json(code, &args)
    };
    // A permit beside the one that asks.
    let hole = |text: String| {
        text + "\n@id(\"hole\") permit (principal, action == Action::\"disable_user\", resource)\n\
                when { principal has team && principal.team == \"ops\" };\n"
    };
    let told = prove(1, &folder(&ledger, "hole", hole));
    assert_eq!(counter(&told).get("confirmed").unwrap().as_bool(), Some(true), "{told:?}");
    let tested = ["policy", "test", &ledger.path("hole"), "--cases", &cases];
    assert_eq!(expect_json(1, &tested).get("passed").unwrap().as_u64(), Some(0));
    let mended = folder(&ledger, "mended", |text| text);
    expect(0, &["policy", "test", &mended, "--cases", &cases]);
    prove(0, &mended);

    // A condition that forgot the digest: the gate compares it itself, the policy does not.
    let digest = "  context.approval.digest == context.action_digest &&\n";
    let told = prove(1, &folder(&ledger, "digest", |text| text.replace(digest, "")));
    let found = counter(&told);
    assert_eq!(found.get("confirmed").unwrap().as_bool(), Some(false));
    let approval = found.get("case").unwrap().get("approval").unwrap();
    assert_eq!(approval.get("other_action").unwrap().as_bool(), Some(true), "{told:?}");

    // One that forgot the method.
    let method = "  context.approval.method == \"webauthn\" &&\n";
    let weaker =
        |text: String| text.replace(method, "").replace("(\"passkey\")", "(\"security-key\")");
    let told = prove(1, &folder(&ledger, "method", weaker));
    assert_eq!(counter(&told).get("confirmed").unwrap().as_bool(), Some(true), "{told:?}");
    expect(1, &["policy", "test", &ledger.path("method"), "--cases", &cases]);
}

#[test]
fn with_cvc5_policies_that_can_fail_are_told_from_those_that_only_look_so() {
    let Some(solver) = solver() else { return assert!(std::env::var_os("CVC5").is_none()) };
    let solver = solver.to_str().unwrap();
    let ledger = Ledger::new();
    let with = |name: &str, condition: &str| {
        let forbid = format!(
            "\n@id(\"sum\") forbid (principal, action == Action::\"disable_user\", resource)\n\
             when {{ context has approval && {condition} }};\n"
        );
        let path = folder(&ledger, name, |text| text + &forbid);
        // Syntax alone does not tell them apart.
        let checked = expect_json(1, &["policy", "check", &path]);
        assert_eq!(text(&checked, &["code"]), "policy.can_fail");
        path
    };
    let overflows = with("overflows", "context.approval.approvers + 1 < 2");
    let told = expect_json(1, &["policy", "prove", &overflows, "--solver", solver]);
    let never = told.get("never_fails").unwrap();
    let fault = &never.get("faults").unwrap().as_array().unwrap()[0];
    assert_eq!(text(fault, &["result"]), "disproved");
    let bounded = "context.approval.approvers < 100 && context.approval.approvers + 1 < 2";
    expect(0, &["policy", "prove", &with("bounded", bounded), "--solver", solver]);
}
