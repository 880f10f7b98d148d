//! Who approves in the demonstration: somebody at a browser, or a key in a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use placet_ledger::LogId;
use placet_ledger::service::Ledger;
use placet_proto::b64;
use placet_proto::document::Enrolment;
use placet_softkey::SoftKey;

use super::{browser, step};
use crate::cli::Passkey;
use crate::client::{Client, text};
use crate::error::Failure;
use crate::output::{Output, lines};

/// Name under which the software key is enrolled.
const NAME: &str = "Demo approver";
/// How long a person at a browser has for each step, in minutes.
const PATIENCE_MIN: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// The approver.
pub enum Person {
    /// At a browser; the credential is known once it was used.
    Browser {
        /// The credential that answered.
        credential: Option<Vec<u8>>,
    },
    /// A software passkey and its file.
    Software(Box<SoftKey>, PathBuf),
}

impl Person {
    /// Decides who signs, and sees to it that they are enrolled.
    ///
    /// # Errors
    /// `demo.passkey` when somebody else is enrolled; those of enrolling.
    pub fn choose(
        wanted: Option<Passkey>,
        root: &Path,
        ledger: &Ledger,
        code: Option<String>,
        client: &Client,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let enrolled = ledger.enrolments()?;
        let path = root.join("demo").join("softkey");
        let key = path.exists().then(|| SoftKey::load(&path)).transpose()?;
        let is_enrolled = |key: &SoftKey| {
            enrolled.iter().any(|e: &Enrolment| e.credential == key.credential_id())
        };
        let known = key.as_ref().is_some_and(is_enrolled);
        let passkey = match wanted {
            Some(passkey) => passkey,
            // Whoever began in one way goes on in that way.
            None if known => Passkey::Software,
            None if !enrolled.is_empty() => Passkey::Browser,
            None if browser::can_open() => Passkey::Browser,
            None => {
                step(output, "   No browser can be opened here, so a software key signs.")?;
                Passkey::Software
            }
        };
        // Unused codes are lost with the run that printed them: only their hash is kept.
        let code = match (code, enrolled.is_empty()) {
            (Some(code), _) => code,
            (None, true) => ledger.new_bootstrap_code()?,
            (None, false) => String::new(),
        };
        let first = enrolled.is_empty();
        match passkey {
            Passkey::Browser if known => {
                Err(other("a software key is enrolled in this folder: use --passkey software"))
            }
            Passkey::Browser => Self::at_browser(first, ledger, &code, output),
            Passkey::Software if !first && !known => {
                Err(other("a browser's passkey is enrolled in this folder: use --passkey browser"))
            }
            Passkey::Software => Self::software(key, path, first, client, &code, output),
        }
    }

    fn at_browser(
        first: bool,
        ledger: &Ledger,
        code: &str,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        if !first {
            step(output, "2. Your passkey is enrolled from an earlier run.")?;
            return Ok(Self::Browser { credential: None });
        }
        let url = format!("{}/enrol", ledger.config().public_url);
        step(output, &format!("2. Enrol a passkey: {url}\n   one-time code {code}"))?;
        browser::open(&url);
        let gov = ledger.log(LogId::Gov);
        for _ in 0..PATIENCE_MIN {
            let size = gov.size();
            if !ledger.enrolments()?.is_empty() {
                step(output, "   Enrolled.")?;
                return Ok(Self::Browser { credential: None });
            }
            gov.wait_for_size(size.saturating_add(1), MINUTE)?;
        }
        Err(Failure::refused("demo.timeout", "nobody enrolled a passkey"))
    }

    fn software(
        key: Option<SoftKey>,
        path: PathBuf,
        first: bool,
        client: &Client,
        code: &str,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let mut key = key.map_or_else(|| SoftKey::generate("localhost"), Ok)?;
        if first {
            key.save(&path)?;
            let enrolled = client.enrol(NAME, code, &mut key)?;
            key.save(&path)?;
            if let Some(why) = enrolled.note_missing {
                return Err(Failure::refused("witness.quorum", why));
            }
        }
        let what = if first { "was enrolled" } else { "is enrolled from an earlier run" };
        step(
            output,
            &format!(
                "2. A software passkey {what}: a file stands for a person, so that this runs without \
                 one.\n   Its signatures are evidence of nothing; the evidence says so."
            ),
        )?;
        Ok(Self::Software(Box::new(key), path))
    }

    /// Approves, or waits until somebody does; says what happened.
    ///
    /// # Errors
    /// `demo.denied`, `demo.timeout`, and those of the service.
    pub fn approve(
        &mut self,
        request: &str,
        page: &str,
        client: &mut Client,
        output: &mut Output,
    ) -> Result<String, Failure> {
        match self {
            Self::Software(key, path) => {
                client.sign_in(key)?;
                let to_sign = client.open(request, key, false, None)?;
                let shown = lines(&to_sign.text);
                let head = shown.split("\n\n").next().unwrap_or_default();
                for line in head.lines() {
                    step(output, &format!("   | {line}"))?;
                }
                client.answer(request, &to_sign, key)?;
                key.save(path)?;
                let digest = b64::encode_hex(to_sign.document.sha256());
                Ok(format!("The software passkey approved exactly that: document {digest}"))
            }
            Self::Browser { .. } => {
                step(output, "   Read it on the page and approve it with your passkey.")?;
                browser::open(page);
                wait_for_approval(request, client)
            }
        }
    }

    /// Credential id and public key of who approved, as enrolled.
    ///
    /// # Errors
    /// Those of reading the governance log.
    pub fn key(&self, ledger: &Ledger) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        match self {
            Self::Software(key, _) => {
                Ok((key.credential_id().to_vec(), key.public_key().to_cose()))
            }
            Self::Browser { credential } => {
                let enrolled = ledger.enrolments()?;
                let found = enrolled
                    .into_iter()
                    .find(|e| credential.as_ref().is_none_or(|c| *c == e.credential));
                let found = found.ok_or_else(|| other("nobody is enrolled"))?;
                Ok((found.credential, found.public_key))
            }
        }
    }

    /// Which of the two it is.
    pub fn passkey(&self) -> Passkey {
        match self {
            Self::Browser { .. } => Passkey::Browser,
            Self::Software(..) => Passkey::Software,
        }
    }
}

fn wait_for_approval(request: &str, client: &Client) -> Result<String, Failure> {
    for _ in 0..PATIENCE_MIN {
        let view = client.request_after(request, "open")?;
        match text(&view, &["state"])?.as_str() {
            "open" => {}
            "approved" => return Ok("You approved exactly that, with your passkey.".to_owned()),
            state => {
                return Err(Failure::refused("demo.denied", format!("the request is {state}")));
            }
        }
    }
    Err(Failure::refused("demo.timeout", "nobody answered"))
}

fn other(detail: &str) -> Failure {
    Failure::refused("demo.passkey", detail)
}
