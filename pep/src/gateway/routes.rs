//! The route table: which calls there are, and which action each one is.
//!
//! What no route lists is denied. At most one route answers for a call: the most particular one
//! whose template fits byte for byte.

use axum::http::{HeaderName, Method};

use super::refusal::Refusal;
use super::target::Target;
use super::template::{Fit, Template};
use super::value::Value;

/// What becomes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// A call with one is refused.
    None,
    /// Its bytes are part of what is decided and approved (`raw`).
    Bound,
    /// It goes on, and nothing of it is approved but the members that the route names.
    Unbound,
}

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// The line of the table where it begins.
    pub line: usize,
    /// Its methods.
    pub methods: Vec<Method>,
    /// Its paths.
    pub template: Template,
    /// The name of the action.
    pub action: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The id of the resource.
    pub resource_id: Value,
    /// `resource.properties`.
    pub properties: Vec<(String, Value)>,
    /// `action.properties`.
    pub parameters: Vec<(String, Value)>,
    /// Headers that go on and are part of what is approved.
    pub bind: Vec<HeaderName>,
    /// Headers that go on and are not.
    pub forward: Vec<HeaderName>,
    /// What becomes of a body.
    pub body: BodyRule,
    /// Longest body, in bytes.
    pub body_limit: usize,
    /// Whether the body is read as JSON.
    pub reads_json: bool,
    /// Names of the query that a call may have; without them, any.
    pub query: Option<Vec<String>>,
    /// Whether `%2F` may stand in a value of the path.
    pub encoded_slashes: bool,
}

/// The routes of a gateway, the most particular first.
#[derive(Debug, Clone, Default)]
pub struct Routes(Vec<Route>);

/// A route and how a call fits it.
#[derive(Debug, Clone)]
pub struct Matched<'r> {
    /// The route.
    pub route: &'r Route,
    /// What stands for the names of its template.
    pub fit: Fit,
}

impl Routes {
    /// Puts routes in order.
    ///
    /// # Errors
    /// The line of a route, and why it can't stand beside another.
    pub fn new(mut routes: Vec<Route>) -> Result<Self, (usize, String)> {
        for (n, route) in routes.iter().enumerate() {
            let shared = |other: &&Route| {
                other.template.same_paths(&route.template)
                    && other.methods.iter().any(|method| route.methods.contains(method))
            };
            if let Some(other) = routes.iter().take(n).find(shared) {
                let detail = format!("the route of line {} has the same calls", other.line);
                return Err((route.line, detail));
            }
        }
        routes.sort_by(|a, b| a.template.rank(&b.template));
        Ok(Self(routes))
    }

    /// The route of a call.
    ///
    /// # Errors
    /// `gateway.route` if there is none; `gateway.target` if a more particular route would fit but
    /// for what some servers ignore (the case of letters, an encoding that changes nothing, a slash
    /// at the end), and for queries and slashes that the route does not have.
    pub fn find(&self, method: &Method, target: &Target) -> Result<Matched<'_>, Refusal> {
        let of_method = || self.0.iter().filter(|route| route.methods.contains(method));
        let mut exact = of_method()
            .filter_map(|route| Some(Matched { route, fit: route.template.fit(target)? }));
        let matched = exact.next().ok_or(Refusal::Route)?;
        // The order is the same, so that another one stands before it. Where the table has a path
        // with and without a slash at the end, it says itself that they are two.
        let loose =
            of_method().take_while(|route| !std::ptr::eq(*route, matched.route)).any(|route| {
                !route.template.same_but_slash(&matched.route.template)
                    && route.template.could_fit(target)
            });
        if loose {
            let detail = "in other letters, or but for a slash at its end, it would be another \
                          route's";
            return Err(Refusal::Target(detail.to_owned()));
        }
        matched.check(target)?;
        Ok(matched)
    }

    /// All routes, the most particular first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }
}

impl Matched<'_> {
    fn check(&self, target: &Target) -> Result<(), Refusal> {
        if self.fit.slash && !self.route.encoded_slashes {
            let detail = "an encoded slash (`encoded_slashes` of the route lets it stay)";
            return Err(Refusal::Target(detail.to_owned()));
        }
        let Some(names) = &self.route.query else { return Ok(()) };
        match target.query().iter().find(|member| !names.contains(&member.name)) {
            Some(_) => Err(Refusal::Target("the route has no such query".to_owned())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::gateway::config::Config;

    fn routes(list: &[(&str, &str, &str)]) -> Result<Routes, usize> {
        let route = |(method, path, more): &(&str, &str, &str)| {
            format!(
                "[[route]]\nmethods = [\"{method}\"]\npath = \"{path}\"\naction = \"{path}\"\n\
                 resource = {{ type = \"t\", id = \"x\" }}\n{more}\n"
            )
        };
        let text: String = list.iter().map(route).collect();
        let text = format!("host = \"api\"\n{text}");
        let config = Config::parse(&text, Path::new("gateway.toml"));
        config.map(|config| config.routes).map_err(|error| error.line)
    }

    fn found(routes: &Routes, method: &str, target: &str) -> Result<String, &'static str> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let target = Target::parse(target).map_err(|e| e.code())?;
        routes.find(&method, &target).map(|m| m.route.action.clone()).map_err(|e| e.code())
    }

    #[test]
    fn the_most_particular_route_answers() {
        let routes = routes(&[
            ("GET", "/{all...}", "query = \"any\""),
            ("GET", "/users/{id}", ""),
            ("GET", "/users/me", "query = [\"q\"]"),
            ("POST", "/users/me", ""),
        ]);
        let routes = routes.unwrap();
        for (method, target, expected) in [
            ("GET", "/users/me", Ok("/users/me")),
            ("GET", "/users/me?q=1", Ok("/users/me")),
            ("GET", "/users/me?x=1", Err("gateway.target")),
            ("GET", "/users/7", Ok("/users/{id}")),
            // Most frameworks ignore a slash at the end: there it is the particular route's.
            ("GET", "/users/7/", Err("gateway.target")),
            ("GET", "/users/me/", Err("gateway.target")),
            ("GET", "/users/7/more", Ok("/{all...}")),
            ("GET", "/other?x=1", Ok("/{all...}")),
            ("POST", "/users/7", Err("gateway.route")),
            ("HEAD", "/users/me", Err("gateway.route")),
            // Where a server ignores the case of letters these are the particular route's.
            ("GET", "/Users/7", Err("gateway.target")),
            ("GET", "/users/ME", Err("gateway.target")),
            ("POST", "/USERS/me", Err("gateway.route")),
        ] {
            assert_eq!(
                found(&routes, method, target).as_deref(),
                expected.as_ref().copied(),
                "{method} {target}"
            );
        }
    }

    // SPEC.md R-10-141.
    #[test]
    fn a_loose_route_takes_no_call_that_a_server_gives_to_a_stricter_one() {
        let table = routes(&[
            ("POST", "/v1/{name}", ""),
            ("POST", "/v1/batch:delete", ""),
            ("GET", "/{all...}", ""),
            ("GET", "/list/", ""),
            ("GET", "/both", ""),
            ("GET", "/both/", ""),
        ]);
        let table = table.unwrap();
        for (method, target, expected) in [
            ("POST", "/v1/batch:delete", Ok("/v1/batch:delete")),
            ("POST", "/v1/batch%3Adelete", Err("gateway.target")),
            ("POST", "/v1/batch%3adelete", Err("gateway.target")),
            ("POST", "/v1/other:delete", Ok("/v1/{name}")),
            ("GET", "/list", Err("gateway.target")),
            ("GET", "/list/", Ok("/list/")),
            // The table has both.
            ("GET", "/both", Ok("/both")),
            ("GET", "/both/", Ok("/both/")),
        ] {
            let said = found(&table, method, target);
            assert_eq!(said.as_deref(), expected.as_ref().copied(), "{method} {target}");
        }
    }

    #[test]
    fn encoded_slashes_stay_where_a_route_lets_them() {
        let strict = routes(&[("GET", "/f/{x}", "")]).unwrap();
        assert_eq!(found(&strict, "GET", "/f/a%2Fb"), Err("gateway.target"));
        let open = routes(&[("GET", "/f/{x}", "encoded_slashes = true")]).unwrap();
        assert!(found(&open, "GET", "/f/a%2Fb").is_ok());
        assert_eq!(found(&open, "GET", "/f/a/b"), Err("gateway.route"));
    }

    #[test]
    fn two_routes_have_no_call_in_common_by_the_same_paths() {
        let twice = [("GET", "/a/{x}", ""), ("POST", "/a/{x}", ""), ("GET", "/A/{y}", "")];
        assert_eq!(routes(&twice).unwrap_err(), 14);
        assert!(routes(&twice[..2]).is_ok());
    }
}
