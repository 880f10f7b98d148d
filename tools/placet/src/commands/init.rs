//! `init`: a ledger's folder from nothing.

use std::collections::BTreeMap;
use std::path::Path;

use placet_ledger::LogId;
use placet_ledger::service::{self, Config, Ledger, Surroundings, settings};
use placet_pep::cedar::CedarPdp;
use placet_pep::policy::{PolicyError, PolicyFiles};
use placet_proto::b64;
use serde::Serialize;

use crate::cli::{FirstSettings, Init};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// Where the service listens if nothing else is said.
const LISTEN: &str = "127.0.0.1:8420";

/// Makes the folder and prints the one-time enrolment code.
///
/// # Errors
/// Settings that do not go together, a policy that can't be armed, and those of the ledger.
pub fn run(args: &Init, output: &mut Output) -> Result<Exit, Failure> {
    let config = config(&args.settings)?;
    let policy = match &args.policy {
        Some(folder) => super::policy::folder_or_pack(folder)?,
        None if config.dev => PolicyFiles::demo(),
        // A ledger without a policy could not start, and so could not be given one either.
        None => return Err(Failure::Usage("--policy is needed, or --dev".to_owned())),
    };
    let made = make(&args.dir, &config, &policy).inspect_err(|error| {
        if error.code() == "witness.quorum" {
            let dir = args.dir.display();
            output.say(&format!(
                "The keys are made. Give the witnesses both vkeys that `placet keys list --dir \
                 {dir}` shows, and repeat this command."
            ));
        }
    })?;
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

/// Settings as they were given, and what follows from them.
fn config(first: &FirstSettings) -> Result<Config, Failure> {
    let settings = first.settings();
    let missing = |what: &str| Err(Failure::Usage(what.to_owned()));
    let dev = settings.text("dev").is_some_and(|text| text == "true");
    let listen = settings.text("listen").unwrap_or_else(|| LISTEN.to_owned());
    let mut given = settings.given().to_vec();
    if settings.text("origin").is_none() {
        return missing("--origin is needed: the name of the ledger's log");
    }
    let (rp_id, url) = match (settings.text("rp_id"), settings.text("public_url")) {
        (rp_id, Some(url)) => {
            let url = url.trim_end_matches('/').to_owned();
            (rp_id.unwrap_or_else(|| host_of(&url).to_owned()), url)
        }
        (None, None) if dev => {
            let port = listen.rsplit_once(':').map_or("8420", |(_, port)| port);
            ("localhost".to_owned(), format!("http://localhost:{port}"))
        }
        _ => {
            return missing("--public-url is needed, and --rp-id if it is another host; or --dev");
        }
    };
    // A software passkey in a terminal states this origin; only a development ledger takes one.
    if dev && settings.text("origins").is_none() {
        given.push(("origins", format!("cli://{rp_id}")));
    }
    given.retain(|(key, _)| !["rp_id", "public_url", "listen"].contains(key));
    given.extend([("rp_id", rp_id), ("public_url", url), ("listen", listen)]);
    Ok(settings::first(&|name| std::env::var(name).ok(), &given)?)
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
