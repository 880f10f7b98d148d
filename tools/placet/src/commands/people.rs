//! `people`: who may do what. With a software passkey this command signs; for real passkeys it
//! names the page on which their owner does.

use std::path::Path;

use placet_ledger::service::{Clock as _, SystemClock, recovery_link, settings};
use placet_proto::document::is_uuid_v4;
use placet_proto::json::Json;
use placet_softkey::SoftKey;
use placet_verify::escape;
use serde::Serialize;

use crate::cli::{People, PeopleInvite, PeopleList, PeopleRemote, PeopleRevoke, PeopleRole};
use crate::client::{Client, ToSign, text};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown, confirmed, lines};

/// Runs one of the commands.
///
/// # Errors
/// Those of the key file, the folder and the service.
pub fn run(command: &People, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        People::Invite(args) => invite(args, output),
        People::List(args) => list(args, output),
        People::Role(args) => role(args, output),
        People::Revoke(args) => revoke(args, output),
        People::Recover { name, dir } => recover(name, dir, output),
    }
}

fn invite(args: &PeopleInvite, output: &mut Output) -> Result<Exit, Failure> {
    let Some(admin) = Administrator::of(&args.remote)? else {
        return by_page(&args.remote, "/people", "invite", output);
    };
    let roles: Vec<Json> = args.role.iter().map(|r| Json::from(r.name())).collect();
    let identities: Vec<Json> = args.identity.iter().map(|i| Json::from(i.as_str())).collect();
    let made = admin.client.people_post(
        "/people/invite",
        &Json::object([
            ("name", Json::from(args.name.as_str())),
            ("roles", roles.into()),
            ("identities", identities.into()),
        ]),
        &admin.key,
    )?;
    output.show(&Invited {
        schema: "placet/people-invite/v1",
        id: text(&made, &["id"])?,
        person: text(&made, &["person"])?,
        url: text(&made, &["url"])?,
        expires: text(&made, &["expires"])?,
    })?;
    Ok(Exit::Done)
}

fn list(args: &PeopleList, output: &mut Output) -> Result<Exit, Failure> {
    let all = match Administrator::of(&args.remote)? {
        Some(admin) => admin.client.people()?,
        None => {
            let (remote, token) = (&args.remote, args.token_file.as_deref());
            Client::new(&remote.url, &remote.tls, token)?.people()?
        }
    };
    output.show(&Listed::read(&all)?)?;
    Ok(Exit::Done)
}

fn role(args: &PeopleRole, output: &mut Output) -> Result<Exit, Failure> {
    let Some(admin) = Administrator::of(&args.remote)? else {
        return by_page(&args.remote, "/people", "change roles", output);
    };
    let person = admin.person(&args.person)?;
    let roles: Vec<Json> = args.role.iter().map(|r| Json::from(r.name())).collect();
    let wanted = Json::object([
        ("act", Json::from("role")),
        ("person", person.into()),
        ("roles", roles.into()),
        ("confirm", Json::Bool(args.last_administrator)),
    ]);
    admin.change(&wanted, args.yes, output)
}

fn revoke(args: &PeopleRevoke, output: &mut Output) -> Result<Exit, Failure> {
    let Some(admin) = Administrator::of(&args.remote)? else {
        return by_page(&args.remote, "/people", "revoke a passkey", output);
    };
    let mut wanted = Json::object([
        ("act", Json::from("revoke")),
        ("key", args.passkey.as_str().into()),
        ("reason", args.reason.as_str().into()),
        ("confirm", Json::Bool(args.last_administrator)),
    ]);
    if let Some(from) = &args.effective_from {
        wanted.insert("effective_from", from.as_str().into());
    }
    admin.change(&wanted, args.yes, output)
}

fn recover(name: &str, dir: &Path, output: &mut Output) -> Result<Exit, Failure> {
    let config = settings::of_folder(dir)?;
    let link = recovery_link(dir, name, SystemClock.now())?;
    output.show(&Recovering {
        schema: "placet/people-recover/v1",
        person: link.person,
        url: format!("{}/invite/{}", config.public_url, link.token),
        expires: link.expires.to_string(),
        delay_s: config.recovery_delay_s,
    })?;
    Ok(Exit::Done)
}

/// Says on which page a real passkey does this.
pub(super) fn by_page(
    remote: &PeopleRemote,
    path: &str,
    what: &'static str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let url = format!("{}{path}", remote.url.trim_end_matches('/'));
    output.show(&ByPage { schema: "placet/people-page/v1", what, url })?;
    Ok(Exit::Open)
}

/// Somebody with a software passkey, signed in.
pub(super) struct Administrator {
    pub(super) client: Client,
    pub(super) key: SoftKey,
    path: std::path::PathBuf,
}

impl Administrator {
    /// Signs in with the key file, if one was given.
    pub(super) fn of(remote: &PeopleRemote) -> Result<Option<Self>, Failure> {
        let Some(path) = &remote.key else { return Ok(None) };
        let mut client = Client::new(&remote.url, &remote.tls, None)?;
        let mut key = SoftKey::load(path)?;
        client.sign_in(&mut key)?;
        key.save(path)?;
        Ok(Some(Self { client, key, path: path.clone() }))
    }

    /// The id of the person of this name.
    fn person(&self, named: &str) -> Result<String, Failure> {
        if is_uuid_v4(named) {
            return Ok(named.to_owned());
        }
        let all = Listed::read(&self.client.people()?)?;
        let mut found = all.people.iter().filter(|p| p.name.as_deref() == Some(named));
        match (found.next(), found.next()) {
            (Some(person), None) => Ok(person.person.clone()),
            (None, _) => {
                Err(Failure::refused("person.unknown", format!("nobody is named {named:?}")))
            }
            _ => {
                let detail = format!("several are named {named:?}; name one by the id");
                Err(Failure::refused("person.ambiguous", detail))
            }
        }
    }

    /// Has a change prepared, and [`Administrator::sign`]s it.
    fn change(self, wanted: &Json, yes: bool, output: &mut Output) -> Result<Exit, Failure> {
        let to_sign = self.client.open_change(wanted, &self.key)?;
        self.sign(&to_sign, yes, output)
    }

    /// Shows what is to be signed, signs it, and has it recorded.
    pub(super) fn sign(
        mut self,
        to_sign: &ToSign,
        yes: bool,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        output.say(&lines(&to_sign.text));
        if !yes && !confirmed("Sign exactly this? [y/N] ")? {
            return Err(Failure::refused("answer.declined", "nothing was signed"));
        }
        let done = self.client.sign_change(to_sign, &mut self.key)?;
        self.key.save(&self.path)?;
        let note_missing = done.get("note_missing").and_then(Json::as_str).map(str::to_owned);
        let exit = if note_missing.is_some() { Exit::Open } else { Exit::Done };
        output.show(&Changed {
            schema: "placet/people-change/v1",
            kind: to_sign.document.kind().name(),
            entry: text(&done, &["entry"])?,
            note_missing,
        })?;
        Ok(exit)
    }
}

#[derive(Debug, Serialize)]
struct Invited {
    schema: &'static str,
    id: String,
    person: String,
    url: String,
    expires: String,
}

impl Shown for Invited {
    fn text(&self) -> String {
        format!(
            "Invited. The link is for this person alone; it is shown only now.\n  {}\n  until  {}\n\
             An administrator authorises the passkey on the page /people.\n",
            escape::line(&self.url),
            escape::line(&self.expires)
        )
    }
}

#[derive(Debug, Serialize)]
struct Recovering {
    schema: &'static str,
    person: String,
    url: String,
    expires: String,
    delay_s: u64,
}

impl Shown for Recovering {
    fn text(&self) -> String {
        format!(
            "A link for the person, until {}. Everybody is told when it is used, and can object\n\
             for {} seconds before the new passkey counts.\n  {}\n",
            self.expires, self.delay_s, self.url
        )
    }
}

#[derive(Debug, Serialize)]
struct ByPage {
    schema: &'static str,
    what: &'static str,
    url: String,
}

impl Shown for ByPage {
    fn text(&self) -> String {
        format!("To {} with your passkey, open\n  {}\n", self.what, self.url)
    }
}

#[derive(Debug, Serialize)]
struct Changed {
    schema: &'static str,
    kind: &'static str,
    entry: String,
    note_missing: Option<String>,
}

impl Shown for Changed {
    fn text(&self) -> String {
        let mut out =
            format!("Recorded the {}\n  entry  {}\n", self.kind, escape::line(&self.entry));
        if let Some(why) = &self.note_missing {
            out.push_str(&format!("No cosigned checkpoint covers it yet: {}\n", escape::line(why)));
        }
        out
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    schema: &'static str,
    people: Vec<Person>,
    waiting: Vec<Waiting>,
    administrator_keys: u64,
}

#[derive(Debug, Serialize)]
struct Person {
    person: String,
    name: Option<String>,
    roles: Vec<String>,
    keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Key {
    key: String,
    words: String,
    class: String,
    covered: bool,
    revoked: bool,
}

#[derive(Debug, Serialize)]
struct Waiting {
    name: String,
    words: String,
    class: String,
}

impl Listed {
    fn read(all: &Json) -> Result<Self, Failure> {
        let person = |p: &Json| {
            Ok(Person {
                person: text(p, &["person"])?,
                name: p.get("name").and_then(Json::as_str).map(str::to_owned),
                roles: array(p, "roles").filter_map(Json::as_str).map(str::to_owned).collect(),
                keys: array(p, "keys").map(key).collect::<Result<_, Failure>>()?,
            })
        };
        let waiting = |w: &Json| {
            Ok(Waiting {
                name: text(w, &["name"])?,
                words: text(w, &["words"])?,
                class: text(w, &["class"])?,
            })
        };
        Ok(Self {
            schema: "placet/people/v1",
            people: array(all, "people").map(person).collect::<Result<_, Failure>>()?,
            waiting: array(all, "waiting").map(waiting).collect::<Result<_, Failure>>()?,
            administrator_keys: all
                .get("administrator_keys")
                .and_then(Json::as_u64)
                .unwrap_or_default(),
        })
    }
}

fn key(k: &Json) -> Result<Key, Failure> {
    Ok(Key {
        key: text(k, &["key"])?,
        words: text(k, &["words"])?,
        class: text(k, &["class"])?,
        covered: k.get("covered").and_then(Json::as_bool).unwrap_or_default(),
        revoked: k.get("revoked").is_some(),
    })
}

fn array<'a>(value: &'a Json, name: &str) -> impl Iterator<Item = &'a Json> {
    value.get(name).and_then(Json::as_array).into_iter().flatten()
}

impl Shown for Listed {
    fn text(&self) -> String {
        let mut out = String::new();
        for p in &self.people {
            let name = p.name.as_deref().unwrap_or("(name erased)");
            let roles = if p.roles.is_empty() { "no role".to_owned() } else { p.roles.join(", ") };
            out.push_str(&format!("{}  {}\n", escape::line(name), escape::line(&roles)));
            for k in &p.keys {
                let state = match k {
                    Key { revoked: true, .. } => "revoked",
                    Key { covered: false, .. } => "waits for a cosigned checkpoint",
                    _ => "ready",
                };
                let short = k.key.get(..16).unwrap_or(&k.key);
                out.push_str(&format!(
                    "  {}  {}  {}, {state}\n",
                    escape::line(short),
                    escape::line(&k.words),
                    escape::line(&k.class)
                ));
            }
        }
        for w in &self.waiting {
            out.push_str(&format!(
                "Waits to be let in: {}, {}, {}\n",
                escape::line(&w.name),
                escape::line(&w.words),
                escape::line(&w.class)
            ));
        }
        if self.administrator_keys == 1 {
            out.push_str("One passkey alone can administrate this ledger.\n");
        }
        out
    }
}
