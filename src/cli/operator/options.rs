//! Options that verbs about a site share: which site, and who asks.

use super::remote::{Remote, SiteUrl, Trust};
use crate::cli::failure::Failure;
use clap::Args;
use std::path::PathBuf;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;

/// The token; in the environment, as arguments are seen by every user of a machine.
const TOKEN_VARIABLE: &str = "UNDERSTUDY_TOKEN";

/// Options that say which site is meant.
#[derive(Default, Args)]
pub struct SiteOptions {
    /// The site file, whose `state` folder has the socket [default: site.toml]
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// The operator's socket itself
    #[arg(long, value_name = "PATH", conflicts_with = "site")]
    pub socket: Option<PathBuf>,
    /// A site over TLS, such as https://10.12.0.1:9443; needs a token in UNDERSTUDY_TOKEN, or --token-file
    #[arg(long, value_name = "URL", conflicts_with_all = ["site", "socket"])]
    pub url: Option<SiteUrl>,
    /// Trust this CA to say who the site is: `ca.crt` of its `state` folder
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// Trust the CA with this SHA-256, which `understudy serve` shows when it starts
    #[arg(long, value_name = "DIGEST", requires = "url", conflicts_with = "ca")]
    ca_sha256: Option<Sha256>,
    /// A file with the token
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
}

/// Options of verbs that show a list.
#[derive(Args)]
pub struct ListOptions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Go on, and print whatever changes
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    pub site: SiteOptions,
}

/// Options of verbs that change one node.
#[derive(Args)]
pub struct NodeOptions {
    /// The node: the beginning of its id or short code, or its serial
    pub node: String,
    /// Print the node as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub site: SiteOptions,
}

impl SiteOptions {
    /// The site with this file.
    pub fn of(site: PathBuf) -> Self {
        Self { site: Some(site), ..Self::default() }
    }

    /// The site that is reached over TLS, if that is what was asked for.
    pub fn remote(&self) -> Result<Option<Remote>, Failure> {
        let Some(url) = &self.url else { return Ok(None) };
        let trust = match (&self.ca, self.ca_sha256) {
            (Some(file), _) => Trust::certificates(file)?,
            (None, Some(digest)) => Trust::Digest(digest),
            (None, None) => {
                let error = anyhow::anyhow!("nothing says which CA vouches for {url}");
                return Err(Failure::input(error).hint(
                    "add --ca FILE with the site's ca.crt, or --ca-sha256 with what `understudy serve` shows",
                ));
            }
        };
        Ok(Some(Remote::new(url.clone(), &trust, &self.token()?)?))
    }

    fn token(&self) -> Result<String, Failure> {
        let (text, place) = match &self.token_file {
            Some(file) => (fs::read_text(file).map_err(Failure::input)?, file.display().to_string()),
            None => (std::env::var(TOKEN_VARIABLE).unwrap_or_default(), TOKEN_VARIABLE.to_owned()),
        };
        match text.trim() {
            "" => Err(Failure::input(anyhow::anyhow!("there is no token in {place}")).hint(format!(
                "understudy token new NAME --role read, on the site's machine; then {TOKEN_VARIABLE} or --token-file"
            ))),
            token => Ok(token.to_owned()),
        }
    }
}
