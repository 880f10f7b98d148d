//! `enrol`: a software passkey as the first person of a development ledger, without a browser.

use placet_proto::{b64, words};
use placet_softkey::SoftKey;
use serde::Serialize;

use crate::cli::Enrol;
use crate::client::Client;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// Enrols a software passkey; a key file that is missing is made.
///
/// # Errors
/// Those of the key file and of the service.
pub fn run(args: &Enrol, output: &mut Output) -> Result<Exit, Failure> {
    let client =
        Client::new(&args.remote.url, &args.remote.tls, args.remote.token_file.as_deref())?;
    let mut key = match args.key.exists() {
        true => SoftKey::load(&args.key)?,
        false => SoftKey::generate(&args.rp_id)?,
    };
    // A key that is enrolled and lost would lock everybody out: it is on disk first.
    key.save(&args.key)?;
    let enrolled = client.enrol(&args.name, &args.code, &mut key)?;
    key.save(&args.key)?;
    let pending = enrolled.note_missing.is_some();
    output.show(&Shows {
        schema: "placet/enrol/v1",
        person: enrolled.person,
        credential: b64::encode_url(key.credential_id()),
        key: b64::encode_hex(key.public_key().thumbprint()),
        words: words::fingerprint(&key.public_key().thumbprint()),
        note_missing: enrolled.note_missing,
    })?;
    Ok(if pending { Exit::Open } else { Exit::Done })
}

#[derive(Debug, Serialize)]
struct Shows {
    schema: &'static str,
    person: String,
    credential: String,
    /// RFC 9679 thumbprint, by which other commands name the key.
    key: String,
    words: String,
    note_missing: Option<String>,
}

impl Shown for Shows {
    fn text(&self) -> String {
        let mut out = format!(
            "Enrolled a software passkey, which is evidence of nothing.\n  person       {}\n  \
             key          {}\n  fingerprint  {}\n",
            self.person, self.key, self.words
        );
        if let Some(why) = &self.note_missing {
            out.push_str(&format!("Not usable yet, no cosigned checkpoint covers it: {why}\n"));
        }
        out
    }
}
