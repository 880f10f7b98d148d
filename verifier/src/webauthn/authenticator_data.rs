//! authenticatorData (WebAuthn L3 6.1) and attested credential data (6.5.1).

use placet_proto::cbor;
use placet_proto::cose_key::COSE_KEY_MAX_LEN;

use super::error::Rule;

/// The longest authenticatorData accepted, in bytes: that of a registration with the longest
/// credential id and key, and room for extensions.
pub const MAX_LEN: usize = 4096;
/// The longest credential id, in bytes (WebAuthn L3 7.1).
pub const CREDENTIAL_ID_MAX_LEN: usize = 1023;

/// Where the flags stand, after the hash of the RP id.
const FLAGS_AT: usize = 32;
const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;
const ED: u8 = 0x80;
const RESERVED: u8 = 0x22;

/// The flags byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// UP: somebody touched the authenticator.
    #[must_use]
    pub const fn user_present(self) -> bool {
        self.0 & UP != 0
    }

    /// UV: the authenticator recognised its user, by PIN or biometrics.
    #[must_use]
    pub const fn user_verified(self) -> bool {
        self.0 & UV != 0
    }

    /// BE: the credential may be copied to other devices.
    #[must_use]
    pub const fn backup_eligible(self) -> bool {
        self.0 & BE != 0
    }

    /// BS: the credential is backed up at present.
    #[must_use]
    pub const fn backup_state(self) -> bool {
        self.0 & BS != 0
    }

    /// Whether a flag is set that WebAuthn L3 gives no meaning.
    #[must_use]
    pub const fn has_reserved(self) -> bool {
        self.0 & RESERVED != 0
    }
}

/// authenticatorData, parsed to its last byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the RP id.
    pub rp_id_hash: [u8; 32],
    /// The flags.
    pub flags: Flags,
    /// The signature counter.
    pub sign_count: u32,
    /// Present iff AT is set.
    pub attested: Option<AttestedCredential<'a>>,
    /// One deterministic CBOR map; present iff ED is set.
    pub extensions: Option<&'a [u8]>,
}

/// The new credential in a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttestedCredential<'a> {
    /// The model of the authenticator; its own word unless an attestation covers it.
    pub aaguid: [u8; 16],
    /// The credential id, at most [`CREDENTIAL_ID_MAX_LEN`] bytes.
    pub credential_id: &'a [u8],
    /// The COSE_Key as it stands.
    pub cose_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads authenticatorData; nothing in it is judged but its form.
    ///
    /// # Errors
    /// What is wrong with the form.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        if bytes.len() > MAX_LEN {
            return Err("too long");
        }
        let short = "shorter than its flags announce";
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(short)?;
        let (flags, rest) = rest.split_first().ok_or(short)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        let mut attested = None;
        if flags & AT != 0 {
            let (credential, after) = AttestedCredential::parse(rest, flags & ED != 0)?;
            attested = Some(credential);
            rest = after;
        }
        let extensions = if flags & ED != 0 { Some(extension_map(rest)?) } else { None };
        if extensions.is_none() && !rest.is_empty() {
            return Err("bytes that no flag announces");
        }
        Ok(Self {
            rp_id_hash: *rp_id_hash,
            flags: Flags(*flags),
            sign_count: u32::from_be_bytes(*sign_count),
            attested,
            extensions,
        })
    }
}

impl<'a> AuthenticatorData<'a> {
    /// [`AuthenticatorData::parse`] for assertions, where AT has no place. AT is judged first:
    /// what follows it would have to be read as a credential to get any further.
    pub(super) fn parse_assertion(bytes: &'a [u8]) -> Result<Self, (Rule, &'static str)> {
        if bytes.get(FLAGS_AT).is_some_and(|flags| flags & AT != 0) {
            return Err((Rule::Flags, "AT is set in an assertion"));
        }
        Self::parse(bytes).map_err(|detail| (Rule::AuthenticatorData, detail))
    }
}

impl<'a> AttestedCredential<'a> {
    fn parse(bytes: &'a [u8], extensions_follow: bool) -> Result<(Self, &'a [u8]), &'static str> {
        let short = "attested credential data is cut short";
        let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(short)?;
        let (id_len, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
        let id_len = usize::from(u16::from_be_bytes(*id_len));
        if id_len == 0 || id_len > CREDENTIAL_ID_MAX_LEN {
            return Err("the credential id is empty or longer than 1023 bytes");
        }
        let (credential_id, rest) = rest.split_at_checked(id_len).ok_or(short)?;
        let key_len = if extensions_follow { first_item_len(rest)? } else { rest.len() };
        let (cose_key, rest) = rest.split_at_checked(key_len).ok_or(short)?;
        if cose_key.is_empty() || cose_key.len() > COSE_KEY_MAX_LEN {
            return Err("the public key is missing or too long");
        }
        Ok((Self { aaguid: *aaguid, credential_id, cose_key }, rest))
    }
}

/// Where the key ends if extensions follow. This only finds the border: both sides then go through
/// the strict reader.
fn first_item_len(bytes: &[u8]) -> Result<usize, &'static str> {
    let mut decoder = minicbor::Decoder::new(bytes);
    decoder.skip().map_err(|_| "the public key is not CBOR")?;
    Ok(decoder.position())
}

fn extension_map(bytes: &[u8]) -> Result<&[u8], &'static str> {
    let is_map = cbor::Reader::new(bytes).and_then(|mut reader| reader.map()).is_ok();
    if is_map { Ok(bytes) } else { Err("extensions are not one deterministic CBOR map") }
}
