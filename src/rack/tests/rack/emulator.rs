//! The Redfish client against an emulator that others wrote: sushy-tools with its fake driver.
//!
//! Its fake driver takes from one to eleven seconds for every change of power. It has no way to lie, to hang or to be
//! another machine: those are the lab's BMCs'.

use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use understudy_core::base::fs;
use understudy_core::base::process::{Process, Running};
use understudy_rack::redfish::{Login, Patience, Power, Redfish, Reset, Word};

const PACKAGE: &str = "sushy-tools==2.2.0";
const UUID: &str = "27946b59-9e44-4fa7-8e91-f3527a1ef094";
/// bcrypt of `lab`, the only form that it takes.
const PASSWORDS: &str = "understudy:$2b$04$n62bph9Admjv11aIPiR2neIsM0Jt2eR9PlXg71c80HUsP3jOLVUkm\n";
const START_MAX: Duration = Duration::from_secs(60);
/// The slowest change of power, and a busy computer.
const CHANGE_MAX: Duration = Duration::from_secs(20);

/// A folder with the emulator in it, made once beside the build by the ordinary pip.
fn installed() -> PathBuf {
    let is_checkout = |folder: &&Path| folder.join("tests/peers.txt").is_file();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(is_checkout).unwrap();
    let peers = tree.join("target/peers");
    let folder = peers.join("sushy-tools");
    if folder.is_dir() {
        return folder;
    }
    fs::create_dir_all(&peers).unwrap();
    let staged = tempfile::tempdir_in(&peers).unwrap();
    let made = staged.path().join("made");
    Process::new("python3").args(["-m", "venv"]).arg(&made).run().unwrap();
    Process::new(made.join("bin/python")).args(["-m", "pip", "install", "-q", PACKAGE]).run().unwrap();
    // Another test may have been faster; its copy is as good.
    let _ = std::fs::rename(&made, &folder);
    folder
}

struct Emulator {
    _running: Running,
    _folder: tempfile::TempDir,
    port: u16,
}

async fn emulator() -> Emulator {
    let folder = tempfile::tempdir().unwrap();
    let (config, passwords) = (folder.path().join("config.py"), folder.path().join("passwords"));
    fs::write(&passwords, PASSWORDS.as_bytes()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = format!(
        "SUSHY_EMULATOR_AUTH_FILE = {passwords:?}\nSUSHY_EMULATOR_STATE_DIR = {:?}\n\
         SUSHY_EMULATOR_FAKE_SYSTEMS = [{{'uuid': '{UUID}', 'name': 'fake', 'power_state': 'On', 'nics': []}}]\n",
        folder.path()
    );
    fs::write(&config, text.as_bytes()).unwrap();
    let home = installed();
    // Its scripts name the folder in which they were made, so the interpreter is named here.
    let running = Process::new(home.join("bin/python"))
        .arg(home.join("bin/sushy-emulator"))
        .args(["--fake", "-i", "127.0.0.1", "-p", &port.to_string(), "--config"])
        .arg(&config)
        .spawn()
        .unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(began.elapsed() < START_MAX, "the emulator does not listen");
        sleep(Duration::from_millis(100)).await;
    }
    Emulator { _running: running, _folder: folder, port }
}

fn client(emulator: &Emulator, password: &str, uuid: &str) -> Redfish {
    let url = format!("http://127.0.0.1:{}", emulator.port).parse().unwrap();
    let login = Login { user: "understudy".to_owned(), password: password.to_owned() };
    let patience = Patience { connect_max: Duration::from_secs(5), answer_max: Duration::from_secs(10) };
    Redfish::new(url, None, login, patience, Some(uuid.to_owned())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_of_sushy_tools_is_known_switched_off_and_read_back() {
    let emulator = emulator().await;
    // As the board's own firmware may print it.
    let bmc = client(&emulator, "lab", "596b9427-449e-a74f-8e91-f3527a1ef094");
    let seen = bmc.look().await.unwrap();
    assert_eq!((seen.power, bmc.is_ours(&seen)), (Power::On, true));
    bmc.order(Reset::ForceOff).await.unwrap();
    // "Accepted" is no proof: it is still on.
    let off = bmc.off_by(Instant::now() + CHANGE_MAX, Duration::from_millis(200)).await.unwrap();
    assert_eq!(off.power, Power::Off);
    bmc.order(Reset::On).await.unwrap();
    let began = Instant::now();
    while bmc.look().await.unwrap().power != Power::On {
        assert!(began.elapsed() < CHANGE_MAX);
        sleep(Duration::from_millis(200)).await;
    }

    let stranger = client(&emulator, "guess", UUID).look().await.unwrap_err();
    assert_eq!(stranger.word(), Word::Refused, "{stranger}");
    let other = client(&emulator, "lab", "00112233-4455-6677-8899-aabbccddeeff");
    assert_eq!(other.order(Reset::ForceOff).await.unwrap_err().word(), Word::OtherMachine);
    assert_eq!(bmc.look().await.unwrap().power, Power::On);
}
