//! `config`: the settings that are in force.

use placet_ledger::http::tls::Tls;
use placet_ledger::service::settings;
use placet_verify::escape;
use serde::Serialize;

use crate::cli;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// Variables that are no settings of the service.
const OTHER: [&str; 5] = ["log", "log_format", "url", "token_file", "ca_file"];

/// Prints the settings, and checks what `serve` would check of them.
///
/// # Errors
/// `config.invalid`, `ledger.io`.
pub fn run(command: &cli::Config, output: &mut Output) -> Result<Exit, Failure> {
    let cli::Config::Check { dir, settings: flags } = command;
    let variable = |name: &str| std::env::var(name).ok();
    let (config, effective) = settings::load(dir, &variable, flags.given())?;
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if let Some(near) = mistyped(&name) {
            output.say(&format!("{} is no setting; do you mean {near}?", escape::line(&name)));
        }
    }
    if let (Some(chain), Some(key)) = (&config.tls_cert, &config.tls_key) {
        Tls::load(&dir.join(chain), &dir.join(key))?;
    }
    let one = |e: settings::Effective| {
        let setting = settings::Setting::named(e.key);
        Setting {
            key: e.key,
            value: e.value,
            source: e.source.name(),
            unset: setting.map_or("none", |setting| setting.default),
        }
    };
    let settings = effective.into_iter().map(one).collect();
    output.show(&Settings { schema: "placet/config/v1", settings })?;
    Ok(Exit::Done)
}

/// The variable that was meant by one that is like it.
fn mistyped(name: &str) -> Option<String> {
    let key = name.strip_prefix("PLACET_")?.to_lowercase();
    if settings::Setting::named(&key).is_some() || OTHER.contains(&key.as_str()) {
        return None;
    }
    settings::Setting::named(settings::nearest(&key)?).map(settings::Setting::variable)
}

#[derive(Debug, Serialize)]
struct Settings {
    schema: &'static str,
    settings: Vec<Setting>,
}

#[derive(Debug, Serialize)]
struct Setting {
    key: &'static str,
    /// As TOML has it; null where there is none.
    value: Option<String>,
    source: &'static str,
    #[serde(skip)]
    unset: &'static str,
}

impl Shown for Settings {
    fn text(&self) -> String {
        let width = self.settings.iter().map(|s| s.key.len()).max().unwrap_or_default();
        let line = |s: &Setting| {
            let value = match &s.value {
                Some(value) => escape::json(value).to_string(),
                None => format!("({})", s.unset.replace('`', "")),
            };
            format!("{:<width$} {value}  [{}]\n", s.key, s.source)
        };
        self.settings.iter().map(line).collect()
    }
}
