//! The solver: a process that answers questions in SMT-LIB, with a limit on every one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr as _;
use std::time::Duration;

use cedar_policy::{PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take to say which version it is.
const VERSION_TIME: Duration = Duration::from_secs(20);
/// Longest text of an error, in characters.
const MAX_TEXT: usize = 500;

type Compiler = CedarSymCompiler<LocalSolver>;

/// An answer.
pub enum Answer {
    /// It holds always.
    Holds,
    /// It does not hold here.
    Fails(Box<Env>),
    /// There is none, and why.
    None(String),
}

/// The solver, started when it is needed and again after a question that it did not answer.
pub struct Prover {
    path: PathBuf,
    name: String,
    limit: Duration,
    compiler: Option<Compiler>,
}

impl Prover {
    /// Looks for the solver; the error says that there is none.
    pub async fn find(path: &Path, limit: Duration) -> Result<Self, String> {
        let mut command = Command::new(path);
        command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
        let shown = path.display();
        let said = match timeout(VERSION_TIME, command.output()).await {
            Ok(Ok(said)) => String::from_utf8_lossy(&said.stdout).into_owned(),
            Ok(Err(error)) => {
                return Err(format!(
                    "no solver: {shown}: {error}; install cvc5 1.3.1 or newer, and name it by \
                     --solver or CVC5"
                ));
            }
            Err(_) => return Err(format!("no solver: {shown} does not say which version it is")),
        };
        let name = said.lines().next().unwrap_or_default().trim();
        let name = if name.is_empty() { shown.to_string() } else { name.to_owned() };
        Ok(Self { path: path.to_owned(), name, limit, compiler: None })
    }

    /// What the solver says that it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program that says "proved" to everything must not prove anything: something false has to
    /// be disproved first.
    pub async fn self_test(&mut self, schema: &Schema, env: &RequestEnv) -> Result<(), String> {
        let only = |id: &str| {
            let who = env.principal();
            let text = format!("permit (principal == {who}::\"{id}\", action, resource);");
            let policies = PolicySet::from_str(&text).map_err(|e| e.to_string())?;
            CompiledPolicySet::compile(&policies, env, schema).map_err(|e| told(&e))
        };
        let of_all = |effect: &str| {
            let text = format!("{effect} (principal, action, resource);");
            let policies = PolicySet::from_str(&text).map_err(|e| e.to_string())?;
            CompiledPolicySet::compile(&policies, env, schema).map_err(|e| told(&e))
        };
        let (one, other) = match (only("placet-self-test-1"), only("placet-self-test-2")) {
            (Ok(one), Ok(other)) => (one, other),
            // An enumerated type has other ids: then all of it against nothing.
            _ => (of_all("permit")?, of_all("forbid")?),
        };
        match self.implies(&one, &other).await {
            Answer::Fails(_) => Ok(()),
            Answer::Holds => Err("the solver proves what is false: it is none".to_owned()),
            Answer::None(why) => Err(format!("the solver does not work: {why}")),
        }
    }

    /// Whether whatever the first permits, the second does.
    pub async fn implies(&mut self, one: &CompiledPolicySet, other: &CompiledPolicySet) -> Answer {
        self.ask(async |compiler: &mut Compiler| {
            compiler.check_implies_with_counterexample_opt(one, other).await
        })
        .await
    }

    /// Whether a policy never fails.
    pub async fn never_errors(&mut self, policy: &CompiledPolicy) -> Answer {
        self.ask(async |compiler: &mut Compiler| {
            compiler.check_never_errors_with_counterexample_opt(policy).await
        })
        .await
    }

    async fn ask(
        &mut self,
        question: impl AsyncFnOnce(&mut Compiler) -> Result<Option<Env>, Error>,
    ) -> Answer {
        let begun = match self.compiler.take() {
            Some(compiler) => Ok(compiler),
            None => self.start(),
        };
        let mut compiler = match begun {
            Ok(compiler) => compiler,
            Err(error) => return Answer::None(told(&*error)),
        };
        match timeout(self.limit, question(&mut compiler)).await {
            Err(_) => Answer::None(format!("no answer in {} s", self.limit.as_secs())),
            // After an error nobody knows what else the process would say.
            Ok(Err(error)) => Answer::None(told(&error)),
            Ok(Ok(found)) => {
                self.compiler = Some(compiler);
                found.map_or(Answer::Holds, |found| Answer::Fails(Box::new(found)))
            }
        }
    }

    fn start(&self) -> Result<Compiler, Box<Error>> {
        let mut command = Command::new(&self.path);
        command.args(["--lang", "smt"]).kill_on_drop(true);
        let solver = LocalSolver::from_command(&mut command).map_err(|e| Box::new(e.into()))?;
        CedarSymCompiler::new(solver).map_err(Box::new)
    }
}

/// An error with its causes, bounded.
pub fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source.filter(|_| text.len() < MAX_TEXT) {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.chars().take(MAX_TEXT).collect()
}
