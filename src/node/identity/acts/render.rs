//! A role's configuration: the templates of its services, rendered for one identity under `/run/understudy`.
//!
//! Strict: a variable that is not there and a setting that nobody declared are errors. All files of a role are
//! rendered before the first is written.

use super::secret::{IdentitySecret, SecretError};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tera::{Context, Tera};
use understudy_core::base::fs::{self, FsError};
use understudy_core::formats::service::{
    RENDERED_PATH, SERVICES_PATH, Service, SettingError, SettingKind, SettingName, TEMPLATES_PATH,
    check_settings,
};
use understudy_core::formats::template_context::TemplateContext;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::Bundle;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("this node's image has no role `{0}`")]
    NoRole(Name),
    #[error(transparent)]
    File(#[from] FsError),
    #[error("{} is not readable", path.display())]
    Declaration {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("the settings of cluster `{cluster}` do not fit")]
    Settings {
        cluster: Name,
        #[source]
        source: SettingError,
    },
    #[error("cannot render template `{template}`")]
    Template {
        template: String,
        #[source]
        source: Box<tera::Error>,
    },
    #[error("{} is not below {RENDERED_PATH}", .0.display())]
    Target(PathBuf),
    #[error("cannot use the identity's secret")]
    Secret(#[from] SecretError),
}

impl RenderError {
    /// Whether the same again ends the same.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

/// Where declarations and templates are, and where the results go.
#[derive(Clone, Debug)]
pub struct Templates {
    pub declarations: PathBuf,
    pub templates: PathBuf,
    pub rendered: PathBuf,
}

impl Templates {
    /// Of the image that runs.
    pub fn of_image() -> Self {
        Self {
            declarations: SERVICES_PATH.into(),
            templates: TEMPLATES_PATH.into(),
            rendered: RENDERED_PATH.into(),
        }
    }

    /// The declaration of a service of the image.
    pub fn service(&self, name: &Name) -> Result<Service, RenderError> {
        let path = self.declarations.join(format!("{name}.toml"));
        let text = fs::read_text(&path)?;
        Service::parse(&text).map_err(|source| RenderError::Declaration { path, source: Box::new(source) })
    }

    /// Renders all files of these services.
    pub fn render(
        &self,
        services: &[Service],
        bundle: &Bundle,
        secret: IdentitySecret,
    ) -> Result<(), RenderError> {
        let declared: BTreeMap<SettingName, SettingKind> =
            services.iter().flat_map(|service| service.settings.clone()).collect();
        let settings = check_settings(&declared, &bundle.settings)
            .map_err(|source| RenderError::Settings { cluster: bundle.cluster.clone(), source })?;
        let secrets = secrets(&declared, &settings);
        let context = TemplateContext::new(bundle, settings);
        let secret = Arc::new(secret);
        let mut files = Vec::new();
        for (template, target) in services.iter().flat_map(|service| &service.templates) {
            let text = fs::read_text(&self.templates.join(template))?;
            files.push((self.target(target)?, render_one(template, &text, &context, &secret)?));
        }
        for (path, Rendered { text, is_secret }) in &files {
            fs::create_dir_all(path.parent().unwrap_or(&self.rendered))?;
            match *is_secret || secrets.iter().any(|secret| text.contains(secret)) {
                true => fs::write_secret_atomic(path, text.as_bytes())?,
                false => fs::write_atomic(path, text.as_bytes())?,
            }
        }
        Ok(())
    }

    /// Removes all files of these services.
    pub fn remove(&self, services: &[Service]) -> Result<(), RenderError> {
        for target in services.iter().flat_map(|service| service.templates.values()) {
            match fs::remove_file(&self.target(target)?) {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn target(&self, path: &Path) -> Result<PathBuf, RenderError> {
        let below = path.strip_prefix(RENDERED_PATH).map_err(|_| RenderError::Target(path.to_owned()))?;
        Ok(self.rendered.join(below))
    }
}

/// What settings say that nobody else may read.
fn secrets(declared: &BTreeMap<SettingName, SettingKind>, settings: &Map<String, Value>) -> Vec<String> {
    let names = declared.iter().filter(|(_, kind)| **kind == SettingKind::Secret).map(|(name, _)| name);
    let texts = names.filter_map(|name| settings.get(name.as_str())?.as_str());
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

struct Rendered {
    text: String,
    /// Whether something derived from the identity's secret is in it.
    is_secret: bool,
}

/// Beside its variables a template has `secret(name="...")`, hexadecimal digits of its own for each name.
fn render_one(
    template: &str,
    text: &str,
    context: &TemplateContext,
    secret: &Arc<IdentitySecret>,
) -> Result<Rendered, RenderError> {
    let fail = |source| RenderError::Template { template: template.to_owned(), source: Box::new(source) };
    let (secret, is_used) = (secret.clone(), Arc::new(AtomicBool::new(false)));
    let mark = is_used.clone();
    let mut tera = Tera::default();
    tera.autoescape_on(Vec::new());
    tera.register_function("secret", move |arguments: &HashMap<String, Value>| {
        let name = arguments.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| tera::Error::msg("secret() needs a name"))?;
        mark.store(true, Ordering::Relaxed);
        Ok(Value::String(secret.derive(name)))
    });
    tera.add_raw_template(template, text).map_err(fail)?;
    let text =
        Context::from_serialize(context).and_then(|context| tera.render(template, &context)).map_err(fail)?;
    Ok(Rendered { text, is_secret: is_used.load(Ordering::Relaxed) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;
    use understudy_core::base::causes::with_causes;
    use understudy_core::model::epoch::Epoch;
    use understudy_core::protocol::bundle::SealedSecret;

    const DECLARATION: &str = "name = \"one\"\ndescription = \"x\"\nunits = []\n\
        [settings]\nnetworks = \"networks\"\npassword = \"secret\"\n\
        [templates]\n\"one.tera\" = \"/run/understudy/one/one.conf\"\n";

    fn bundle(settings: Value) -> Bundle {
        let name = |text: &str| text.parse().unwrap();
        Bundle {
            identity: name("one-1"),
            epoch: Epoch::new(3),
            role: name("one"),
            cluster: name("ones"),
            host_name: "one-1.test".into(),
            address: None,
            members: Vec::new(),
            settings: settings.as_object().unwrap().clone(),
            volume: None,
            secret: SealedSecret { encapsulated_key: Vec::new(), ciphertext: Vec::new() },
        }
    }

    fn render(template: &str, mut settings: Value) -> Result<(String, u32), String> {
        settings.as_object_mut().unwrap().entry("password").or_insert("swordfish".into());
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(&at("one.toml"), DECLARATION.as_bytes()).unwrap();
        fs::write(&at("one.tera"), template.as_bytes()).unwrap();
        let templates = Templates {
            declarations: folder.path().into(),
            templates: folder.path().into(),
            rendered: at("run"),
        };
        let services = [templates.service(&"one".parse().unwrap()).unwrap()];
        let rendered = templates.render(&services, &bundle(settings), IdentitySecret::of_bytes(&[7; 32]));
        rendered.map_err(|error| with_causes(&error))?;
        let path = at("run/one/one.conf");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let text = fs::read_text(&path).unwrap();
        templates.remove(&services).unwrap();
        templates.remove(&services).unwrap();
        assert!(!path.exists());
        Ok((text, mode))
    }

    #[test]
    fn a_template_sees_its_identity_and_settings() {
        let text = "{{ identity }} {{ epoch }} {% for net in settings.networks %}<{{ net }}>{% endfor %}";
        let (text, mode) = render(text, json!({ "networks": ["10.0.0.0/8", "::/0"] })).unwrap();
        assert_eq!(text, "one-1 3 <10.0.0.0/8><::/0>");
        assert_eq!(mode & 0o600, 0o600);
    }

    /// Catches the mutant that writes a file with a secret as any other.
    #[test]
    fn a_file_with_a_secret_is_its_owners_alone() {
        let (text, mode) = render("{{ secret(name='a') }}{{ secret(name='b') }}", json!({})).unwrap();
        assert_eq!((text.len(), mode), (128, 0o600));
        assert_ne!(text[..64], text[64..]);
        let (text, mode) = render("password = {{ settings.password }}", json!({})).unwrap();
        assert_eq!((text.as_str(), mode), ("password = swordfish", 0o600));
        let error = render("", json!({ "password": "sword\nfish" })).unwrap_err();
        assert!(error.contains("`password` cannot be what it is") && !error.contains("fish"), "{error}");
    }

    #[test]
    fn what_is_not_there_is_named_with_its_template() {
        for (template, settings, expected) in [
            ("{{ adress }}", json!({}), vec!["`one.tera`", "Variable `adress` not found"]),
            ("{{ settings.netwroks }}", json!({}), vec!["`one.tera`", "`settings.netwroks`"]),
            ("{{ secret() }}", json!({}), vec!["`one.tera`", "needs a name"]),
            ("", json!({ "netwroks": [] }), vec!["cluster `ones`", "`netwroks` is not known"]),
            ("", json!({ "networks": ["10.0.0.0/8\n"] }), vec!["`networks` cannot be"]),
        ] {
            let error = render(template, settings).unwrap_err();
            assert!(expected.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
