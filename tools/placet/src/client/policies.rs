//! The policies that were ever in force, and single statements.

use placet_proto::b64;
use placet_proto::document::Digest;
use placet_proto::json::Json;
use placet_proto::sha256;

use super::Client;
use crate::error::Failure;

/// Largest file of a policy, in bytes (SPEC.md 12).
const MAX_FILE: usize = 1 << 20;
/// Policies of one page of the service.
const PAGE: usize = 50;

impl Client {
    /// A page of `GET /v1/policies`: the newest before this index.
    ///
    /// # Errors
    /// Those of the service.
    pub fn policies(&self, before: Option<u64>, limit: usize) -> Result<Json, Failure> {
        let before = before.map(|index| format!("&before={index}")).unwrap_or_default();
        self.get_json(&format!("/v1/policies?limit={}{before}", limit.clamp(1, PAGE)))
    }

    /// A file of a policy, which has this hash; `None`: the service has no such file.
    ///
    /// # Errors
    /// Those of the service.
    pub fn policy_file(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Failure> {
        let path = format!("/v1/policies/files/{}", b64::encode_hex(digest));
        let answer = self.get(&path, MAX_FILE)?;
        if answer.status == 404 {
            return Ok(None);
        }
        let bytes = answer.checked()?;
        match sha256(&bytes) == *digest {
            true => Ok(Some(bytes)),
            false => Err(self.malformed("the file of a policy is another than was asked for")),
        }
    }

    /// `GET /v1/entries/{log}/{index}`.
    ///
    /// # Errors
    /// Those of the service.
    pub fn entry(&self, log: &str, index: u64) -> Result<Json, Failure> {
        self.get_json(&format!("/v1/entries/{log}/{index}"))
    }
}
