//! clientDataJSON (WebAuthn L3 5.8.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use placet_proto::json::{self, Json};

use super::error::{Ceremony, Rule, WebauthnError};

/// The longest clientDataJSON accepted, in bytes. Real ones have two to four hundred.
pub const CLIENT_DATA_MAX_LEN: usize = 8 * 1024;

/// What clientDataJSON must say.
pub(super) struct Expected<'a> {
    pub ceremony: Ceremony,
    pub challenge: &'a [u8],
    pub origins: &'a [String],
    pub allow_cross_origin: bool,
    pub top_origins: &'a [String],
}

/// What clientDataJSON said.
pub(super) struct ClientData {
    pub origin: String,
    pub cross_origin: bool,
}

/// Checks the client data of a registration whose challenge nobody kept: form, type, origin, and
/// that the page was not embedded.
///
/// # Errors
/// `registration.…` for the rule.
pub fn check_client_data(bytes: &[u8], origins: &[String]) -> Result<(), WebauthnError> {
    let ceremony = Ceremony::Registration;
    let fails = |detail| ceremony.fails(Rule::ClientData, detail);
    let object = parse(bytes).map_err(fails)?;
    let challenge = object.get("challenge").and_then(Json::as_str).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.decode(challenge).map_err(|_| fails("not base64url"))?;
    let (allow_cross_origin, top_origins) = (false, &[][..]);
    let expected =
        Expected { ceremony, challenge: &challenge, origins, allow_cross_origin, top_origins };
    verify(bytes, &expected).map(|_| ())
}

pub(super) fn verify(bytes: &[u8], expected: &Expected<'_>) -> Result<ClientData, WebauthnError> {
    let ceremony = expected.ceremony;
    let fails = |rule, detail| ceremony.fails(rule, detail);
    let object = parse(bytes).map_err(|detail| fails(Rule::ClientData, detail))?;
    let text = |name: &str, detail| {
        object.get(name).and_then(Json::as_str).ok_or_else(|| fails(Rule::ClientData, detail))
    };
    let kind = text("type", "no type, or not a string")?;
    let challenge = text("challenge", "no challenge, or not a string")?;
    let origin = text("origin", "no origin, or not a string")?;
    if kind != ceremony.client_data_type() {
        return Err(fails(Rule::Type, "made for another ceremony"));
    }
    // Text against text: decoding first would accept padding and other alphabets.
    if challenge != URL_SAFE_NO_PAD.encode(expected.challenge) {
        return Err(fails(Rule::Challenge, "not the expected challenge"));
    }
    if !expected.origins.iter().any(|accepted| accepted == origin) {
        return Err(fails(Rule::Origin, "not an accepted origin"));
    }
    let cross_origin = match object.get("crossOrigin") {
        None => false,
        Some(Json::Bool(value)) => *value,
        Some(_) => return Err(fails(Rule::ClientData, "crossOrigin is not a boolean")),
    };
    if cross_origin && !expected.allow_cross_origin {
        return Err(fails(Rule::CrossOrigin, "the page was embedded in another origin's"));
    }
    verify_top_origin(object.get("topOrigin"), cross_origin, expected)?;
    Ok(ClientData { origin: origin.to_owned(), cross_origin })
}

fn verify_top_origin(
    top_origin: Option<&Json>,
    cross_origin: bool,
    expected: &Expected<'_>,
) -> Result<(), WebauthnError> {
    let fails = |rule, detail| Err(expected.ceremony.fails(rule, detail));
    match top_origin {
        None => Ok(()),
        Some(Json::String(_)) if !cross_origin => {
            fails(Rule::TopOrigin, "topOrigin without crossOrigin")
        }
        Some(Json::String(top)) if expected.top_origins.contains(top) => Ok(()),
        Some(Json::String(_)) => fails(Rule::TopOrigin, "not an accepted top origin"),
        Some(_) => fails(Rule::ClientData, "topOrigin is not a string"),
    }
}

/// Members that nobody knows are allowed (L3 says that clients may add some), twice-named and
/// unreadable ones are not. White space around the object is not part of the serialisation, and
/// readers that trim it would accept bytes that others refuse.
fn parse(bytes: &[u8]) -> Result<Json, &'static str> {
    if bytes.first() != Some(&b'{') || bytes.last() != Some(&b'}') {
        return Err("does not begin with { and end with }");
    }
    json::parse_limited(bytes, CLIENT_DATA_MAX_LEN).map_err(|_| "not strict JSON")
}
