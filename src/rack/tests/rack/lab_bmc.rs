//! The Redfish client against the lab's BMCs, in every way in which they behave.

use crate::machines::{Machines, Server, login};
use std::time::Duration;
use tokio::time::Instant;
use understudy_lab::bmc::mode::Mode;
use understudy_lab::machine::Power as MachinePower;
use understudy_rack::redfish::{Login, Patience, Power, Redfish, Reset, Word};

const PATIENCE: Patience =
    Patience { connect_max: Duration::from_millis(500), answer_max: Duration::from_millis(500) };
const EVERY: Duration = Duration::from_millis(50);

fn client(server: &Server, login: Login, uuid: &str) -> Redfish {
    Redfish::new(server.bmc().url, None, login, PATIENCE, Some(uuid.to_owned())).unwrap()
}

async fn off_soon(bmc: &Redfish) -> Result<Power, Word> {
    let seen = bmc.off_by(Instant::now() + Duration::from_secs(1), EVERY).await;
    seen.map(|seen| seen.power).map_err(|error| error.word())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_off_when_its_own_bmc_says_so_afterwards() {
    let machines = Machines::start(1).await;
    let server = &machines.all[0];
    let bmc = client(server, login(), &server.plan.uuid.to_uppercase());
    let seen = bmc.look().await.unwrap();
    assert_eq!((seen.power, bmc.is_ours(&seen)), (Power::On, true));
    bmc.order(Reset::ForceOff).await.unwrap();
    assert_eq!(off_soon(&bmc).await, Ok(Power::Off));
    assert_eq!(server.status().power, MachinePower::Off);
    bmc.order(Reset::On).await.unwrap();
    assert_eq!(server.status().power, MachinePower::On);

    server.set_bmc(Mode::AcceptsButStaysOn);
    bmc.order(Reset::ForceOff).await.unwrap();
    assert_eq!(off_soon(&bmc).await, Ok(Power::On));

    server.set_bmc(Mode::SaysOff);
    assert_eq!(off_soon(&bmc).await, Ok(Power::Off), "a liar that is consistent is the plan's matter");

    for mode in [Mode::Hangs, Mode::Dead] {
        server.set_bmc(mode);
        assert_eq!(bmc.look().await.unwrap_err().word(), Word::Unreachable, "{mode}");
        assert_eq!(bmc.order(Reset::ForceOff).await.unwrap_err().word(), Word::Unreachable, "{mode}");
        assert_eq!(off_soon(&bmc).await, Err(Word::Unreachable), "{mode}");
    }

    server.set_bmc(Mode::Honest);
    let stranger = Login { password: "guess".to_owned(), ..login() };
    let refused = client(server, stranger, &server.plan.uuid).look().await.unwrap_err();
    assert_eq!(refused.word(), Word::Refused);
    assert!(refused.to_string().contains("401") && refused.to_string().contains("log in first"), "{refused}");
    assert_eq!(server.status().power, MachinePower::On);
}

/// Mutant: `Redfish::order` does not look at the UUID first.
#[tokio::test(flavor = "multi_thread")]
async fn another_machine_is_never_switched_off() {
    let machines = Machines::start(1).await;
    let server = &machines.all[0];
    let bmc = client(server, login(), &server.plan.uuid);
    server.set_bmc(Mode::ForeignUuid);
    assert_eq!(bmc.order(Reset::ForceOff).await.unwrap_err().word(), Word::OtherMachine);
    let seen = bmc.look().await.unwrap();
    // The other machine is still on: nobody was told anything.
    assert_eq!((seen.power, bmc.is_ours(&seen)), (Power::On, false));
    let nobody = Redfish::new(server.bmc().url, None, login(), PATIENCE, None).unwrap();
    server.set_bmc(Mode::Honest);
    assert_eq!(nobody.order(Reset::ForceOff).await.unwrap_err().word(), Word::OtherMachine);
    assert_eq!(server.status().power, MachinePower::On);
}
