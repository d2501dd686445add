//! The steps from an order to serving, one at a time, so that a new order is heard between any two of them.

use super::machine::{ActError, Machine};
use super::tenure::{Place, Tenure};
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::{Bundle, BundleRequest};

/// From the order to serving. Shorter than the site's patience, so that the site hears why.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Of starting the role's units, once; they may need a second try.
const START_MAX: Duration = Duration::from_secs(15);
/// Between two tries of a step.
pub const RETRY: Duration = Duration::from_millis(200);

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Fetch,
    TakeVolume,
    Render,
    OpenPorts,
    TakeAddress,
    Start,
    Check,
}

/// An activation of this process; after a restart of the agent it begins again.
#[derive(Debug)]
pub struct Activation {
    step: Step,
    bundle: Option<Bundle>,
    /// Why the step is still the same.
    reason: Option<String>,
}

/// Where a turn of an activation ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// The next step may begin at once.
    Step,
    /// The same step again, later.
    Wait,
    Serving,
    Failed {
        reason: String,
    },
}

impl Activation {
    /// Nothing is done yet, or it is not known what is.
    pub fn new() -> Self {
        Self { step: Step::Fetch, bundle: None, reason: None }
    }

    /// Takes one step. `is_confirmed`: whether the site said just now that this node is to hold this; without that
    /// no address is taken.
    pub fn turn<M: Machine>(
        &mut self,
        machine: &mut M,
        tenure: &mut Tenure,
        is_confirmed: impl Fn(Duration) -> bool,
    ) -> Progress {
        let age = machine.now().saturating_sub(Duration::from_millis(tenure.began_ms));
        let Some(left) = DEADLINE.checked_sub(age).filter(|left| !left.is_zero()) else {
            return Progress::Failed { reason: self.overdue() };
        };
        if self.step == Step::TakeAddress && !is_confirmed(machine.now()) {
            self.reason = Some("the site does not confirm that the address belongs here".to_owned());
            return Progress::Wait;
        }
        match self.act(machine, tenure, left) {
            Ok(None) => Progress::Serving,
            Ok(Some(next)) => {
                (self.step, self.reason) = (next, None);
                Progress::Step
            }
            Err(error) if error.is_final() => Progress::Failed { reason: with_causes(&error) },
            Err(error) => {
                self.reason = Some(with_causes(&error));
                Progress::Wait
            }
        }
    }

    fn act<M: Machine>(
        &mut self,
        machine: &mut M,
        tenure: &mut Tenure,
        left: Duration,
    ) -> Result<Option<Step>, ActError> {
        let Some(bundle) = &self.bundle else {
            let bundle = fetch(machine, &tenure.identity, tenure.epoch)?;
            tenure.place = Some(Place { role: bundle.role.clone(), address: bundle.address });
            machine.keep_tenure(Some(tenure))?;
            self.bundle = Some(bundle);
            return Ok(Some(Step::TakeVolume));
        };
        match self.step {
            Step::Fetch | Step::TakeVolume => {
                machine.take_volume(bundle)?;
                Ok(Some(Step::Render))
            }
            Step::Render => {
                machine.render(bundle)?;
                Ok(Some(Step::OpenPorts))
            }
            Step::OpenPorts => {
                machine.open_ports(&bundle.role)?;
                Ok(Some(if bundle.address.is_some() { Step::TakeAddress } else { Step::Start }))
            }
            Step::TakeAddress => {
                if let Some(address) = bundle.address {
                    machine.take_address(address)?;
                    machine.announce(address)?;
                }
                Ok(Some(Step::Start))
            }
            Step::Start => {
                machine.start(&bundle.role, left.min(START_MAX))?;
                Ok(Some(Step::Check))
            }
            Step::Check => {
                machine.check(&Place { role: bundle.role.clone(), address: bundle.address })?;
                Ok(None)
            }
        }
    }

    fn overdue(&self) -> String {
        let doing = match self.step {
            Step::Fetch => "fetching its bundle",
            Step::TakeVolume => "taking its volume",
            Step::Render => "rendering its configuration",
            Step::OpenPorts => "opening its ports",
            Step::TakeAddress => "taking its address",
            Step::Start => "starting its services",
            Step::Check => "waiting for its health",
        };
        let reason = self.reason.as_deref().unwrap_or("it did not come to an end");
        format!("not serving within {} s, still {doing}: {reason}", DEADLINE.as_secs())
    }
}

fn fetch<M: Machine>(machine: &mut M, identity: &Name, epoch: Epoch) -> Result<Bundle, ActError> {
    let request = BundleRequest { identity: identity.clone(), epoch };
    let bundle = machine.fetch(&request)?;
    if bundle.identity != *identity || bundle.epoch != epoch {
        return Err(ActError::OtherBundle { identity: bundle.identity, epoch: bundle.epoch });
    }
    Ok(bundle)
}
