//! A rack whose machines serve DNS under identities, seen as its operator and its clients see it.

use crate::command::text;
use crate::installed::installed;
use crate::rack::{LIMIT, Rack};
use serde_json::Value;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::{Duration, Instant};
use understudy_core::base::fs;

const LOOK: Duration = Duration::from_millis(200);

/// Two DNS servers, `dns-1` at 10.77.0.21 and `dns-2` at 10.77.0.22.
pub const TWO_SERVERS: &str = r#"
[[clusters]]
name = "dns"
role = "dns"
[clusters.settings]
networks = ["10.77.0.0/24"]
local_data = ['hello.demo. 5 IN TXT "there is a spare"']
[[clusters.identities]]
name = "dns-1"
address = "10.77.0.21"
[[clusters.identities]]
name = "dns-2"
address = "10.77.0.22"
"#;

/// A rack with identities.
pub struct DnsRack {
    rack: Rack,
}

impl Deref for DnsRack {
    type Target = Rack;

    fn deref(&self) -> &Rack {
        &self.rack
    }
}

impl DerefMut for DnsRack {
    fn deref_mut(&mut self) -> &mut Rack {
        &mut self.rack
    }
}

/// Who holds an identity, under which epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub serial: String,
    pub epoch: u64,
}

impl DnsRack {
    /// Five machines, and a site whose file says this as well.
    #[track_caller]
    pub fn up(name: &str, settings: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), settings.as_bytes()).unwrap();
        Self { rack: Rack::from(name, &installed(), file.path()) }
    }

    /// The same from empty disks, with an image and further arguments of `lab up`.
    #[track_caller]
    pub fn with_image(name: &str, image: &Path, key: &Path, settings: &str, more: &[&str]) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), settings.as_bytes()).unwrap();
        let more = [&["--site-settings", text(file.path())], more].concat();
        Self { rack: Rack::up(name, image, key, &more) }
    }

    /// What the site says of an identity.
    pub fn identity(&self, name: &str) -> Value {
        let ended = self.site(&["identities", "--json"]).expect_success();
        let identities: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
        identities.into_iter().find(|identity| identity["name"] == name).unwrap()
    }

    /// Waits until the identity is held at an epoch behind this one and answers under its address.
    #[track_caller]
    pub fn wait_for_holder(&self, name: &str, behind: u64) -> Held {
        let held = self.wait_for_identity(name, "held by another", |identity| {
            identity["state"] == "held" && identity["epoch"].as_u64() > Some(behind)
        });
        let answer = self.ask(&held);
        assert!(answer.contains("there is a spare"), "{answer}");
        let serial = held["serial"].as_str().unwrap().to_owned();
        Held { serial, epoch: held["epoch"].as_u64().unwrap() }
    }

    /// Waits until the site says this of the identity.
    #[track_caller]
    pub fn wait_for_identity(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let identity = self.identity(name);
            if is_so(&identity) {
                return identity;
            }
            let events = || self.site(&["events"]).stdout;
            assert!(began.elapsed() < LIMIT, "not {what} after {LIMIT:?}: {identity:#}\n{}", events());
            std::thread::sleep(LOOK);
        }
    }

    /// What a client in the rack's network is answered under the identity's address.
    #[track_caller]
    fn ask(&self, identity: &Value) -> String {
        let server = format!("@{}", identity["address"].as_str().unwrap());
        let asked = ["dig", "+short", "+tries=3", "+timeout=2", &server, "hello.demo", "TXT"];
        self.inside(&asked).expect_success().stdout
    }

    /// The kinds of all events of an identity, the oldest first.
    #[track_caller]
    pub fn kinds_of(&self, name: &str) -> Vec<String> {
        let ended = self.site(&["events", "--json"]).expect_success();
        let events = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_identity = events.filter(|event| event["identity"] == name);
        of_identity.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// The serials of all machines.
    #[track_caller]
    pub fn serials(&self) -> Vec<String> {
        let status = self.status();
        let machines = status["nodes"].as_array().unwrap();
        machines.iter().map(|machine| machine["node"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether a machine has power.
    #[track_caller]
    pub fn power(&self, serial: &str) -> String {
        let status = self.status();
        let mut machines = status["nodes"].as_array().unwrap().iter();
        let machine = machines.find(|machine| machine["node"] == serial).unwrap();
        machine["power"].as_str().unwrap().to_owned()
    }

    /// Nothing that a machine held is left there.
    #[track_caller]
    pub fn assert_has_not(&self, serial: &str, address: &str) {
        let addresses = self.ssh(serial, &["ip", "-brief", "address"]).expect_success().stdout;
        assert!(!addresses.contains(&format!("{address}/")), "what it held is over: {addresses}");
    }

    /// From its next start on, until the machine starts again, the machine's unbound runs this before itself.
    #[track_caller]
    pub fn break_service(&self, serial: &str, before: &str) {
        let folder = "/run/systemd/system/unbound.service.d";
        let script = format!(
            "mkdir -p {folder}; printf '[Service]\\nExecStartPre={before}\\n' >{folder}/broken.conf; systemctl daemon-reload"
        );
        self.ssh(serial, &[&script]).expect_success();
    }

    /// The newest holder got it after the BMC of the one before it had proven that it acts no more.
    #[track_caller]
    pub fn assert_fenced_before_it_moved(&self, name: &str) {
        self.assert_proven_before_it_moved(name, &["reads back off"]);
    }

    /// The newest holder got it after one of these proofs that the one before it acts no more.
    #[track_caller]
    pub fn assert_proven_before_it_moved(&self, name: &str, proofs: &[&str]) {
        let kinds = self.kinds_of(name);
        let place = |kind: &str| kinds.iter().rposition(|each| each == kind);
        assert!(place("fenced").is_some() && place("fenced") < place("assigned"), "{kinds:?}");
        let told = self.events("fenced");
        let about = format!("under identity {name} ");
        let last = told.iter().rfind(|text| text.contains(&about)).unwrap();
        assert!(proofs.iter().any(|proof| last.contains(proof)), "{last}");
    }
}
