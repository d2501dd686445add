//! What a site file may tell a service: typed, so that no value changes the shape of a configuration file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How many values a list may have, and how long a text may be.
const VALUES_MAX: usize = 1024;
const TEXT_BYTES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 32;

/// What a setting holds. A list that is not set is empty; anything else must be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingKind {
    /// `true` or `false`.
    Switch,
    /// A whole number, not below zero.
    Number,
    /// One line without `'`, `\`, `$` and `` ` ``.
    Text,
    Texts,
    /// A text that only its service may read: a file with it is its owner's alone, and no error shows it.
    Secret,
    /// Without a port.
    Address,
    Addresses,
    /// Such as `10.0.0.0/24`.
    Network,
    Networks,
}

/// The key of a setting, which a template uses as a variable: `a-z`, `0-9` and `_`, a letter first, 32 bytes at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SettingName(String);

/// The text cannot be a setting's key.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no name of a setting; use a-z, 0-9 and _, at most {NAME_BYTES_MAX} of them, a letter first"
)]
pub struct SettingNameError(String);

impl SettingName {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SettingName {
    type Error = SettingNameError;

    fn try_from(text: String) -> Result<Self, SettingNameError> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let fits = text.len() <= NAME_BYTES_MAX;
        if starts && fits && text.bytes().all(is_letter) {
            Ok(Self(text))
        } else {
            Err(SettingNameError(text))
        }
    }
}

impl From<SettingName> for String {
    fn from(name: SettingName) -> Self {
        name.0
    }
}

impl std::fmt::Display for SettingName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// Settings that a role's services cannot use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("setting `{0}` is not known; this role has {1}")]
    Unknown(String, String),
    #[error("setting `{0}` is missing")]
    Missing(SettingName),
    #[error("setting `{key}` cannot be {value}; it is {expected}")]
    Value { key: SettingName, value: String, expected: &'static str },
}

/// The settings as templates see them: everything that is declared, nothing else, each of its kind.
pub fn check_settings(
    declared: &BTreeMap<SettingName, SettingKind>,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, SettingError> {
    if let Some(key) = given.keys().find(|key| !declared.keys().any(|known| known.as_str() == *key)) {
        let known: Vec<&str> = declared.keys().map(SettingName::as_str).collect();
        let known = if known.is_empty() { "no settings".to_owned() } else { known.join(", ") };
        return Err(SettingError::Unknown(key.clone(), known));
    }
    let mut checked = Map::new();
    for (key, kind) in declared {
        let value = match given.get(key.as_str()) {
            Some(value) => value.clone(),
            None if kind.one().is_some() => Value::Array(Vec::new()),
            None => return Err(SettingError::Missing(key.clone())),
        };
        if !kind.allows(&value) {
            let value =
                if *kind == SettingKind::Secret { "what it is".to_owned() } else { value.to_string() };
            return Err(SettingError::Value { key: key.clone(), value, expected: kind.words() });
        }
        checked.insert(key.as_str().to_owned(), value);
    }
    Ok(checked)
}

impl SettingKind {
    /// Of a list, what each of its values is.
    fn one(self) -> Option<Self> {
        match self {
            Self::Texts => Some(Self::Text),
            Self::Addresses => Some(Self::Address),
            Self::Networks => Some(Self::Network),
            Self::Switch | Self::Number | Self::Text | Self::Secret | Self::Address | Self::Network => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::Number => "a whole number",
            Self::Text => "one line of text without ' \\ $ and `",
            Self::Secret => "one line of text, which nobody else sees, without ' \\ $ and `",
            Self::Texts => "a list of lines of text without ' \\ $ and `",
            Self::Address => "an IP address",
            Self::Addresses => "a list of IP addresses",
            Self::Network => "a network such as 10.0.0.0/24",
            Self::Networks => "a list of networks such as 10.0.0.0/24",
        }
    }

    fn allows(self, value: &Value) -> bool {
        if let Some(one) = self.one() {
            let values = value.as_array();
            return values.is_some_and(|all| all.len() <= VALUES_MAX && all.iter().all(|v| one.allows(v)));
        }
        match self {
            Self::Switch => value.is_boolean(),
            Self::Number => value.is_u64(),
            Self::Address => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            Self::Network => value.as_str().is_some_and(is_network),
            _ => value.as_str().is_some_and(is_plain_text),
        }
    }

    /// A value of this kind, to try a template with.
    pub fn sample(self) -> Value {
        match self {
            Self::Switch => true.into(),
            Self::Number => 1.into(),
            Self::Text | Self::Secret => "sample".into(),
            Self::Address => "192.0.2.1".into(),
            Self::Network => "192.0.2.0/24".into(),
            Self::Texts | Self::Addresses | Self::Networks => {
                Value::Array(self.one().map(Self::sample).into_iter().collect())
            }
        }
    }
}

fn is_network(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else { return false };
    let bits = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    is_number && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= bits)
}

fn is_plain_text(text: &str) -> bool {
    let refused = |letter: char| letter.is_control() || matches!(letter, '\'' | '\\' | '$' | '`');
    text.len() <= TEXT_BYTES_MAX && !text.contains(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: SettingKind, value: Value) -> Result<Map<String, Value>, SettingError> {
        let declared = BTreeMap::from([("key".to_owned().try_into().unwrap(), kind)]);
        let given = if value.is_null() { Map::new() } else { Map::from_iter([("key".to_owned(), value)]) };
        check_settings(&declared, &given)
    }

    /// Catches the mutant that lets a text with a line break or a quote into a configuration file.
    #[test]
    fn a_value_of_another_kind_is_refused() {
        use SettingKind::*;
        for (kind, good, bad) in [
            (Switch, json!(false), vec![json!("no"), json!(0), Value::Null]),
            (Number, json!(7), vec![json!(-1), json!(1.5), json!("7")]),
            (
                Text,
                json!("a. 60 IN TXT \"b\""),
                vec![json!("a\nb"), json!("a'b"), json!("$(b)"), json!("\u{1b}")],
            ),
            (Texts, json!(["a", "b"]), vec![json!("a"), json!(["a", "b\n"]), json!([1])]),
            (Address, json!("2001:db8::1"), vec![json!("10.0.0.1:53"), json!("host"), json!("10.0.0.1\n")]),
            (
                Networks,
                json!(["10.0.0.0/8", "::/0"]),
                vec![json!(["10.0.0.0"]), json!(["10.0.0.0/33"]), json!(["::/+1"])],
            ),
        ] {
            assert_eq!(check(kind, good.clone()).unwrap()["key"], good);
            assert!(check(kind, kind.sample()).is_ok());
            for value in bad {
                assert!(check(kind, value.clone()).is_err(), "{kind:?} {value}");
            }
        }
    }

    #[test]
    fn an_unset_list_is_empty_and_an_unknown_key_is_named() {
        assert_eq!(check(SettingKind::Addresses, Value::Null).unwrap()["key"], json!([]));
        let given = Map::from_iter([("kee".to_owned(), json!(1))]);
        let error = check_settings(
            &BTreeMap::from([("key".to_owned().try_into().unwrap(), SettingKind::Number)]),
            &given,
        );
        assert_eq!(error.unwrap_err().to_string(), "setting `kee` is not known; this role has key");
    }
}
