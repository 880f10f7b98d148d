//! The file's own form.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::uri::Uri;
use axum::http::{HeaderName, HeaderValue, Method};
use placet_ledger::service::network::Network;
use placet_proto::trust::TrustFile;
use toml::Spanned;

use super::{Config, UpstreamConfig, read};
use crate::enforce::EvidenceRule;
use crate::gateway::forward_auth::Style;
use crate::gateway::headers;
use crate::gateway::routes::{BodyRule, Route, Routes};
use crate::gateway::template::Template;
use crate::gateway::value::{Source, Value};
use crate::identity::config::Table;

/// Most routes of a table.
const MAX_ROUTES: usize = 2000;
/// Longest body that a route may take, in bytes.
const MAX_BODY: usize = 16 << 20;
/// Longest body without a setting.
const BODY: usize = 1 << 20;
/// Longest trust file, in bytes.
const MAX_TRUST: u64 = 1 << 20;
/// Longest file with a header's value, in bytes.
const MAX_SECRET: u64 = 8192;

type Line = (usize, String);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    upstream: Option<Spanned<Upstream>>,
    tokens: Option<PathBuf>,
    #[serde(default)]
    identity: Vec<Table>,
    host: Option<Spanned<String>>,
    front_hosts: Option<Vec<String>>,
    public_url: Option<Spanned<String>>,
    forward_auth: Option<Style>,
    proxies: Option<Vec<Spanned<String>>>,
    #[serde(default = "default_wait")]
    longest_wait_s: u64,
    #[serde(default = "default_body_time")]
    body_time_s: u64,
    #[serde(default = "default_calls")]
    most_calls: usize,
    most_calls_each: Option<usize>,
    #[serde(default)]
    behind_tls: bool,
    evidence: Option<Evidence>,
    #[serde(default)]
    route: Vec<Spanned<Entry>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    url: Spanned<String>,
    host: Option<Spanned<String>>,
    ca_file: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    header_files: BTreeMap<String, Spanned<String>>,
    #[serde(default = "default_connect")]
    connect_s: u64,
    #[serde(default = "default_answer")]
    answer_s: u64,
    #[serde(default = "default_longest")]
    longest_answer: u64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    trust: Spanned<String>,
    #[serde(default)]
    tolerate: Vec<String>,
    audience: Option<String>,
    #[serde(default = "default_evidence_wait")]
    wait_s: u64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    methods: Spanned<Vec<String>>,
    path: Spanned<String>,
    action: Spanned<String>,
    resource: Resource,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    bind: Vec<Spanned<String>>,
    #[serde(default)]
    forward: Vec<Spanned<String>>,
    #[serde(default)]
    body: Body,
    body_limit: Option<Spanned<usize>>,
    query: Option<Query>,
    #[serde(default)]
    encoded_slashes: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    r#type: Spanned<String>,
    id: Spanned<String>,
    #[serde(default)]
    properties: BTreeMap<String, Spanned<String>>,
}

#[derive(serde::Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Body {
    None,
    #[default]
    Bound,
    Unbound,
}

/// `query = ["page"]`: names beside those that the route reads; `"any"`: whatever comes.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Query {
    Names(Vec<String>),
    Word(String),
}

fn default_wait() -> u64 {
    60
}
fn default_body_time() -> u64 {
    30
}
fn default_calls() -> usize {
    512
}
fn default_evidence_wait() -> u64 {
    10
}
fn default_connect() -> u64 {
    5
}
fn default_answer() -> u64 {
    60
}
fn default_longest() -> u64 {
    64 << 20
}

/// Offsets of bytes as lines.
struct Text<'t>(&'t str);

impl Text<'_> {
    fn line<T>(&self, at: &Spanned<T>) -> usize {
        let before = self.0.get(..at.span().start).unwrap_or_default();
        before.bytes().filter(|b| *b == b'\n').count().saturating_add(1)
    }

    fn wrong<T>(&self, at: &Spanned<T>) -> impl Fn(String) -> Line {
        let line = self.line(at);
        move |reason| (line, reason)
    }
}

/// Reads a table; files that it names are in `folder`.
pub(super) fn parse(source: &str, folder: &Path) -> Result<Config, Line> {
    let text = Text(source);
    let file: File = toml::from_str(source).map_err(|e| {
        let start = e.span().map_or(0, |span| span.start);
        (text.line(&Spanned::new(start..start, ())), e.message().to_owned())
    })?;
    if file.route.len() > MAX_ROUTES {
        return Err((1, format!("more than {MAX_ROUTES} routes")));
    }
    let upstream = file.upstream.as_ref().map(|u| upstream(&text, u, folder)).transpose()?;
    let host = match (&file.host, &upstream) {
        (Some(host), None) => host.get_ref().clone(),
        (None, Some(upstream)) => upstream.authority.to_str().unwrap_or_default().to_owned(),
        (Some(host), Some(_)) => {
            return Err(text.wrong(host)("`upstream` says the host already".to_owned()));
        }
        (None, None) => {
            return Err((1, "`host`, the API's, or `[upstream]` is missing".to_owned()));
        }
    };
    let routes = file.route.iter().map(|entry| route(&text, entry));
    let routes = Routes::new(routes.collect::<Result<_, _>>()?)?;
    if let Some(given) = &file.upstream {
        check_own_headers(&text, given, &routes)?;
    }
    let mut identities = file.identity;
    if let Some(file) = file.tokens {
        identities.push(Table::ApiToken { name: "tokens".to_owned(), file });
    }
    if file.public_url.is_none() && identities.iter().any(needs_address) {
        let reason = "`public_url` is missing, which the DPoP proofs name that an [[identity]] \
                      asks for";
        return Err((1, reason.to_owned()));
    }
    let evidence = file.evidence.map(|e| evidence(&text, e, folder)).transpose()?;
    let most_calls = file.most_calls.clamp(1, 65_536);
    let seconds = |s: u64| Duration::from_secs(s.clamp(1, 3600));
    Ok(Config {
        routes,
        upstream,
        identities,
        folder: folder.to_path_buf(),
        proxies: proxies(&text, file.proxies)?,
        forward_auth: file.forward_auth,
        public_url: file.public_url.map(|url| public_url(&text, url)).transpose()?,
        front_hosts: file.front_hosts.unwrap_or_else(|| vec![host.clone()]),
        host,
        longest_wait: Duration::from_secs(file.longest_wait_s.min(600)),
        body_time: seconds(file.body_time_s),
        most_calls,
        most_calls_each: file.most_calls_each.unwrap_or(most_calls / 8).clamp(1, most_calls),
        behind_tls: file.behind_tls,
        evidence,
    })
}

/// Whether callers prove by DPoP, where they have no certificate, that a token is theirs.
fn needs_address(identity: &Table) -> bool {
    matches!(identity, Table::Jwt { bearer: false, .. })
}

fn evidence(text: &Text<'_>, given: Evidence, folder: &Path) -> Result<EvidenceRule, Line> {
    let wrong = text.wrong(&given.trust);
    let file = folder.join(given.trust.get_ref());
    let trust = read(&file, MAX_TRUST).map_err(&wrong)?;
    let trust = TrustFile::parse(trust.as_bytes())
        .map_err(|error| wrong(format!("{}: {error}", file.display())))?;
    Ok(EvidenceRule {
        wait: Duration::from_secs(given.wait_s.clamp(1, 60)),
        tolerate: given.tolerate,
        audience: given.audience,
        ..EvidenceRule::new(trust)
    })
}

fn public_url(text: &Text<'_>, url: Spanned<String>) -> Result<String, Line> {
    let (_, _, rest) = address(url.get_ref()).map_err(text.wrong(&url))?;
    match rest {
        true => Ok(url.into_inner().trim_end_matches('/').to_owned()),
        false => Err(text.wrong(&url)("it ends with the host and the port".to_owned())),
    }
}

/// Without the setting, programs on this machine.
fn proxies(text: &Text<'_>, given: Option<Vec<Spanned<String>>>) -> Result<Vec<Network>, Line> {
    let Some(given) = given else {
        let loopback = ["127.0.0.0/8", "::1"].iter().map(|range| range.parse());
        return loopback.collect::<Result<_, String>>().map_err(|reason| (1, reason));
    };
    given.iter().map(|range| range.get_ref().parse().map_err(text.wrong(range))).collect()
}

/// Scheme, authority, and whether nothing follows.
fn address(url: &str) -> Result<(bool, (String, u16), bool), String> {
    let wrong = || format!("{url:?} is no http:// or https:// URL of a host");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong()),
    };
    let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(wrong)?;
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let bare = uri.path() == "/" && uri.query().is_none();
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    Ok((tls, (host.to_owned(), port), bare))
}

fn upstream(
    text: &Text<'_>,
    given: &Spanned<Upstream>,
    folder: &Path,
) -> Result<UpstreamConfig, Line> {
    let u = given.get_ref();
    let (tls, (host, port), bare) = address(u.url.get_ref()).map_err(text.wrong(&u.url))?;
    if !bare {
        let reason = "it ends with the host and the port: targets are forwarded as they are";
        return Err(text.wrong(&u.url)(reason.to_owned()));
    }
    let own = u.url.get_ref().split_once("://").map_or("", |(_, rest)| rest);
    let authority = u.host.as_ref().map_or(own.trim_end_matches('/'), |h| h.get_ref().as_str());
    let authority = HeaderValue::from_str(authority)
        .ok()
        .filter(|value| !value.is_empty() && value.to_str().is_ok())
        .ok_or_else(|| text.wrong(&u.url)("the host is no value of a header".to_owned()))?;
    let mut headers = Vec::new();
    for (name, value) in &u.headers {
        headers.push(header(name, value.get_ref()).map_err(text.wrong(value))?);
    }
    for (name, file) in &u.header_files {
        let secret = read(&folder.join(file.get_ref()), MAX_SECRET).map_err(text.wrong(file))?;
        let (name, mut value) = header(name, secret.trim()).map_err(text.wrong(file))?;
        value.set_sensitive(true);
        headers.push((name, value));
    }
    Ok(UpstreamConfig {
        tls,
        host,
        port,
        authority,
        ca_file: u.ca_file.as_ref().map(|name| folder.join(name)),
        headers,
        connect_time: Duration::from_secs(u.connect_s.clamp(1, 300)),
        answer_time: Duration::from_secs(u.answer_s.clamp(1, 3600)),
        longest_answer: u.longest_answer,
    })
}

/// What a route binds or forwards is the caller's: one of `[upstream]` in its place would not be
/// what was approved.
fn check_own_headers(
    text: &Text<'_>,
    given: &Spanned<Upstream>,
    routes: &Routes,
) -> Result<(), Line> {
    let u = given.get_ref();
    for (own, at) in u.headers.iter().chain(&u.header_files) {
        let same = |name: &HeaderName| name.as_str().eq_ignore_ascii_case(own);
        if let Some(route) = routes.iter().find(|r| r.bind.iter().chain(&r.forward).any(same)) {
            let reason = format!("{own:?}: the route of line {} takes it of callers", route.line);
            return Err(text.wrong(at)(reason));
        }
    }
    Ok(())
}

/// A header that the API gets of us: its credential may be one, those of the connection not.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let ours = name.eq_ignore_ascii_case("authorization");
    let name = match ours {
        true => HeaderName::from_static("authorization"),
        false => headers::name(name)?,
    };
    let value = HeaderValue::from_str(value).map_err(|_| "it is no value of a header")?;
    Ok((name, value))
}

fn route(text: &Text<'_>, given: &Spanned<Entry>) -> Result<Route, Line> {
    let entry = given.get_ref();
    let template = Template::parse(entry.path.get_ref()).map_err(text.wrong(&entry.path))?;
    let value =
        |of: &Spanned<String>| Value::parse(of.get_ref(), &template).map_err(text.wrong(of));
    let values = |of: &BTreeMap<String, Spanned<String>>| {
        let each = of.iter().map(|(name, of)| Ok((name.clone(), value(of)?)));
        each.collect::<Result<Vec<_>, Line>>()
    };
    let named = |list: &[Spanned<String>]| {
        let each = list.iter().map(|n| headers::name(n.get_ref()).map_err(text.wrong(n)));
        each.collect::<Result<Vec<_>, Line>>()
    };
    let (parameters, properties) =
        (values(&entry.parameters)?, values(&entry.resource.properties)?);
    let resource_id = value(&entry.resource.id)?;
    let all = || parameters.iter().chain(&properties).map(|(_, v)| v).chain([&resource_id]);
    let sources: Vec<Source> = all().flat_map(Value::sources).cloned().collect();
    let reads_json = sources.iter().any(|source| matches!(source, Source::Body(_)));
    let mut bind = named(&entry.bind)?;
    for source in &sources {
        // What decides goes on and is approved, whether or not the list says so.
        let Source::Header(name) = source else { continue };
        let name = headers::name(name).map_err(text.wrong(given))?;
        if !bind.contains(&name) {
            bind.push(name);
        }
    }
    let body = body_rule(entry.body);
    if reads_json && body == BodyRule::None {
        return Err(text.wrong(given)("it reads a body and takes none".to_owned()));
    }
    for short in [&entry.action, &entry.resource.r#type] {
        if !(1..=256).contains(&short.get_ref().len()) {
            return Err(text.wrong(short)("it has 1 to 256 bytes".to_owned()));
        }
    }
    Ok(Route {
        line: text.line(given),
        methods: methods(text, &entry.methods)?,
        action: entry.action.get_ref().clone(),
        resource_type: entry.resource.r#type.get_ref().clone(),
        resource_id,
        properties,
        parameters,
        bind,
        forward: named(&entry.forward)?,
        body,
        body_limit: body_limit(text, entry.body_limit.as_ref())?,
        reads_json,
        query: query(text, given, &sources)?,
        encoded_slashes: entry.encoded_slashes,
        template,
    })
}

fn body_rule(body: Body) -> BodyRule {
    match body {
        Body::None => BodyRule::None,
        Body::Bound => BodyRule::Bound,
        Body::Unbound => BodyRule::Unbound,
    }
}

fn body_limit(text: &Text<'_>, limit: Option<&Spanned<usize>>) -> Result<usize, Line> {
    match limit {
        None => Ok(BODY),
        Some(limit) if (1..=MAX_BODY).contains(limit.get_ref()) => Ok(*limit.get_ref()),
        Some(limit) => Err(text.wrong(limit)(format!("a limit is 1 to {MAX_BODY} bytes"))),
    }
}

fn query(
    text: &Text<'_>,
    given: &Spanned<Entry>,
    sources: &[Source],
) -> Result<Option<Vec<String>>, Line> {
    let mut names: Vec<String> = match &given.get_ref().query {
        None => Vec::new(),
        Some(Query::Names(names)) => names.clone(),
        Some(Query::Word(word)) if word == "any" => return Ok(None),
        Some(Query::Word(_)) => {
            return Err(text.wrong(given)("`query` is a list of names, or \"any\"".to_owned()));
        }
    };
    names.extend(sources.iter().filter_map(|source| match source {
        Source::Query(name) => Some(name.clone()),
        _ => None,
    }));
    Ok(Some(names))
}

fn methods(text: &Text<'_>, given: &Spanned<Vec<String>>) -> Result<Vec<Method>, Line> {
    let wrong = text.wrong(given);
    let each = given.get_ref().iter().map(|name| {
        let upper = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase());
        let method = Method::from_bytes(name.as_bytes()).ok().filter(|_| upper);
        let method = method.filter(|m| *m != Method::CONNECT && *m != Method::TRACE);
        method.ok_or_else(|| wrong(format!("{name:?} is no method of a route")))
    });
    let methods = each.collect::<Result<Vec<_>, _>>()?;
    match methods.is_empty() {
        true => Err(wrong("a route has a method".to_owned())),
        false => Ok(methods),
    }
}
