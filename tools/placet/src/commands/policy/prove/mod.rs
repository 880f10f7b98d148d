//! `policy prove`: two statements about a folder, for every request and every entity store that its
//! schema allows, by Cedar's symbolic compiler and the solver cvc5.
//!
//! * No permit of a high-risk action exists unless `context.approval` is a passkey approval whose
//!   digest is `context.action_digest`.
//! * No policy can fail at run time, as far as every entity that is named is known.
//!
//! The second is what `policy check` judges by syntax; a proof also admits arithmetic that cannot
//! overflow. What is proved is about policies: that the gate fills both members truly is its own
//! matter.

mod show;
mod solver;

use cedar_policy::{Policy, PolicySet, RequestEnv};
use cedar_policy_symcc::{CompiledPolicy, CompiledPolicySet, Env};
use placet_pep::cedar::Goal;
use placet_pep::pdp::{MAX_QUORUM, Outcome};
use placet_proto::jcs;
use placet_proto::json::Json;

use self::show::{Counter, Environment, Fault, Proof, Proved, Verdict};
use self::solver::{Answer, Prover};
use super::case::Tester;
use super::pack::folder_or_pack;
use crate::cli::PolicyProve;
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder;
use crate::output::Output;

/// The most counterexamples that are shown.
const MAX_COUNTERS: usize = 16;

/// Proves, or disproves, or says why neither.
///
/// # Errors
/// `policy.*`, and those of writing the counterexamples.
pub fn run(args: &PolicyProve, output: &mut Output) -> Result<Exit, Failure> {
    let tester = Tester::new(folder_or_pack(&args.folder)?, false)?;
    let goals = tester.pdp().goals(&args.high_risk).map_err(placet_pep::Error::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::Start(e.to_string()))?;
    let proof = runtime.block_on(async {
        let mut proof = Proof::new();
        if goals.is_empty() {
            proof.note = Some(
                "no action is of high risk: name some in [prove] of mapping.toml, by \
                 @risk(\"high\") on permits, or by --high-risk"
                    .to_owned(),
            );
            return proof;
        }
        let found = Prover::find(&args.solver, args.timeout).await;
        match found {
            Ok(prover) => Work { tester: &tester, prover, proof }.all(&goals).await,
            Err(why) => {
                proof.note = Some(why);
                proof
            }
        }
    });
    if let Some(path) = &args.counterexamples {
        let cases: Vec<Json> = proof.cases().cloned().collect();
        if !cases.is_empty() {
            let file = Json::object([("evaluation", Json::from(cases))]);
            folder::write(path, &jcs::to_bytes(&file))?;
        }
    }
    output.show(&proof)?;
    Ok(match proof.result {
        Verdict::Proved => Exit::Done,
        Verdict::Disproved => Exit::Refused,
        Verdict::Undecided => Exit::Open,
    })
}

/// A proof in the making.
struct Work<'t> {
    tester: &'t Tester,
    prover: Prover,
    proof: Proof,
}

impl Work<'_> {
    async fn all(mut self, goals: &[Goal]) -> Proof {
        self.proof.solver = Some(self.prover.name().to_owned());
        let pdp = self.tester.pdp();
        let mut policies = PolicySet::new();
        for policy in pdp.policies() {
            // Ids are places, each of which there is once.
            if policies.add(policy.clone()).is_err() {
                self.proof.note = Some("two policies have one id".to_owned());
                return self.proof;
            }
        }
        let environments: Vec<RequestEnv> = pdp.schema().request_envs().collect();
        let first = environments.iter().find(|env| goals.iter().any(|g| g.action == *env.action()));
        if let Some(env) = first
            && let Err(why) = self.prover.self_test(pdp.schema(), env).await
        {
            self.proof.note = Some(why);
            return self.proof;
        }
        for goal in goals {
            let proved = self.goal(goal, &policies, &environments).await;
            self.proof.goals.push(proved);
        }
        self.never_fails(&environments).await;
        self.proof.conclude();
        self.proof
    }

    async fn goal(
        &mut self,
        goal: &Goal,
        policies: &PolicySet,
        environments: &[RequestEnv],
    ) -> Proved {
        let mut out =
            Proved { action: goal.name.clone(), when: goal.when.clone(), environments: Vec::new() };
        for env in environments.iter().filter(|env| *env.action() == goal.action) {
            let schema = self.tester.pdp().schema();
            let compiled = CompiledPolicySet::compile(policies, env, schema);
            let gate = CompiledPolicySet::compile(&goal.gate, env, schema);
            let answer = match (compiled, gate) {
                (Ok(policies), Ok(gate)) => self.prover.implies(&policies, &gate).await,
                (Err(error), _) | (_, Err(error)) => Answer::None(solver::told(&error)),
            };
            let (result, detail, counter) = match answer {
                Answer::Holds => (Verdict::Proved, None, None),
                Answer::None(why) => (Verdict::Undecided, Some(why), None),
                Answer::Fails(found) => {
                    (Verdict::Disproved, None, Some(self.counter(goal, &found)))
                }
            };
            out.environments.push(Environment {
                principal: env.principal().to_string(),
                resource: env.resource().to_string(),
                result,
                detail,
                counter,
            });
        }
        out
    }

    /// A counterexample as a case, tried out where it can be.
    fn counter(&self, goal: &Goal, found: &Env) -> Counter {
        let shown = found.to_string();
        if self.proof.cases().count() >= MAX_COUNTERS {
            return Counter { case: None, confirmed: false, shown };
        }
        let Some(mut case) = self.tester.pdp().case_of(&found.request, &found.entities) else {
            return Counter { case: None, confirmed: false, shown };
        };
        case.insert("name", format!("{} without a bound passkey approval", goal.name).into());
        case.insert("expected", Json::Bool(false));
        let permits = |case: &Json| {
            let decided = self.tester.decide(case);
            decided.is_ok_and(|evaluation| matches!(evaluation.outcome, Outcome::Permit(_)))
        };
        let confirmed = variants(&case).into_iter().find(permits);
        Counter { confirmed: confirmed.is_some(), case: confirmed.or(Some(case)), shown }
    }

    async fn never_fails(&mut self, environments: &[RequestEnv]) {
        let schema = self.tester.pdp().schema();
        let policies: Vec<&Policy> = self.tester.pdp().policies().collect();
        self.proof.never_fails.policies = policies.len();
        self.proof.never_fails.environments = environments.len();
        for policy in policies {
            for env in environments {
                let answer = match CompiledPolicy::compile(policy, env, schema) {
                    Ok(compiled) => self.prover.never_errors(&compiled).await,
                    Err(error) => Answer::None(solver::told(&error)),
                };
                let (result, detail) = match answer {
                    Answer::Holds => continue,
                    Answer::Fails(found) => (Verdict::Disproved, found.to_string()),
                    Answer::None(why) => (Verdict::Undecided, why),
                };
                let place = policy.id().to_string();
                let action = env.action().to_string();
                self.proof.never_fails.faults.push(Fault { place, action, result, detail });
                // One request is enough to show that a policy can fail.
                if result == Verdict::Disproved {
                    break;
                }
            }
        }
    }
}

/// A case, and what else of its kind no policy may permit. The decision point refuses an approval
/// of something else, and one by too few persons, by itself; a fresh one of this action, by many,
/// with the weaker method, shows whether the method was what the policy forgot.
fn variants(case: &Json) -> Vec<Json> {
    let mut all = vec![case.clone()];
    let method = case.get("approval").and_then(|a| a.get("method")).and_then(Json::as_str);
    if method.is_some_and(|method| method != "webauthn") {
        let fresh =
            Json::object([("method", Json::from("ssh-sk")), ("approvers", Json::from(MAX_QUORUM))]);
        let mut other = case.clone();
        other.insert("approval", fresh);
        all.push(other);
    }
    all
}
