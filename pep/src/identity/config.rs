//! The `[[identity]]` tables of a PEP's settings.
//!
//! ```toml
//! [[identity]]
//! name = "corp"                          # what identities from it say as their source
//! kind = "jwt"                           # access tokens (RFC 9068)
//! issuer = "https://idp.example"
//! audience = "https://api.example"       # ours, as the issuer calls us
//! jwks_url = "https://idp.example/jwks"  # or jwks_file
//!
//! [[identity]]
//! name = "mesh"
//! kind = "spiffe"                        # JWT-SVIDs and X.509-SVIDs of one trust domain
//! trust_domain = "example.org"
//! audience = "https://api.example"
//! bundle_file = "example.org.json"       # or bundle_url
//!
//! [[identity]]
//! name = "tokens"
//! kind = "api_token"
//! file = "agents.toml"
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::api_token::ApiTokens;
use super::fetch::{self, Fetch, Fetcher};
use super::issuer::{Issuer, Possession, Profile};
use super::jwk::Algorithm;
use super::key_set::{KeySet, Place};
use super::spiffe::SpiffeId;
use super::{Identities, IdentityError, TrustDomain};

/// Most tables.
const MAX_TABLES: usize = 64;
/// Longest life of a token that is accepted where nothing is said, in seconds.
const MAX_LIFE_S: u64 = 24 * 3600;
/// Algorithms of an issuer that names none.
const DEFAULT: [Algorithm; 4] =
    [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256];
/// Those of JWT-SVID 2.2, which has no EdDSA.
const OF_SVID: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// One `[[identity]]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Table {
    /// Access tokens as JWT.
    Jwt {
        /// Its name.
        name: String,
        /// `iss`, exactly.
        issuer: String,
        /// The member of `aud` that is us.
        audience: String,
        /// A file with its JWK Set, relative to the settings.
        jwks_file: Option<PathBuf>,
        /// The URL of its JWK Set.
        jwks_url: Option<String>,
        /// A PEM file of roots for that URL.
        ca_file: Option<PathBuf>,
        /// Algorithms; ES256, EdDSA, PS256 and RS256 if absent.
        algorithms: Option<Vec<String>>,
        /// Values of `typ`; `at+jwt` if absent.
        types: Option<Vec<String>>,
        /// Words that `scope` must have.
        #[serde(default)]
        scopes: Vec<String>,
        /// Whether tokens without proof of possession are accepted.
        #[serde(default)]
        bearer: bool,
        /// Whether `aud` may name others too.
        #[serde(default)]
        shared_audience: bool,
        /// Longest life, in seconds; a day if absent.
        max_life_s: Option<u64>,
        /// `subject.type` of people; `user` if absent.
        subject_type: Option<String>,
        /// `subject.type` of programs; `agent` if absent.
        agent_type: Option<String>,
        /// Whether a name means the same at every issuer that says so, and `sub` may be a SPIFFE
        /// ID. Else issuers need types of their own.
        #[serde(default)]
        shared_names: bool,
    },
    /// SVIDs of one trust domain.
    Spiffe {
        /// Its name.
        name: String,
        /// The trust domain.
        trust_domain: String,
        /// The member of a JWT-SVID's `aud` that is us.
        audience: String,
        /// The bundle, relative to the settings.
        bundle_file: Option<PathBuf>,
        /// The URL of the bundle.
        bundle_url: Option<String>,
        /// A PEM file of roots for that URL.
        ca_file: Option<PathBuf>,
        /// Whether JWT-SVIDs, which prove no possession, are accepted.
        #[serde(default)]
        bearer: bool,
        /// Longest life of a JWT-SVID, in seconds; an hour if absent.
        max_life_s: Option<u64>,
        /// `subject.type`; `agent` if absent.
        agent_type: Option<String>,
    },
    /// Opaque tokens.
    ApiToken {
        /// Its name.
        name: String,
        /// The table of tokens, relative to the settings.
        file: PathBuf,
    },
}

impl Identities {
    /// Makes what the tables say. Files are found relative to `base`; nothing is fetched yet.
    ///
    /// # Errors
    /// `identity.config`.
    pub fn from_tables(tables: Vec<Table>, base: &Path) -> Result<Self, IdentityError> {
        let system: Arc<dyn Fetch> = Arc::new(Fetcher::new(None)?);
        Self::with_fetch(tables, base, &system)
    }

    /// As [`Identities::from_tables`], by a client that somebody else made. Tables with a
    /// `ca_file` make their own.
    ///
    /// # Errors
    /// `identity.config`.
    pub fn with_fetch(
        tables: Vec<Table>,
        base: &Path,
        fetch: &Arc<dyn Fetch>,
    ) -> Result<Self, IdentityError> {
        if tables.is_empty() || tables.len() > MAX_TABLES {
            return Err(config("there are 1 to 64 tables [[identity]]"));
        }
        let mut all = Self::empty();
        let mut names = Vec::new();
        for table in tables {
            let name = table.name().to_owned();
            if name.is_empty() || name.len() > 64 || name.contains(char::is_control) {
                return Err(config("a `name` has 1 to 64 bytes"));
            }
            if names.contains(&name) {
                return Err(config(&format!("{name}: the name is there twice")));
            }
            all.add(table, base, fetch).map_err(|error| match error {
                IdentityError::Config(why) => config(&format!("{name}: {why}")),
                other => config(&format!("{name}: {other}")),
            })?;
            names.push(name);
        }
        Ok(all)
    }

    fn add(
        &mut self,
        table: Table,
        base: &Path,
        fetch: &Arc<dyn Fetch>,
    ) -> Result<(), IdentityError> {
        match table {
            Table::ApiToken { name, file } => {
                self.tokens.push(ApiTokens::load(&name, &base.join(file))?);
            }
            Table::Jwt { .. } => {
                let issuer = access_tokens(table, base, fetch)?;
                if self.issuers.iter().any(|known| known.profile == issuer.profile) {
                    return Err(config("this issuer is there twice"));
                }
                if let Some(other) = self.issuers.iter().find(|known| known.names_as(&issuer)) {
                    return Err(config(&format!(
                        "a name of its would be the same subject as that of {}: give it \
                         `subject_type` and `agent_type` of its own, or say `shared_names = true` \
                         in both",
                        other.name
                    )));
                }
                self.issuers.push(issuer);
            }
            Table::Spiffe { .. } => {
                let (domain, issuer) = svids(table, base, fetch)?;
                if self.domains.iter().any(|known| known.domain == domain.domain) {
                    return Err(config("this trust domain is there twice"));
                }
                self.domains.push(domain);
                self.issuers.extend(issuer);
            }
        }
        Ok(())
    }
}

impl Table {
    fn name(&self) -> &str {
        match self {
            Self::Jwt { name, .. } | Self::Spiffe { name, .. } | Self::ApiToken { name, .. } => {
                name
            }
        }
    }
}

fn access_tokens(
    table: Table,
    base: &Path,
    fetch: &Arc<dyn Fetch>,
) -> Result<Issuer, IdentityError> {
    let Table::Jwt {
        name,
        issuer,
        audience,
        jwks_file,
        jwks_url,
        ca_file,
        algorithms,
        types,
        scopes,
        bearer,
        shared_audience,
        max_life_s,
        subject_type,
        agent_type,
        shared_names,
    } = table
    else {
        return Err(config("not a table of access tokens"));
    };
    let algorithms = match algorithms {
        None => DEFAULT.to_vec(),
        Some(names) => names
            .iter()
            .map(|name| Algorithm::from_name(name))
            .collect::<Option<Vec<_>>>()
            .filter(|all| !all.is_empty())
            .ok_or_else(|| config("`algorithms` are asymmetric ones, such as ES256"))?,
    };
    let types = types.unwrap_or_else(|| vec!["at+jwt".to_owned()]);
    if issuer.is_empty() || types.is_empty() {
        return Err(config("`issuer` and `types` are not empty"));
    }
    let types = types.iter().map(|typ| typ.to_ascii_lowercase()).collect();
    let subject_type = subject_type.unwrap_or_else(|| "user".to_owned());
    Ok(Issuer {
        name,
        profile: Profile::AccessToken { issuer, types, scopes, subject_type, shared_names },
        audience: checked_audience(audience)?,
        shared: shared_audience,
        algorithms,
        max_life_s: max_life_s.unwrap_or(MAX_LIFE_S),
        possession: if bearer { Possession::Bearer } else { Possession::Required },
        agent_type: agent_type.unwrap_or_else(|| "agent".to_owned()),
        keys: key_set(base, jwks_file, jwks_url, ca_file, fetch)?,
    })
}

fn svids(
    table: Table,
    base: &Path,
    fetch: &Arc<dyn Fetch>,
) -> Result<(TrustDomain, Option<Issuer>), IdentityError> {
    let Table::Spiffe {
        name,
        trust_domain,
        audience,
        bundle_file,
        bundle_url,
        ca_file,
        bearer,
        max_life_s,
        agent_type,
    } = table
    else {
        return Err(config("not a table of a trust domain"));
    };
    SpiffeId::parse(&format!("spiffe://{trust_domain}/a"))
        .map_err(|_| config("`trust_domain` is no name of a trust domain"))?;
    let agent_type = agent_type.unwrap_or_else(|| "agent".to_owned());
    let keys = key_set(base, bundle_file, bundle_url, ca_file, fetch)?;
    let domain = TrustDomain {
        name: name.clone(),
        domain: trust_domain.clone(),
        agent_type: agent_type.clone(),
        bundle: Arc::clone(&keys),
    };
    // A JWT-SVID is a bearer token: whoever sees it has it.
    let issuer = bearer.then_some(Issuer {
        name,
        profile: Profile::JwtSvid { domain: trust_domain },
        audience: checked_audience(audience)?,
        shared: false,
        algorithms: OF_SVID.to_vec(),
        max_life_s: max_life_s.unwrap_or(3600),
        possession: Possession::Bearer,
        agent_type,
        keys,
    });
    Ok((domain, issuer))
}

fn checked_audience(audience: String) -> Result<String, IdentityError> {
    if audience.is_empty() {
        return Err(config("`audience` is not empty"));
    }
    Ok(audience)
}

fn key_set(
    base: &Path,
    file: Option<PathBuf>,
    url: Option<String>,
    ca_file: Option<PathBuf>,
    fetch: &Arc<dyn Fetch>,
) -> Result<Arc<KeySet>, IdentityError> {
    let place = match (file, url) {
        (Some(file), None) => {
            let path = base.join(file);
            std::fs::metadata(&path).map_err(|e| config(&format!("{}: {e}", path.display())))?;
            Place::File(path)
        }
        (None, Some(url)) if fetch::is_safe(&url) => Place::Url(url),
        (None, Some(_)) => return Err(config("keys come by https, or by http of this machine")),
        _ => return Err(config("its keys are in either a file or at a URL")),
    };
    let fetch = match ca_file {
        None => Arc::clone(fetch),
        Some(path) => Arc::new(Fetcher::new(Some(&base.join(path)))?),
    };
    Ok(Arc::new(KeySet::new(place, fetch)))
}

fn config(why: &str) -> IdentityError {
    IdentityError::Config(why.to_owned())
}
