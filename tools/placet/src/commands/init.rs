//! `init`: a ledger's folder from nothing.

use std::collections::BTreeMap;
use std::path::Path;

use placet_ledger::LogId;
use placet_ledger::service::{self, Config, Ledger, ReceiptAlgorithm, Surroundings};
use placet_pep::cedar::CedarPdp;
use placet_pep::policy::{PolicyError, PolicyFiles};
use placet_proto::b64;
use serde::Serialize;

use crate::cli::{Init, ReceiptAlg};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::read_text;
use crate::output::{Output, Shown};

/// Longest witness policy that is read, in bytes.
const MAX_POLICY: u64 = 256 * 1024;

/// Makes the folder and prints the one-time enrolment code.
///
/// # Errors
/// Settings that do not go together, a policy that can't be armed, and those of the ledger.
pub fn run(args: &Init, output: &mut Output) -> Result<Exit, Failure> {
    let config = config(args)?;
    let policy = match &args.policy {
        Some(folder) => PolicyFiles::read(folder)?,
        None if args.dev => PolicyFiles::demo(),
        None => PolicyFiles::deny_all(),
    };
    let made = make(&args.dir, &config, &policy)?;
    output.show(&Made::of(&args.dir, &made.ledger, &policy, made.code))?;
    Ok(Exit::Done)
}

/// Makes a ledger with a policy that was armed once before it is recorded: what is in the log must
/// work.
///
/// # Errors
/// As [`run`].
pub fn make(
    dir: &Path,
    config: &Config,
    policy: &PolicyFiles,
) -> Result<service::Initialised, Failure> {
    let pdp = CedarPdp::load(policy)?;
    // A first policy can't name anybody: nobody is enrolled yet.
    if let Some(person) = pdp.people().first() {
        return Err(placet_pep::Error::from(PolicyError::Person((*person).to_owned())).into());
    }
    let files: BTreeMap<String, Vec<u8>> =
        policy.iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    Ok(service::init(dir, config, &files, Surroundings::default())?)
}

fn config(args: &Init) -> Result<Config, Failure> {
    let mut config = Config::local(&args.origin, args.listen.port());
    config.listen = args.listen.to_string();
    config.dev = args.dev;
    match (&args.rp_id, &args.public_url) {
        (rp_id, Some(url)) => {
            config.public_url = url.trim_end_matches('/').to_owned();
            config.rp_id = rp_id.clone().unwrap_or_else(|| host_of(url).to_owned());
        }
        _ if args.dev => {}
        _ => {
            let what = "--public-url is needed, and --rp-id if it is another host; or --dev";
            return Err(Failure::Usage(what.to_owned()));
        }
    }
    // A software passkey in a terminal states this origin; only a development ledger takes one.
    config.origins = match args.dev {
        true => vec![format!("cli://{}", config.rp_id)],
        false => Vec::new(),
    };
    config.receipt_alg = match args.receipt_alg {
        ReceiptAlg::Eddsa => ReceiptAlgorithm::Ed25519,
        ReceiptAlg::Es256 => ReceiptAlgorithm::Es256,
    };
    if let Some(path) = &args.witness_policy {
        config.witness_policy = read_text(path, MAX_POLICY)?;
    }
    Ok(config)
}

fn host_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = authority.split(['/', ':']).next().unwrap_or_default();
    if host.is_empty() { authority } else { host }
}

/// What `init` made.
#[derive(Debug, Serialize)]
pub struct Made {
    schema: &'static str,
    dir: String,
    origin: String,
    gov_origin: String,
    rp_id: String,
    public_url: String,
    dev: bool,
    policy_manifest: String,
    witness_policy: String,
    genesis: [String; 2],
    enrolment_url: String,
    one_time_code: String,
}

impl Made {
    fn of(dir: &Path, ledger: &Ledger, policy: &PolicyFiles, code: String) -> Self {
        let config = ledger.config();
        let genesis = |id| ledger.log(id).entry(0).map(b64::encode_hex).unwrap_or_default();
        Self {
            schema: "placet/init/v1",
            dir: dir.display().to_string(),
            origin: config.origin.clone(),
            gov_origin: config.gov_origin(),
            rp_id: config.rp_id.clone(),
            public_url: config.public_url.clone(),
            dev: config.dev,
            policy_manifest: b64::encode_hex(policy.manifest_hash()),
            witness_policy: config.witness_policy.clone(),
            genesis: [genesis(LogId::Main), genesis(LogId::Gov)],
            enrolment_url: format!("{}/enrol", config.public_url),
            one_time_code: code,
        }
    }
}

impl Shown for Made {
    fn text(&self) -> String {
        let witnesses = match self.witness_policy.is_empty() {
            true => "the built-in one, which proves nothing against its own operator",
            false => "as in placet.toml",
        };
        let dev = match self.dev {
            true => {
                "A development ledger: its evidence is refused unless a trust file allows it.\n"
            }
            false => "",
        };
        format!(
            "Made a ledger in {}\n{dev}  origin     {}\n  governance {}\n  RP id      {}\n  \
             policy     {}\n  witnesses  {witnesses}\nStart it with `placet serve --dir {}`, then \
             enrol the first administrator:\n  page       {}\n  code       {}\nThe code is valid \
             for a day and for one enrolment. It protects the page; it is evidence of nothing.\n\
             Passkeys are bound to the RP id for ever: another one is another ledger, in which \
             everybody enrols again.\n",
            self.dir,
            self.origin,
            self.gov_origin,
            self.rp_id,
            self.policy_manifest,
            self.dir,
            self.enrolment_url,
            self.one_time_code,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_the_rp_id() {
        assert_eq!(host_of("https://placet.example.com:8443/x"), "placet.example.com");
        assert_eq!(host_of("http://localhost"), "localhost");
    }
}
