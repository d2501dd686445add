//! The file as a whole: what is right, and each mistake with its line and key.

use super::*;

const GOOD: &str = r#"
name = "demo"
state = "state"
images = "images"
image = "mail"
image_keys = ["key.pub"]
[[networks]]
interface = "rack0"
address = "10.77.0.1/24"
dhcp = "own"
pool = "10.77.0.100-10.77.0.199"
gateway = "10.77.0.1"
[[networks.reservations]]
mac = "52:54:00:00:00:01"
address = "10.77.0.11"
[[networks]]
interface = "rack1"
address = "10.78.0.1/24"
dhcp = "proxy"
[enrolment]
serials = ["LAB-1"]
[operators]
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann"]
"#;

fn read(text: &str) -> Result<SiteDefinition, DefinitionError> {
    let folder = tempfile::tempdir().unwrap();
    let public = minisign::KeyPair::generate_unencrypted_keypair().unwrap().pk.to_box().unwrap();
    fs::write(&folder.path().join("key.pub"), public.into_string().as_bytes()).unwrap();
    let path = folder.path().join("site.toml");
    fs::write(&path, text.as_bytes()).unwrap();
    SiteDefinition::read(&path)
}

#[test]
fn a_good_file_is_read_with_its_defaults() {
    let site = read(GOOD).unwrap();
    assert_eq!((site.http_port, site.node_api_port, site.networks.len()), (80, 8443, 2));
    assert!(site.state.is_absolute() && site.state.ends_with("state"));
    assert_eq!((site.disk, site.foreign_data), (DiskRule::Only, ForeignData::Ask));
    assert!(site.operator_keys[0].as_str().ends_with(" ann"));
}

#[test]
fn each_mistake_is_told_with_its_line_and_key() {
    let cases = [
        ("state = \"state\"", "stat = \"state\"", 3, "stat"),
        ("name = \"demo\"", "name = \"De mo\"", 2, "`name`: `De mo` is not a name"),
        ("image = \"mail\"", "image = \"../x\"", 5, "`image`: `../x`"),
        ("[\"key.pub\"]", "[]", 6, "`image_keys` names no key"),
        ("[\"key.pub\"]", "[\"other.pub\"]", 6, "`image_keys`: cannot read other.pub"),
        ("[\"key.pub\"]", "[\"site.toml\"]", 6, "`image_keys`: cannot use site.toml"),
        ("interface = \"rack0\"", "interface = \"../../rack0\"", 8, "`interface`: "),
        ("10.77.0.1/24\"", "10.77.0.1\"", 9, "`address`: "),
        ("10.77.0.1/24\"", "10.77.0.0/24\"", 9, "`address`"),
        ("dhcp = \"own\"", "dhcp = \"maybe\"", 10, "maybe"),
        ("pool = \"10.77.0.100-", "pool = \"10.76.0.100-", 11, "`pool`"),
        ("100-10.77.0.199", "199-10.77.0.100", 11, "`pool`: "),
        ("pool = \"10.77.0.100-", "pool = \"10.77.0.1-", 11, "`pool` contains 10.77.0.1"),
        ("gateway = \"10.77.0.1\"", "gateway = \"10.9.0.1\"", 12, "`gateway`"),
        ("\"10.77.0.11\"", "\"10.77.1.11\"", 15, "`address`"),
        ("\"10.77.0.11\"", "\"10.77.0.1\"", 15, "`address`"),
        ("10.78.0.1/24", "10.77.0.129/25", 18, "overlaps"),
        ("\"rack1\"", "\"rack0\"", 17, "`interface`"),
        ("dhcp = \"proxy\"", "dhcp = \"proxy\"\npool = \"10.78.0.2-10.78.0.3\"", 20, "`pool`"),
        ("pool = \"10.77.0.100-10.77.0.199\"", "", 10, "`pool`"),
        ("[\"LAB-1\"]", "[\"\"]", 21, "`serials` has an empty serial"),
        ("[\"LAB-1\"]", "[\"A\", \"A\"]", 21, "`serials` lists `A` twice"),
        ("ssh-ed25519 ", "ssh-dss ", 23, "keys of the kind `ssh-dss` are not taken"),
        ("ssh-ed25519 ", "command=\\\"sh\\\" ssh-ed25519 ", 23, "`ssh_keys`: keys of the kind"),
        (
            " ann\"",
            " ann\", \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f bob\"",
            23,
            "`ssh_keys` lists this key twice",
        ),
        (
            "[enrolment]",
            "[operator_api]\nlisten = \"10.77.0.1:8443\"\n[enrolment]",
            21,
            "`listen` is 10.77.0.1:8443",
        ),
        (
            "[enrolment]",
            "[operator_api]\nlisten = \"0.0.0.0:9443\"\n[enrolment]",
            21,
            "`listen`: `0.0.0.0:9443`",
        ),
        ("[enrolment]", "[operator_api]\nlisten = \"10.77.0.1:0\"\n[enrolment]", 21, "`listen`: "),
        (
            "[enrolment]",
            "[operator_api]\nlisten = \"10.9.0.1:1\"\nnames = [\"a b\"]\n[enrolment]",
            22,
            "`names`: `a b`",
        ),
        ("[enrolment]", "[operator_api]\nnames = []\n[enrolment]", 20, "listen"),
        ("[enrolment]", "[http]\nport = 0\n[enrolment]", 21, "`port`"),
        ("[enrolment]", "[install]\ndisk = \"serial:\"\n[enrolment]", 21, "`disk`: "),
    ];
    for (from, to, line, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = read(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(&format!("site.toml:{line}: ")), "{to}: {error}");
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn each_mistake_about_a_relayed_network_is_told_with_its_line_and_key() {
    const RELAYED: &str = "[[relayed]]\ninterface = \"rack0\"\nnetwork = \"10.88.0.0/24\"\n\
        pool = \"10.88.0.100-10.88.0.199\"\ngateway = \"10.88.0.1\"\n\
        [[relayed.reservations]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.88.0.11\"\n";
    let with = |relayed: &str| read(&format!("{GOOD}{relayed}"));
    let [good] = &with(RELAYED).unwrap().relayed[..] else { panic!("one network") };
    assert_eq!((good.gateway.to_string(), good.lease.as_secs()), ("10.88.0.1".to_owned(), 3600));
    assert_eq!(with(&RELAYED.replace("rack0", "rack1")).unwrap().relayed.len(), 1, "beside proxyDHCP");
    let first = GOOD.lines().count() + 1;
    let cases = [
        ("\"rack0\"", "\"rack7\"", 1, "`interface` rack7 is no interface of `networks`"),
        ("10.88.0.0/24", "10.88.0.1/24", 2, "`network` 10.88.0.1 is not the first address of a network"),
        ("10.88.0.0/24", "10.77.0.128/25", 2, "`network` 10.77.0.128/25 overlaps with the network of rack0"),
        ("10.88.0.100-", "10.87.0.100-", 3, "`pool` reaches out of the network"),
        ("\"10.88.0.1\"", "\"10.77.0.1\"", 4, "`gateway` 10.77.0.1 is not in the network"),
        ("\"10.88.0.11\"", "\"10.88.0.1\"", 7, "`address` 10.88.0.1 is the gateway's"),
        ("\"10.88.0.11\"", "\"10.89.0.1\"", 7, "`address` 10.89.0.1 is not in the network"),
        ("gateway = \"10.88.0.1\"", "lease_s = 5", 0, "`gateway`"),
    ];
    for (from, to, line, expected) in cases {
        assert!(RELAYED.contains(from), "{from}");
        let error = with(&RELAYED.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(&format!("site.toml:{}: ", first + line)), "{to}: {error}");
        assert!(error.contains(expected), "{to}: {error}");
    }
    let twice = with(&format!("{RELAYED}{RELAYED}")).unwrap_err().to_string();
    assert!(twice.contains("overlaps with the network of 10.88.0.0"), "{twice}");
}

#[test]
fn two_reservations_cannot_share_a_card_or_an_address() {
    let more = |mac, address| {
        let with = format!(
            "[[networks.reservations]]\nmac = \"{mac}\"\naddress = \"{address}\"\n[[networks]]\ninterface = \"rack1\""
        );
        read(&GOOD.replacen("[[networks]]\ninterface = \"rack1\"", &with, 1))
    };
    let error = more("52:54:00:00:00:01", "10.77.0.12").unwrap_err().to_string();
    assert!(error.contains("site.toml:17: `mac` 52:54:00:00:00:01 has a reservation already"), "{error}");
    let error = more("52:54:00:00:00:02", "10.77.0.11").unwrap_err().to_string();
    assert!(error.contains("site.toml:18: `address` 10.77.0.11 is reserved twice"), "{error}");
    assert!(more("52:54:00:00:00:02", "10.77.0.12").is_ok());
}

/// What follows `GOOD`.
const IDENTITIES: &str = r#"[rack]
allowance = 3
[bmc]
user = "understudy"
password_file = "bmc.password"
[[bmc.nodes]]
serial = "LAB-1"
url = "http://10.77.0.201:8000"
[[bmc.nodes]]
serial = "LAB-2"
url = "http://10.77.0.202:8000"
[[clusters]]
name = "dns"
role = "dns"
[clusters.settings]
networks = ["10.77.0.0/24"]
[[clusters.identities]]
name = "dns-2"
address = "10.77.0.22"
[[clusters.identities]]
name = "dns-1"
host_name = "ns.demo.test"
address = "10.77.0.21"
[[clusters]]
name = "mail"
role = "inbound"
exclusivity = "strict"
[[clusters.identities]]
name = "mx-1"
address = "10.78.0.21"
"#;

fn with_identities() -> String {
    format!("{GOOD}{IDENTITIES}")
}

#[test]
fn identities_have_their_defaults_and_stand_in_the_order_of_their_names() {
    let site = read(&with_identities()).unwrap();
    assert_eq!(
        (site.rack.name.as_str(), site.rack.allowance, site.rack.agent),
        ("demo", 3, AgentPlace::Serve)
    );
    assert_eq!(site.rack.allowance_window.as_secs(), 600);
    let bmc = site.bmc.unwrap();
    assert!(bmc.password_file.is_absolute() && bmc.nodes["LAB-2"].url.to_string().ends_with("202:8000"));
    let dns = &site.clusters[0];
    let told: Vec<_> =
        dns.members().into_iter().map(|member| (member.identity.to_string(), member.host_name)).collect();
    assert_eq!(told, [("dns-1".into(), "ns.demo.test".into()), ("dns-2".into(), "dns-2.demo".to_owned())]);
    assert_eq!(
        (dns.identities[0].address.prefix, &dns.settings["networks"][0]),
        (24, &"10.77.0.0/24".into())
    );
    assert_eq!(site.clusters[1].exclusivity, Some(understudy_core::model::role::Exclusivity::Strict));
    assert!(read(GOOD).unwrap().clusters.is_empty());
}

/// Catches a file that gives one address, name or BMC to two.
#[test]
fn each_mistake_in_an_identity_is_told_with_its_line_and_key() {
    let cases = [
        ("allowance = 3", "allowance = 0", 2, "`allowance` is 0"),
        ("allowance = 3", "allowance_window_s = 5", 2, "`allowance_window_s` is 5 s"),
        ("allowance = 3", "agent = \"maybe\"", 2, "maybe"),
        ("allowance = 3", "alowance = 3", 2, "alowance"),
        ("\"understudy\"", "\"a:b\"", 4, "`user`: "),
        ("serial = \"LAB-2\"", "serial = \"LAB-1\"", 10, "`serial` LAB-1 has a BMC already"),
        ("serial = \"LAB-2\"", "serial = \" \"", 10, "`serial` is empty"),
        ("10.77.0.202:8000", "10.77.0.201:8000", 11, "`url` http://10.77.0.201:8000 is the BMC of LAB-1"),
        ("http://10.77.0.202", "http://u:p@10.77.0.202", 11, "`url`: "),
        ("name = \"dns\"", "name = \"D\"", 13, "`name`: `D`"),
        ("role = \"dns\"", "roles = \"dns\"", 14, "roles"),
        ("[\"10.77.0.0/24\"]", "\"a\\nb\"", 15, "`settings` of cluster dns cannot be given to templates"),
        ("\"10.77.0.22\"", "\"10.79.0.22\"", 19, "`address` 10.79.0.22 is not"),
        ("\"10.77.0.22\"", "\"10.77.0.255\"", 19, "`address` 10.77.0.255 is not"),
        ("\"10.77.0.22\"", "\"10.78.0.1\"", 19, "`address` 10.78.0.1 is the site's own"),
        ("\"10.77.0.22\"", "\"10.77.0.150\"", 19, "`address` 10.77.0.150 is in the pool"),
        ("\"10.77.0.22\"", "\"10.77.0.11\"", 19, "reserved for the card 52:54:00:00:00:01"),
        ("\"10.77.0.21\"", "\"10.77.0.22\"", 23, "`address` 10.77.0.22 is the address of identity dns-2"),
        ("name = \"dns-1\"", "name = \"dns-2\"", 21, "`name` dns-2 is an identity of cluster dns already"),
        ("ns.demo.test", "DNS-2.demo", 22, "`host_name` DNS-2.demo is the host name of another"),
        ("ns.demo.test", "a b", 22, "`host_name`: `a b`"),
        ("name = \"mail\"", "name = \"dns\"", 25, "`name` dns is a cluster already"),
        ("\"strict\"", "\"loose\"", 27, "loose"),
        ("name = \"mx-1\"", "name = \"dns-1\"", 29, "`name` dns-1 is an identity of cluster dns already"),
        (
            "[[clusters.identities]]\nname = \"mx-1\"\naddress = \"10.78.0.21\"\n",
            "",
            25,
            "`identities` of cluster mail",
        ),
    ];
    let before = GOOD.lines().count();
    for (from, to, line, expected) in cases {
        assert!(IDENTITIES.contains(from), "{from}");
        let error = read(&format!("{GOOD}{}", IDENTITIES.replacen(from, to, 1))).unwrap_err().to_string();
        assert!(error.contains(&format!("site.toml:{}: ", before + line)), "{to}: {error}");
        assert!(error.contains(expected), "{to}: {error}");
    }
    let gateway = GOOD.replace("gateway = \"10.77.0.1\"", "gateway = \"10.77.0.22\"");
    let error = read(&format!("{gateway}{IDENTITIES}")).unwrap_err().to_string();
    assert!(error.contains("`address` 10.77.0.22 is the gateway"), "{error}");
}
