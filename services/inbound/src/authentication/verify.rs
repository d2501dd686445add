//! What `mail-auth` says, in the words of [`super::results`].
//!
//! Its own texts of errors name resolvers; they are not told to anybody. Entry point: [`results`].

use super::results::{Arc, Dkim, Dmarc, Identity, Outcome, Policy, Results, Spf};
use crate::dns::Dns;
use mail_auth::common::crypto::Algorithm;
use mail_auth::dkim::DkimError;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcOutput, DmarcResult, DnsError, Error,
    MessageAuthenticator, SpfOutput, SpfResult, dmarc,
};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Of one message; those behind them are not looked at (RFC 6376, section 8.4).
const SIGNATURES_MAX: usize = 10;
/// What is left of the time for DMARC, which comes last: a quarter.
const DMARC_SHARE: u32 = 4;

const NO_ANSWER: &str = "no answer from DNS";
const WEAK: &str = "rsa-sha1 proves nothing";

/// What was said before the message.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) client: IpAddr,
    /// What the client calls itself.
    pub(super) hello: String,
    /// What this server calls itself.
    pub(super) host: String,
    /// None: the message is a report.
    pub(super) sender: Option<Sender>,
}

#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// As it was written.
    pub(super) shown: String,
    /// In the form in which they are looked up; no domain where the sender is at an address.
    pub(super) address: String,
    pub(super) domain: String,
}

/// Everything, within so much time.
pub(super) async fn results(dns: &Dns, facts: &Facts, message: &[u8], time: Duration) -> Results {
    let authenticator = dns.authenticator();
    let mut parsed = AuthenticatedMessage::parse(message).unwrap_or_default();
    let weak = take_weak(&mut parsed);
    parsed.dkim_headers.truncate(SIGNATURES_MAX);
    let end = Instant::now() + time;
    let first_end = end - time / DMARC_SHARE;
    let (spf, dkim, arc) = tokio::join!(
        verify_spf(authenticator, facts, first_end),
        verify_dkim(authenticator, &parsed, first_end),
        verify_arc(authenticator, &parsed, first_end),
    );
    let dmarc = verify_dmarc(authenticator, facts, &parsed, (&spf, &dkim), end).await;
    let signatures = dkim.iter().map(signature).chain(weak).take(SIGNATURES_MAX).collect();
    Results {
        spf: Spf { outcome: of_spf(spf.result()), identity: facts.identity() },
        dkim: signatures,
        dmarc,
        arc,
    }
}

/// RFC 8301, section 3.1: such signatures are not valid, whatever they say.
fn take_weak(parsed: &mut AuthenticatedMessage<'_>) -> Vec<Dkim> {
    let mut weak = Vec::new();
    parsed.dkim_headers.retain(|field| {
        let is_weak = field.header.a == Algorithm::RsaSha1;
        if is_weak {
            weak.push(of_signature(&field.header, Outcome::PermError, Some(WEAK.to_owned())));
        }
        !is_weak
    });
    weak
}

async fn verify_spf(authenticator: &MessageAuthenticator, facts: &Facts, end: Instant) -> SpfOutput {
    let domain = facts.domain().to_owned();
    let parameters = match &facts.sender {
        None => SpfParameters::verify_ehlo(facts.client, &facts.hello, &facts.host),
        // Nobody publishes rules for an address.
        Some(sender) if sender.domain.is_empty() => return SpfOutput::new(domain),
        Some(sender) => {
            SpfParameters::verify_mail_from(facts.client, &facts.hello, &facts.host, &sender.address)
        }
    };
    let verified = timeout_at(end, authenticator.verify_spf(parameters)).await;
    verified.unwrap_or_else(|_| SpfOutput::new(domain).with_result(SpfResult::TempError))
}

async fn verify_dkim<'a>(
    authenticator: &MessageAuthenticator,
    parsed: &'a AuthenticatedMessage<'a>,
    end: Instant,
) -> Vec<DkimOutput<'a>> {
    let slow = || Error::Dns(DnsError::Resolver(NO_ANSWER.to_owned()));
    match timeout_at(end, authenticator.verify_dkim(parsed)).await {
        Ok(outputs) => outputs,
        Err(_) => {
            let signatures = parsed.dkim_headers.iter();
            signatures.map(|field| DkimOutput::temp_err(slow()).with_signature(&field.header)).collect()
        }
    }
}

async fn verify_arc(
    authenticator: &MessageAuthenticator,
    parsed: &AuthenticatedMessage<'_>,
    end: Instant,
) -> Arc {
    let Ok(output) = timeout_at(end, authenticator.verify_arc(parsed)).await else {
        return Arc { outcome: Outcome::TempError, sealer: None };
    };
    let outcome = match output.result() {
        DkimResult::None => Outcome::None,
        DkimResult::Pass => Outcome::Pass,
        DkimResult::TempError(_) => Outcome::TempError,
        DkimResult::Neutral(_) | DkimResult::Fail(_) | DkimResult::PermError(_) => Outcome::Fail,
    };
    let sealer = output.sets().last().map(|set| set.seal.header.d.clone());
    Arc { outcome, sealer: sealer.filter(|_| outcome == Outcome::Pass) }
}

async fn verify_dmarc(
    authenticator: &MessageAuthenticator,
    facts: &Facts,
    parsed: &AuthenticatedMessage<'_>,
    (spf, dkim): (&SpfOutput, &[DkimOutput<'_>]),
    end: Instant,
) -> Dmarc {
    let parameters = DmarcParameters {
        message: parsed,
        dkim_output: dkim,
        dkim2_output: None,
        rfc5321_mail_from_domain: facts.domain(),
        spf_output: spf,
    };
    match timeout_at(end, authenticator.verify_dmarc(parameters)).await {
        Ok(output) => of_dmarc(&output),
        Err(_) => Dmarc { outcome: Outcome::TempError, ..Dmarc::default() },
    }
}

fn of_dmarc(output: &DmarcOutput) -> Dmarc {
    let outcome = match output.result() {
        DmarcResult::Pass => Outcome::Pass,
        DmarcResult::Fail(_) => Outcome::Fail,
        DmarcResult::TempError(_) => Outcome::TempError,
        DmarcResult::PermError(_) => Outcome::PermError,
        DmarcResult::None => Outcome::None,
    };
    let policy = match output.policy() {
        dmarc::Policy::None | dmarc::Policy::Unspecified => Policy::None,
        dmarc::Policy::Quarantine => Policy::Quarantine,
        dmarc::Policy::Reject => Policy::Reject,
    };
    let from = Some(output.domain().to_owned()).filter(|domain| !domain.is_empty());
    Dmarc { outcome, from, policy }
}

fn signature(output: &DkimOutput<'_>) -> Dkim {
    let (outcome, error) = match output.result() {
        DkimResult::Pass => (Outcome::Pass, None),
        // The body is another one: the signature says so, and is in order itself.
        DkimResult::Neutral(error @ Error::Dkim(DkimError::FailedBodyHashMatch)) => {
            (Outcome::Fail, Some(error))
        }
        DkimResult::Neutral(error) => (Outcome::Neutral, Some(error)),
        DkimResult::Fail(error) => (Outcome::Fail, Some(error)),
        DkimResult::PermError(error) => (Outcome::PermError, Some(error)),
        DkimResult::TempError(error) => (Outcome::TempError, Some(error)),
        DkimResult::None => (Outcome::None, None),
    };
    let reason = error.map(|error| match error {
        Error::Dns(DnsError::Resolver(_)) => NO_ANSWER.to_owned(),
        error => error.to_string(),
    });
    match output.signature() {
        Some(signature) => of_signature(signature, outcome, reason),
        None => Dkim { outcome, reason, domain: String::new(), selector: String::new(), algorithm: "" },
    }
}

fn of_signature(signature: &mail_auth::dkim::Signature, outcome: Outcome, reason: Option<String>) -> Dkim {
    Dkim {
        outcome,
        domain: signature.d.clone(),
        selector: signature.s.clone(),
        algorithm: signature.a.name(),
        reason,
    }
}

fn of_spf(result: SpfResult) -> Outcome {
    match result {
        SpfResult::Pass => Outcome::Pass,
        SpfResult::Fail => Outcome::Fail,
        SpfResult::SoftFail => Outcome::SoftFail,
        SpfResult::Neutral => Outcome::Neutral,
        SpfResult::TempError => Outcome::TempError,
        SpfResult::PermError => Outcome::PermError,
        SpfResult::None => Outcome::None,
    }
}

impl Facts {
    /// Whose rules are asked for (RFC 7208, section 2.4).
    fn domain(&self) -> &str {
        self.sender.as_ref().map_or(&self.hello, |sender| &sender.domain)
    }

    fn identity(&self) -> Identity {
        match &self.sender {
            Some(sender) => Identity::MailFrom(sender.shown.clone()),
            None => Identity::Helo(self.hello.clone()),
        }
    }
}
