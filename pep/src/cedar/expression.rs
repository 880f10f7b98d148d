//! What the conditions of a policy do, as far as that can be read from them: which entities they
//! name, how far they follow attributes, and which operations can fail at run time.

use cedar_policy::{EntityUid, Policy};
use serde_json::{Map, Value};

use crate::policy::PolicyError;

/// Operations on whole numbers and on times that fail when the result is out of range.
const RANGED: [&str; 6] = ["+", "-", "*", "offset", "durationSince", "toDate"];

/// What is known of the conditions of one policy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Entities that the conditions name.
    pub named: Vec<EntityUid>,
    /// The most attributes that are followed one after the other: an upper bound of the number of
    /// entities on the way from the request to what a condition looks at.
    pub depth: usize,
    /// For people: operations that fail for some values.
    pub hazards: Vec<String>,
}

/// Reads the conditions of a policy.
pub(super) fn facts(policy: &Policy) -> Result<Facts, PolicyError> {
    let json = policy.to_json().map_err(|e| PolicyError::Policies(e.to_string()))?;
    let conditions = json.get("conditions").and_then(Value::as_array);
    let mut facts = Facts::default();
    for condition in conditions.into_iter().flatten() {
        if let Some(body) = condition.get("body") {
            facts.read(body, 0);
        }
    }
    facts.hazards.sort_unstable();
    facts.hazards.dedup();
    Ok(facts)
}

impl Facts {
    /// `followed`: how many attributes are read from what this expression gives.
    fn read(&mut self, expression: &Value, followed: usize) {
        self.depth = self.depth.max(followed);
        let Some(members) = expression.as_object() else { return };
        for (operation, operands) in members {
            match operation.as_str() {
                "Value" => self.name(operands),
                "Record" => self.read_all(operands.as_object(), followed),
                "." | "getTag" => {
                    self.read_all(operands.as_object(), followed.saturating_add(1));
                }
                _ => {
                    self.judge(operation, operands);
                    match operands {
                        Value::Array(items) => {
                            items.iter().for_each(|item| self.read(item, followed));
                        }
                        other => self.read_all(other.as_object(), followed),
                    }
                }
            }
        }
    }

    fn read_all(&mut self, operands: Option<&Map<String, Value>>, followed: usize) {
        for operand in operands.into_iter().flat_map(|all| all.values()) {
            self.read(operand, followed);
        }
    }

    fn judge(&mut self, operation: &str, operands: &Value) {
        let negation = operation == "neg";
        if !negation && !RANGED.contains(&operation) {
            return;
        }
        let whole = Value::Object(Map::from_iter([(operation.to_owned(), operands.clone())]));
        if constant(&whole).is_none() {
            let sign = if negation { "-" } else { operation };
            self.hazards.push(format!(
                "`{sign}` can go out of range, which validation does not exclude: a request that \
                 makes it do so is denied with pdp.policy_error; compare without arithmetic"
            ));
        }
    }

    fn name(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.name(item)),
            Value::Object(members) => match members.get("__entity") {
                Some(entity) => self.named.extend(EntityUid::from_json(entity.clone()).ok()),
                None => members.values().for_each(|value| self.name(value)),
            },
            _ => {}
        }
    }
}

/// The value of arithmetic between literals, if it is in range.
fn constant(expression: &Value) -> Option<i64> {
    let members = expression.as_object()?;
    let (operation, operands) = members.iter().next()?;
    let operand = |name: &str| constant(operands.get(name)?);
    match operation.as_str() {
        "Value" => operands.as_i64(),
        "+" => operand("left")?.checked_add(operand("right")?),
        "-" => operand("left")?.checked_sub(operand("right")?),
        "*" => operand("left")?.checked_mul(operand("right")?),
        "neg" => operand("arg")?.checked_neg(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(condition: &str) -> Facts {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        facts(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn what_can_go_out_of_range_is_found_wherever_it_stands() {
        for condition in [
            "context.a + 1 > 2",
            "1 - context.a > 2",
            "[context.a * 2].contains(4)",
            "-context.a == 1",
            "if context.b then context.a * 2 == 1 else false",
            "{\"+\": context.a + 1} == context.r",
            "context.at.offset(duration(\"1h\")) < context.until",
            "context.at.durationSince(context.until) < duration(\"1h\")",
            "9223372036854775807 + 1 == context.a",
        ] {
            assert_eq!(of(condition).hazards.len(), 1, "{condition}");
        }
        for condition in [
            "context.a > 2",
            "1 + 2 * 3 - 4 == context.a",
            "context.a == -5",
            "{\"+\": context.a} == context.r",
            "context.s == \"+\"",
            "context.at < datetime(\"2026-01-01\")",
        ] {
            assert_eq!(of(condition).hazards, Vec::<String>::new(), "{condition}");
        }
    }

    #[test]
    fn entities_and_the_way_to_them_are_found() {
        let found = of("principal.manager.team == Team::\"a\" || resource in [Team::\"b\"]");
        let named: Vec<String> = found.named.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["Team::\"a\"", "Team::\"b\""]);
        assert_eq!(found.depth, 2);
        assert_eq!(of("true").depth, 0);
        assert_eq!(of("(if context.x then principal.a else principal.b).c.d == 1").depth, 3);
        assert_eq!(of("principal.getTag(\"k\") == \"v\"").depth, 1);
        assert_eq!(of("{x: principal.a.b}.x == 1").depth, 3);
    }
}
