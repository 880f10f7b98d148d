//! What the passkey and its client do, rightly or wrongly.

use crate::flags;

/// How to make a registration or an assertion. The default is what an honest device-bound
/// authenticator does; every other value serves tests of those who must refuse it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// The flags byte; registrations add [`flags::AT`].
    pub flags: u8,
    /// Hash this RP id into authenticatorData instead of the credential's own.
    pub rp_id: Option<String>,
    /// State this counter; otherwise the number of assertions made, this one included.
    pub sign_count: Option<u32>,
    /// Bytes to append to authenticatorData: extensions, or rubbish.
    pub after_authenticator_data: Vec<u8>,
    /// Sign this clientDataJSON instead of the one that Chromium would write.
    pub client_data_json: Option<Vec<u8>>,
    /// Which of the two equivalent ECDSA signatures to return.
    pub s: S,
}

/// Which of the signatures `(r, s)` and `(r, n - s)`, both valid, is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum S {
    /// The one that came out of signing.
    #[default]
    AsSigned,
    /// The one with `s` up to `n / 2`.
    Low,
    /// The one with `s` above `n / 2`, which Apple's authenticators give half of the time.
    High,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            flags: flags::UP | flags::UV,
            rp_id: None,
            sign_count: None,
            after_authenticator_data: Vec::new(),
            client_data_json: None,
            s: S::AsSigned,
        }
    }
}

impl Behaviour {
    /// Nobody touched the authenticator.
    #[must_use]
    pub fn without_user_presence() -> Self {
        Self { flags: flags::UV, ..Self::default() }
    }

    /// Nobody was recognised.
    #[must_use]
    pub fn without_user_verification() -> Self {
        Self { flags: flags::UP, ..Self::default() }
    }

    /// A passkey that its provider synchronises.
    #[must_use]
    pub fn synced() -> Self {
        Self { flags: flags::UP | flags::UV | flags::BE | flags::BS, ..Self::default() }
    }

    /// The honest behaviour with high `s`.
    #[must_use]
    pub fn high_s() -> Self {
        Self { s: S::High, ..Self::default() }
    }

    /// An authenticator that was asked by another relying party.
    #[must_use]
    pub fn other_rp_id(rp_id: &str) -> Self {
        Self { rp_id: Some(rp_id.to_owned()), ..Self::default() }
    }
}
