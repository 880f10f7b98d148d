//! One call of an agent, and the action that it is.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use placet_proto::action::Action;
use placet_proto::json::{self, Json};

use super::headers;
use super::refusal::Refusal;
use super::routes::{BodyRule, Matched, Route};
use super::target::Target;
use crate::enforce::{Intent, Payload};

/// Longest media type that is bound, in bytes.
const MAX_MEDIA_TYPE: usize = 256;

/// A call as it came. What is forwarded later is made of this, and of nothing else.
#[derive(Debug)]
pub struct Call<'r> {
    /// Its method.
    pub method: &'r Method,
    /// Its target.
    pub target: &'r Target,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// Its body; nothing where none came, or where who asks does not have it.
    pub body: Option<Bytes>,
    /// The body as JSON, for routes that look into it.
    pub json: Option<Json>,
}

impl<'r> Call<'r> {
    /// A call whose body, if there is one, fits what the route takes.
    ///
    /// # Errors
    /// `gateway.body`, `gateway.too_large`, `gateway.header`.
    pub fn new(
        method: &'r Method,
        target: &'r Target,
        headers: &'r HeaderMap,
        body: Option<Bytes>,
        route: &Route,
    ) -> Result<Self, Refusal> {
        headers::check_meaning(headers, &route.bind)?;
        let body = body.filter(|bytes| !bytes.is_empty());
        let mut call = Self { method, target, headers, body, json: None };
        let Some(bytes) = &call.body else { return Ok(call) };
        if route.body == BodyRule::None {
            return Err(Refusal::Body("this route takes none".to_owned()));
        }
        if bytes.len() > route.body_limit {
            return Err(Refusal::TooLarge(route.body_limit));
        }
        let media_type = call.media_type()?;
        if route.reads_json {
            if !headers::is_json(media_type) {
                let detail = "this route takes application/json, in UTF-8";
                return Err(Refusal::Body(detail.to_owned()));
            }
            let parsed = json::parse_limited(bytes, route.body_limit);
            let parsed = parsed.map_err(|e| Refusal::Body(format!("not strict JSON: {e}")))?;
            call.json = Some(parsed);
        }
        Ok(call)
    }

    /// The one value of a header.
    ///
    /// # Errors
    /// `gateway.header`.
    pub fn one_header(&self, name: &str) -> Result<Option<&'r str>, Refusal> {
        headers::one(self.headers, name)
    }

    fn media_type(&self) -> Result<&'r str, Refusal> {
        let given = self.one_header("content-type")?.filter(|text| !text.is_empty());
        let given = given.ok_or_else(|| Refusal::Body("it has no Content-Type".to_owned()))?;
        match given.len() <= MAX_MEDIA_TYPE {
            true => Ok(given),
            false => Err(Refusal::Body("its Content-Type is too long".to_owned())),
        }
    }

    /// What is decided, approved and spent: the action that the route makes of this call for this
    /// subject, and the body where the route binds it. `context.http` has method, target, the host
    /// of the API and the bound headers, so that an approval serves for this request alone; and
    /// `via`, where another server forwards the request.
    ///
    /// # Errors
    /// `gateway.parameter`, `gateway.target`, `gateway.header`, `gateway.action`.
    pub fn intent(
        &self,
        matched: &Matched<'_>,
        subject: &Json,
        host: &str,
        via: Option<&str>,
    ) -> Result<Intent, Refusal> {
        let Matched { route, fit } = matched;
        let values = |of: &[(String, super::value::Value)]| -> Result<Json, Refusal> {
            let mut out = Json::Object(Vec::new());
            for (name, value) in of {
                if let Some(value) = value.of(name, self, fit)? {
                    out.insert(name.clone(), value);
                }
            }
            Ok(out)
        };
        let mut action = Json::object([("name", Json::from(route.action.as_str()))]);
        if !route.parameters.is_empty() {
            action.insert("properties", values(&route.parameters)?);
        }
        let missing = || Refusal::Action("the resource has no id".to_owned());
        let id = route.resource_id.of("resource.id", self, fit)?.ok_or_else(missing)?;
        let id = match id {
            Json::String(text) => text,
            Json::Number(number) => number.with_str(str::to_owned),
            _ => return Err(Refusal::Action("the resource's id is no string".to_owned())),
        };
        let kind = Json::from(route.resource_type.as_str());
        let mut resource = Json::object([("type", kind), ("id", id.into())]);
        if !route.properties.is_empty() {
            resource.insert("properties", values(&route.properties)?);
        }
        let context = Json::object([("http", self.bound(route, host, via)?)]);
        let request = Json::object([
            ("subject", subject.clone()),
            ("action", action),
            ("resource", resource),
            ("context", context),
        ]);
        let action = Action::from_request(&request);
        let intent = Intent::new(action.map_err(|e| Refusal::Action(e.to_string()))?);
        match (&self.body, route.body) {
            (Some(bytes), BodyRule::Bound) => {
                Ok(intent.with_payload(Payload::new(self.media_type()?, bytes.clone())))
            }
            _ => Ok(intent),
        }
    }

    fn bound(&self, route: &Route, host: &str, via: Option<&str>) -> Result<Json, Refusal> {
        let mut headers = Json::Object(Vec::new());
        for name in &route.bind {
            if let Some(value) = self.one_header(name.as_str())? {
                headers.insert(name.as_str(), value.into());
            }
        }
        // A version of the API may hang on it, and with that what the call does.
        if headers.get("accept").is_none()
            && let Some(accept) = headers::chosen_version(self.headers)?
        {
            headers.insert("accept", accept.into());
        }
        let mut http = Json::object([
            ("method", Json::from(self.method.as_str())),
            ("host", host.into()),
            ("target", self.target.raw().into()),
            ("headers", headers),
        ]);
        // Another server forwards the request: whoever approves it reads what is not bound.
        if let Some(via) = via {
            http.insert("via", via.into());
            if self.body.is_none() || route.body != BodyRule::Bound {
                http.insert("body", "not bound".into());
            }
        }
        Ok(http)
    }
}
