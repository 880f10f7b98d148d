//! Settings from three places: a flag before an environment variable before `placet.toml`.
//!
//! What is fixed when a ledger is made ([`Stage::Made`]) has flags of `init` only; a variable that
//! says something else later is refused, and never silently without effect.

mod table;

use std::path::Path;

use toml::{Table, Value};

use super::Refusal;
use super::config::Config;
use crate::Error;
pub use table::{Kind, SETTINGS, Setting, Stage};

/// How near a name has to be to be proposed (Jaro-Winkler).
const NEAR: f64 = 0.8;

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
    pub key: &'static str,
    /// Its value, as TOML; without what is secret. `None` for one that has none.
    pub value: Option<String>,
    /// Where that comes from.
    pub source: Source,
}

/// The settings of a folder, with variables and flags laid over the file. An empty variable is
/// none.
///
/// # Errors
/// `config.invalid`, `ledger.io`.
pub fn load(
    root: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &[(&str, String)],
) -> Result<(Config, Vec<Effective>), Error> {
    overlay(Some(&Config::read_text(root)?), variable, flags)
}

/// The settings of a ledger that is made now, from variables and flags alone.
///
/// # Errors
/// `config.invalid`.
pub fn first(
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &[(&str, String)],
) -> Result<Config, Error> {
    Ok(overlay(None, variable, flags)?.0)
}

/// The settings of a folder with the variables of this process laid over the file.
///
/// # Errors
/// `config.invalid`, `ledger.io`.
pub fn of_folder(root: &Path) -> Result<Config, Error> {
    Ok(load(root, &|name| std::env::var(name).ok(), &[])?.0)
}

fn overlay(
    file: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &[(&str, String)],
) -> Result<(Config, Vec<Effective>), Error> {
    let text = file.unwrap_or_default();
    let in_file: Table = text.parse().map_err(|e: toml::de::Error| bad(e.to_string().trim()))?;
    known(text, in_file.keys())?;
    let mut all = in_file.clone();
    let mut sources: Vec<(&str, Source)> = Vec::new();
    let mut repeated = Vec::new();
    for setting in SETTINGS {
        let flag = flags.iter().find(|(key, _)| *key == setting.key).map(|(_, text)| text.clone());
        let name = setting.variable();
        let (from, given, source) = match (flag, variable(&name).filter(|text| !text.is_empty())) {
            (Some(text), _) => (setting.flag(), text, Source::Flag),
            (None, Some(text)) => (name, text, Source::Environment),
            (None, None) => continue,
        };
        let value = setting.read(&given).map_err(|what| bad(&format!("{from}: {what}")))?;
        if file.is_some() && setting.stage == Stage::Made {
            repeated.push((from, setting, value));
            continue;
        }
        all.insert(setting.key.to_owned(), value);
        sources.push((setting.key, source));
    }
    let config = toml::to_string(&all).map_err(|e| bad(&e.to_string()));
    let config = config.and_then(|text| Config::parse(&text)).map_err(|whole| {
        // A mistake that is the file's own is told with its line.
        match toml::from_str::<Config>(text) {
            Err(e) if file.is_some() && e.span().is_some() => bad(e.to_string().trim()),
            _ => whole,
        }
    })?;
    for (from, setting, value) in repeated {
        fixed(&from, setting, &value, &config)?;
    }
    let effective = effective(&config, |key| match sources.iter().find(|(of, _)| *of == key) {
        Some((_, source)) => *source,
        None if in_file.contains_key(key) => Source::File,
        None => Source::Default,
    })?;
    Ok((config, effective))
}

fn effective(config: &Config, source_of: impl Fn(&str) -> Source) -> Result<Vec<Effective>, Error> {
    let values = Table::try_from(config).map_err(|e| bad(&e.to_string()))?;
    let one = |setting: &Setting| Effective {
        key: setting.key,
        value: values.get(setting.key).map(|value| setting.shown(value)),
        source: source_of(setting.key),
    };
    Ok(SETTINGS.iter().map(one).collect())
}

/// Refuses keys that are none, with the nearest that is one.
fn known<'a>(text: &str, keys: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    for key in keys {
        if Setting::named(key).is_some() {
            continue;
        }
        let starts = |line: &str| line.trim_start().trim_start_matches(['[', '"']).starts_with(key);
        let line = text.lines().position(starts).map_or(0, |at| at.saturating_add(1));
        let near = match nearest(key) {
            Some(near) => format!("; do you mean `{near}`?"),
            None => String::new(),
        };
        return Err(bad(&format!("placet.toml, line {line}: `{key}` is no setting{near}")));
    }
    Ok(())
}

/// The setting whose name is most like this one, if any is like it.
#[must_use]
pub fn nearest(key: &str) -> Option<&'static str> {
    let near = SETTINGS.iter().map(|s| (strsim::jaro_winkler(s.key, key), s.key));
    let best = near.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score >= NEAR).map(|(_, key)| key)
}

/// What was fixed when the ledger was made can be repeated, and not changed.
fn fixed(from: &str, setting: &Setting, value: &Value, config: &Config) -> Result<(), Error> {
    let values = Table::try_from(config).map_err(|e| bad(&e.to_string()))?;
    if values.get(setting.key) == Some(value) {
        return Ok(());
    }
    let key = setting.key;
    Err(bad(&format!("{from}: `{key}` was fixed when this ledger was made, and is something else")))
}

fn bad(what: &str) -> Error {
    Refusal::Config(what.to_owned()).into()
}

#[cfg(test)]
mod tests;
