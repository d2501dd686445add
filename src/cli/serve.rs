//! `understudy serve`: the controller of a site, until a signal ends it.

use super::failure::Failure;
use super::{Outcome, open_files, operator, talk};
use clap::Args;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use understudy_core::base::sha256::Sha256;
use understudy_site::OpenError;
use understudy_site::rack::RackPartError;
use understudy_site::state::StateError;
use understudy_site::{
    Config, KeyFileError, LOADERS_PACKAGE, Listen, NetbootError, SecretsError, Site, SiteError,
};

#[derive(Args)]
pub struct Arguments {
    /// The site file
    #[arg(long, value_name = "FILE", default_value = "site.toml")]
    site: PathBuf,
    /// Log one JSON object a line
    #[arg(long)]
    log_json: bool,
    /// Print the description of the operator API (OpenAPI), and end
    #[arg(long)]
    openapi: bool,
}

/// SIGTERM and SIGINT end it in order, SIGHUP makes it look at the image shelf.
pub fn run(arguments: &Arguments) -> Outcome {
    if arguments.openapi {
        talk::json(&understudy_site::operator_api::openapi());
        return Ok(ExitCode::SUCCESS);
    }
    let definition = operator::read_site(&arguments.site)?;
    log(arguments.log_json);
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::operation)?;
    runtime.block_on(async {
        let signals = Signals::take().map_err(Failure::operation)?;
        let config = Config { definition, listen: Listen::Networks };
        let site = understudy_site::build(config).await.map_err(failure)?;
        tell(&site);
        open_files::raise(site.open_files_max());
        let token = CancellationToken::new();
        let listening = tokio::spawn(signals.follow(token.clone(), site.rescan()));
        let ended = site.run(token.clone()).await.map_err(failure);
        token.cancel();
        listening.await.map_err(Failure::operation)?;
        ended.map(|()| ExitCode::SUCCESS)
    })
}

fn tell(site: &Site) {
    let addresses: Vec<String> = site.node_addresses().iter().map(ToString::to_string).collect();
    let (nodes, socket) = (addresses.join(", "), site.socket());
    talk::talk(&format!("serving nodes on {nodes}, operators on {}", socket.display()));
    if let Some(address) = site.operator_address() {
        let digest = Sha256::of(site.ca());
        talk::talk(&format!("serving operators on https://{address}, --ca-sha256 {digest}"));
    }
}

fn log(as_json: bool) {
    let lines = tracing_subscriber::fmt().with_writer(io::stderr).with_target(false);
    match as_json {
        true => lines.json().init(),
        false => {
            let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            lines.with_ansi(io::stderr().is_terminal() && !is_plain).init();
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn follow(mut self, token: CancellationToken, rescan: std::sync::Arc<tokio::sync::Notify>) {
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = self.terminate.recv() => token.cancel(),
                _ = self.interrupt.recv() => token.cancel(),
                _ = self.hang_up.recv() => rescan.notify_one(),
            }
        }
    }
}

fn is_disk_full(error: &SiteError) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    matches!(error, SiteError::Ledger(OpenError::DiskFull { .. }))
        || causes.any(|cause| {
            let io = cause.downcast_ref::<io::Error>();
            io.is_some_and(|io| io.kind() == io::ErrorKind::StorageFull)
        })
}

/// Adds the next step.
fn failure(error: SiteError) -> Failure {
    let hint = match &error {
        SiteError::State(StateError::InUse(_)) => {
            "understudy nodes shows what that site does; end it first, or name another `state` folder".to_owned()
        }
        _ if is_disk_full(&error) => {
            "make room on the disk of the `state` folder of the site file, then start it again".to_owned()
        }
        SiteError::State(_) => "run it as a user that may write the `state` folder of the site file".to_owned(),
        SiteError::Secrets(SecretsError::KeyFile(error)) => match error {
            KeyFileError::Exposed { path, .. } => format!("chmod 600 {}", path.display()),
            KeyFileError::Missing(_) | KeyFileError::Wrong(_) | KeyFileError::Format(_) => {
                "put a backup of secrets.key in its place: the secrets of all identities are encrypted with it".to_owned()
            }
            KeyFileError::File(_) | KeyFileError::Random => {
                "run it as a user that may write the `state` folder of the site file".to_owned()
            }
        },
        SiteError::Rack(RackPartError::Password(_) | RackPartError::PasswordEmpty(_)) => {
            "write the password of the BMCs into the file that `password_file` of [bmc] names, and nothing else"
                .to_owned()
        }
        SiteError::Rack(RackPartError::PasswordExposed { path, .. }) => {
            format!("chmod o= {}", path.display())
        }
        SiteError::Ledger(_) => {
            "move the ledger away, or put a backup in its place; without one every node must be approved again"
                .to_owned()
        }
        SiteError::Listen { address, source } | SiteError::ListenForOperators { address, source }
            if source.kind() == io::ErrorKind::AddrNotAvailable =>
        {
            format!("give an interface of this machine the address {}: ip address add", address.ip())
        }
        SiteError::Listen { source, .. } | SiteError::ListenForOperators { source, .. }
            if source.kind() == io::ErrorKind::AddrInUse =>
        {
            "another program listens there: ss -tlnp shows which".to_owned()
        }
        SiteError::Netboot(NetbootError::Loader { .. }) => {
            format!("sudo apt-get install --no-install-recommends {LOADERS_PACKAGE}")
        }
        SiteError::Netboot(_) => {
            "DHCP, TFTP and HTTP on port 80 need root, or CAP_NET_BIND_SERVICE and CAP_NET_RAW; ip address \
             shows which interface has which address"
                .to_owned()
        }
        SiteError::Listen { .. } | SiteError::ListenForOperators { .. } => "ports below 1024 need root, or CAP_NET_BIND_SERVICE".to_owned(),
        _ => return Failure::operation(error),
    };
    Failure::operation(error).hint(hint)
}
