//! `[clusters.settings]`: free, as far as templates can use it. TOML in, JSON out.

use serde_json::{Map, Value};

/// Settings travel in one body of the node API, with the members of the cluster.
const SETTINGS_BYTES_MAX: usize = 64 << 10;

/// What no template is given.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsProblem {
    #[error("`{0}` has a control character, which could begin a line of somebody else's configuration")]
    ControlCharacter(String),
    #[error("`{0}` is a date; write it as text")]
    Date(String),
    #[error("`{0}` is not a number")]
    NotANumber(String),
    #[error("they have {0} bytes as JSON; {SETTINGS_BYTES_MAX} are allowed")]
    Large(usize),
}

/// The same as JSON.
pub fn validate(table: toml::Table) -> Result<Map<String, Value>, SettingsProblem> {
    let settings = convert_table("", table)?;
    let bytes = serde_json::to_vec(&settings).map_or(0, |text| text.len());
    if bytes > SETTINGS_BYTES_MAX { Err(SettingsProblem::Large(bytes)) } else { Ok(settings) }
}

fn convert_table(path: &str, table: toml::Table) -> Result<Map<String, Value>, SettingsProblem> {
    let entry = |(key, value): (String, toml::Value)| {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        text(&path, &key)?;
        Ok((key, convert(&path, value)?))
    };
    table.into_iter().map(entry).collect()
}

fn convert(path: &str, value: toml::Value) -> Result<Value, SettingsProblem> {
    Ok(match value {
        toml::Value::String(value) => {
            text(path, &value)?;
            Value::String(value)
        }
        toml::Value::Integer(value) => value.into(),
        toml::Value::Boolean(value) => value.into(),
        toml::Value::Float(value) => {
            let number = serde_json::Number::from_f64(value);
            Value::Number(number.ok_or_else(|| SettingsProblem::NotANumber(path.to_owned()))?)
        }
        toml::Value::Datetime(_) => return Err(SettingsProblem::Date(path.to_owned())),
        toml::Value::Array(values) => {
            let values = values.into_iter().map(|value| convert(path, value));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => Value::Object(convert_table(path, table)?),
    })
}

fn text(path: &str, text: &str) -> Result<(), SettingsProblem> {
    match text.chars().any(char::is_control) {
        true => Err(SettingsProblem::ControlCharacter(path.replace(char::is_control, "?"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Value, SettingsProblem> {
        validate(toml::from_str(text).unwrap()).map(Value::Object)
    }

    #[test]
    fn settings_are_the_same_in_json() {
        let text = "a = [\"10.0.0.0/24\", 2]\nb = 0.5\n[c]\nd = true\ne = \"x. 60 IN TXT \\\"y\\\"\"";
        let expected =
            json!({ "a": ["10.0.0.0/24", 2], "b": 0.5, "c": { "d": true, "e": "x. 60 IN TXT \"y\"" } });
        assert_eq!(read(text).unwrap(), expected);
    }

    /// Catches settings that write a line of their own into a service's configuration.
    #[test]
    fn what_no_template_is_given_is_named() {
        let cases = [
            ("[a]\nb = [\"x\\ninclude: y\"]", SettingsProblem::ControlCharacter("a.b".to_owned())),
            ("\"a\\nb\" = 1", SettingsProblem::ControlCharacter("a?b".to_owned())),
            ("a = 1979-05-27", SettingsProblem::Date("a".to_owned())),
            ("a = nan", SettingsProblem::NotANumber("a".to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap_err(), expected, "{text}");
        }
        let large = format!("a = \"{}\"", "x".repeat(SETTINGS_BYTES_MAX));
        assert!(matches!(read(&large), Err(SettingsProblem::Large(_))));
    }
}
