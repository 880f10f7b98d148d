//! `erase`: what a leaf of the main log says, and what depends on it, on an administrator's
//! signature.

use placet_proto::json::Json;
use placet_softkey::SoftKey;
use serde::Serialize;

use super::people::by_page;
use crate::cli::Erase;
use crate::client::Client;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown, confirmed, lines};

/// Runs the command. Of many statements each order names a part: it goes on until none is left.
///
/// # Errors
/// Those of the key file and of the service. What was ordered before the failure is erased; the
/// same command goes on from there.
pub fn run(args: &Erase, output: &mut Output) -> Result<Exit, Failure> {
    let Some(path) = &args.remote.key else {
        return by_page(&args.remote, &format!("/erase/{}", args.leaf), "erase this", output);
    };
    let mut client = Client::new(&args.remote.url, &args.remote.tls, None)?;
    let mut key = SoftKey::load(path)?;
    client.sign_in(&mut key)?;
    key.save(path)?;
    let mut done = Erased { schema: "placet/erase/v1", leaf: args.leaf, ..Erased::default() };
    loop {
        let order = client.open_erasure(args.leaf, &args.reason, &key)?;
        output.say(&lines(&order.to_sign.text));
        let count = order.count;
        if !args.yes && !confirmed(&format!("Erase {count} statements for ever? [y/N] "))? {
            return Err(Failure::refused("answer.declined", "nothing was signed"));
        }
        let erased = client.sign_erasure(&order, &mut key)?;
        key.save(path)?;
        let number = |name: &str| erased.get(name).and_then(Json::as_u64).unwrap_or_default();
        done.orders.push(number("index"));
        done.erased = done.erased.saturating_add(count);
        if number("left") == 0 {
            break;
        }
    }
    output.show(&done)?;
    Ok(Exit::Done)
}

#[derive(Debug, Default, Serialize)]
struct Erased {
    schema: &'static str,
    leaf: u64,
    orders: Vec<u64>,
    erased: usize,
}

impl Shown for Erased {
    fn text(&self) -> String {
        let orders: Vec<String> = self.orders.iter().map(u64::to_string).collect();
        format!(
            "Erased what leaf {} says, with what depends on it\n  statements  {}\n  by order    \
             {}\nCopies that others made before are theirs to erase.\n",
            self.leaf,
            self.erased,
            orders.join(", ")
        )
    }
}
