//! Resolvers that do not answer: nobody knows whom mail is from, and it comes all the same.

use crate::client::{code, mail, python};
use crate::house::{House, PLAN, Plan};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Catches the check that takes "nobody can tell" for "no".
#[test]
fn mail_is_taken_and_its_results_say_temperror() {
    let records = [
        crate::dns::txt("b.example", "v=spf1 -all"),
        crate::dns::txt("_dmarc.b.example", "v=DMARC1; p=reject"),
    ];
    let settings = "[authentication]\ntimeout = '8s'\n[[dnsbl]]\nzone = 'bl.example'\ntimeout = '1s'\n";
    let mut house = House::open(Plan { records: &records, settings, ..PLAN });
    house.dns.stop();
    let told = python(house.smtp, &[mail(&["ann@example.org"], "one")]);
    assert_eq!(told[0].2.as_deref().map(code), Some("250 2.0.0"), "{told:?}");
    let kept = house.stores[0].inbox("ann@example.org").remove(0);
    assert!(kept.contains("\tspf=temperror\r\n") && kept.contains("\tdmarc=temperror"), "{kept}");
}

impl crate::dns::Dns {
    /// It hears, and does not answer any more.
    pub fn stop(&self) {
        kill(Pid::from_raw(self.id()), Signal::SIGSTOP).unwrap();
    }
}
