//! Settings, as flags made of the ledger's table of settings; `config`.

use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Subcommand};
use placet_ledger::service::settings::{Kind, SETTINGS, Setting, Stage};

const HEADING: &str = "Settings (flag, else PLACET_*, else placet.toml)";

/// Settings that `serve` takes: each is a key of placet.toml, too, and a variable PLACET_KEY in
/// capitals.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    given: Vec<(&'static str, String)>,
}

/// Settings that `init` takes: those of [`Settings`], and what is fixed when a ledger is made.
#[derive(Debug, Clone, Default)]
pub struct FirstSettings(Settings);

impl Settings {
    /// Keys and values of those that were given as flags.
    #[must_use]
    pub fn given(&self) -> &[(&'static str, String)] {
        &self.given
    }

    /// The text of a setting: of its flag, else of its variable.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        let flag = self.given.iter().find(|(of, _)| *of == key).map(|(_, text)| text.clone());
        flag.or_else(|| {
            let variable = std::env::var(Setting::named(key)?.variable()).ok();
            variable.filter(|text| !text.is_empty())
        })
    }

    fn read(matches: &ArgMatches, stages: &[Stage]) -> Self {
        let of = |setting: &'static Setting| {
            let text = matches.get_one::<String>(setting.key)?;
            Some((setting.key, text.clone()))
        };
        Self { given: of_stages(stages).filter_map(of).collect() }
    }
}

impl FirstSettings {
    /// As [`Settings`].
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::read(matches, &[Stage::Start]))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        of_stages(&[Stage::Start]).fold(command, |command, setting| command.arg(flag(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FirstSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(Settings::read(matches, &[Stage::Made, Stage::Start])))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for FirstSettings {
    fn augment_args(command: Command) -> Command {
        let all = of_stages(&[Stage::Made, Stage::Start]);
        all.fold(command, |command, setting| match setting.stage {
            // They say what the ledger is, and stand before everything else.
            Stage::Made => command.arg(flag(setting).help_heading(None::<&str>)),
            Stage::Start => command.arg(flag(setting)),
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn of_stages(stages: &[Stage]) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| stages.contains(&setting.stage))
}

/// The flag of a setting. A value that can't be one is a mistake on the command line.
fn flag(setting: &'static Setting) -> Arg {
    let checked = clap::builder::StringValueParser::new().try_map(move |text| {
        let read = setting.read(&text);
        read.map(|_| text).map_err(std::io::Error::other)
    });
    let long = setting.key.replace('_', "-");
    let arg = Arg::new(setting.key)
        .long(long)
        .value_name(setting.placeholder)
        .value_parser(checked)
        .help(setting.help)
        .help_heading(HEADING);
    match setting.kind {
        Kind::Flag => arg.num_args(0..=1).default_missing_value("true"),
        _ => arg,
    }
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the settings in force, each with where it comes from
    Check {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Settings as `serve` takes them.
        #[command(flatten)]
        settings: Settings,
    },
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn every_setting_is_a_flag_that_is_read_as_the_table_says() {
        for setting in SETTINGS {
            let text = match setting.kind {
                Kind::Address => "127.0.0.1:1",
                Kind::Number => "1",
                Kind::Flag => "true",
                Kind::Choice(words) => words[0],
                Kind::Text | Kind::List => "x",
                Kind::TextFile => "/dev/null",
                // A file that holds no such table.
                Kind::Tables => continue,
            };
            let command = FirstSettings::augment_args(Command::new("init"));
            let matches = command.get_matches_from(["init", &setting.flag(), text]);
            let read = FirstSettings::from_arg_matches(&matches).unwrap();
            assert_eq!(read.settings().given(), [(setting.key, text.to_owned())]);
            let command = Settings::augment_args(Command::new("serve"));
            let at_start = command.try_get_matches_from(["serve", &setting.flag(), text]);
            assert_eq!(at_start.is_ok(), setting.stage == Stage::Start, "{}", setting.key);
        }
        let command = Settings::augment_args(Command::new("serve"));
        let alone = command.clone().get_matches_from(["serve", "--metrics-public"]);
        let alone = Settings::from_arg_matches(&alone).unwrap();
        assert_eq!(alone.text("metrics_public").as_deref(), Some("true"));
        let wrong = command.try_get_matches_from(["serve", "--publish-ms", "soon"]).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::ValueValidation);
    }
}
