//! Settings from three places: a flag before an environment variable before `placet.toml`.
//!
//! Each of these settings has one name: the key `tls_cert` is the flag `--tls-cert` and the
//! variable `PLACET_TLS_CERT`. What the genesis of a ledger fixes (origin, RP id, development, PEP,
//! external issuers) stands in the file alone.

use std::path::Path;

use toml::{Table, Value};

use super::Refusal;
use super::config::Config;
use crate::Error;

/// How the text of a flag or variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Flag,
    /// Separated by commas.
    List,
}

/// A setting that a flag or a variable can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key in `placet.toml`.
    pub key: &'static str,
    kind: Kind,
}

const fn setting(key: &'static str, kind: Kind) -> Setting {
    Setting { key, kind }
}

/// All of them.
pub const SETTINGS: [Setting; 14] = [
    setting("listen", Kind::Text),
    setting("public_url", Kind::Text),
    setting("tls_cert", Kind::Text),
    setting("tls_key", Kind::Text),
    setting("trusted_proxy", Kind::List),
    setting("metrics_public", Kind::Flag),
    setting("origins", Kind::List),
    setting("operated_by_self", Kind::List),
    setting("publish_ms", Kind::Number),
    setting("recosign_open_s", Kind::Number),
    setting("recosign_idle_s", Kind::Number),
    setting("outcome_s", Kind::Number),
    setting("outbound_allow", Kind::List),
    setting("outbound_ca_file", Kind::Text),
];

impl Setting {
    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PLACET_{}", self.key.to_uppercase())
    }

    fn read(&self, from: &str, text: &str) -> Result<Value, Error> {
        let wrong = |what: &str| Refusal::Config(format!("{from}: {what}"));
        Ok(match self.kind {
            Kind::Text => Value::String(text.to_owned()),
            Kind::Number => Value::Integer(text.parse().map_err(|_| wrong("not a number"))?),
            Kind::Flag => Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?),
            Kind::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
            }
        })
    }
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The program.
    Default,
    /// `placet.toml`.
    File,
    /// An environment variable.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "placet.toml",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its key.
    pub key: String,
    /// Its value, as TOML.
    pub value: String,
    /// Where that comes from.
    pub source: Source,
}

/// The settings of a folder, with variables and flags laid over the file.
///
/// # Errors
/// `config.invalid`, `ledger.io`.
pub fn load(
    root: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &[(&str, String)],
) -> Result<(Config, Vec<Effective>), Error> {
    overlay(&Config::read_text(root)?, variable, flags)
}

fn overlay(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &[(&str, String)],
) -> Result<(Config, Vec<Effective>), Error> {
    let bad = |e: &dyn std::fmt::Display| Error::from(Refusal::Config(e.to_string()));
    let file: Table = text.parse().map_err(|e: toml::de::Error| bad(&e.to_string().trim()))?;
    // Alone first, so that a mistake in it is told with its line.
    if !flags.iter().any(|(key, _)| SETTINGS.iter().all(|s| s.key != *key)) {
        let _: Config = toml::from_str(text).map_err(|e| bad(&e.to_string().trim()))?;
    }
    let mut all = file.clone();
    let mut sources: Vec<(&str, Source)> = Vec::new();
    for setting in &SETTINGS {
        let flag = flags.iter().find(|(key, _)| *key == setting.key).map(|(_, text)| text.clone());
        let name = setting.variable();
        let (from, given, source) = match (flag, variable(&name)) {
            (Some(text), _) => (setting.key, text, Source::Flag),
            (None, Some(text)) => (name.as_str(), text, Source::Environment),
            (None, None) => continue,
        };
        all.insert(setting.key.to_owned(), setting.read(from, &given)?);
        sources.push((setting.key, source));
    }
    let text = toml::to_string(&all).map_err(|e| bad(&e))?;
    let config = Config::parse(&text)?;
    let table = Table::try_from(&config).map_err(|e| bad(&e))?;
    let source_of = |key: &str| match sources.iter().find(|(of, _)| *of == key) {
        Some((_, source)) => *source,
        None if file.contains_key(key) => Source::File,
        None => Source::Default,
    };
    let effective = table.iter().map(|(key, value)| Effective {
        key: key.clone(),
        value: value.to_string(),
        source: source_of(key),
    });
    Ok((config, effective.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "origin='a'\nrp_id='localhost'\npublic_url='http://localhost:1'\n\
                        publish_ms=7\noutcome_s=8\n";

    #[test]
    fn a_flag_goes_before_a_variable_before_the_file() {
        let variable = |name: &str| match name {
            "PLACET_PUBLISH_MS" => Some("70".to_owned()),
            "PLACET_TRUSTED_PROXY" => Some("10.0.0.0/8, ::1".to_owned()),
            _ => None,
        };
        let flags = [("publish_ms", "700".to_owned())];
        let (config, all) = overlay(FILE, &variable, &flags).unwrap();
        assert_eq!((config.publish_ms, config.outcome_s), (700, 8));
        assert_eq!(config.trusted_proxy, ["10.0.0.0/8", "::1"]);
        let source = |key: &str| all.iter().find(|e| e.key == key).unwrap().source;
        assert_eq!(source("publish_ms"), Source::Flag);
        assert_eq!(source("trusted_proxy"), Source::Environment);
        assert_eq!(source("outcome_s"), Source::File);
        assert_eq!(source("listen"), Source::Default);
        let (config, _) = overlay(FILE, &variable, &[]).unwrap();
        assert_eq!(config.publish_ms, 70);
    }

    #[test]
    fn a_mistake_is_told_with_where_it_stands() {
        let variable = |name: &str| (name == "PLACET_PUBLISH_MS").then(|| "soon".to_owned());
        let error = overlay(FILE, &variable, &[]).unwrap_err();
        assert_eq!(error.code(), "config.invalid");
        assert!(error.to_string().contains("PLACET_PUBLISH_MS"), "{error}");
        let none = |_: &str| None;
        let error = overlay(&format!("{FILE}tls_crt='x'\n"), &none, &[]).unwrap_err();
        assert!(error.to_string().contains("tls_crt"), "{error}");
        let flags = [("tls_cert", "x.pem".to_owned())];
        assert!(overlay(FILE, &none, &flags).is_err(), "a certificate without its key");
    }

    #[test]
    fn every_setting_is_one_of_the_file() {
        let (config, _) = overlay(FILE, &|_| None, &[]).unwrap();
        let text = toml::to_string(&config).unwrap();
        let optional = [
            "tls_cert",
            "tls_key",
            "trusted_proxy",
            "metrics_public",
            "outbound_allow",
            "outbound_ca_file",
        ];
        for setting in &SETTINGS {
            let named = text.contains(&format!("{} = ", setting.key));
            assert!(named || optional.contains(&setting.key), "{}", setting.key);
        }
    }
}
