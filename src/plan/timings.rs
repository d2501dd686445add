//! How long everything may take. Two clocks: silence, probes and deadlines count on a monotonic clock, windows
//! that outlive a process (allowance, the hour between two takeovers) on the wall clock.

use jiff::Timestamp;
use std::time::Duration;

/// The time of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, from any point that stays the same while the process lives.
    pub elapsed: Duration,
    /// What is written down, and what people read.
    pub wall: Timestamp,
}

/// Every bound of the protocol. With the defaults a cut node is suspect 1.0 to 1.5 s after the cut, corroborated
/// by the next heartbeat of its peers, and its identity serves again in about 3.5 s where a fence takes 1 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How often a node speaks.
    pub heartbeat: Duration,
    /// Silence after which peers and BMC are asked, and after which a node counts for the storm rule: one heartbeat
    /// less than `suspect_after`, so that nodes that were cut together are all counted before the first is suspect.
    pub late_after: Duration,
    /// Silence after which a node is suspect, if two others say the same.
    pub suspect_after: Duration,
    /// How often peers and BMC are asked about a late node, and a BMC about its power while a fence waits for it.
    pub ask_every: Duration,
    /// How old an answer of a peer may be.
    pub sighting_max: Duration,
    /// A suspect that nobody confirms is told to a person after this long.
    pub uncorroborated_max: Duration,
    /// How often a BMC is asked while its node is well, so that a liar is known before it matters.
    pub bmc_poll: Duration,
    /// How long a BMC may take to answer before it is asked again.
    pub bmc_answer_max: Duration,
    /// Heartbeats this long after a BMC said "off" make it a liar, and "off" is no proof before its node was
    /// silent for this long.
    pub off_silence: Duration,
    /// How long after the first order the next one is given to a BMC whose node stays on.
    pub power_off_again: Duration,
    /// How often a BMC is told to power off for one fence.
    pub power_off_attempts_max: u32,
    /// How long a fence may take before a person is asked.
    pub fence_max: Duration,
    /// How often the BMC of an unconfirmed fence is asked again.
    pub unconfirmed_poll: Duration,
    /// How long a node may take to let go of an identity by itself.
    pub release_max: Duration,
    /// How long a node may take from an assignment to serving.
    pub activation_max: Duration,
    /// The same where the identity's volume is made, and filled for the first time: nobody waits for data that were never there.
    pub birth_max: Duration,
    /// How many nodes one takeover may use up.
    pub grant_attempts_max: u32,
    /// How long a role may be unhealthy on a node that lives, which restarts it meanwhile.
    pub unhealthy_max: Duration,
    /// How long an agent that was cut off, or has just started, listens before it believes a silence.
    pub settle: Duration,
    /// A gap between two steps from which on the agent itself was stalled: that time counts as nobody's silence.
    pub stall: Duration,
    /// How long the ledger may take to answer; after that nobody knows.
    pub ledger_answer_max: Duration,
    /// Nodes that fall silent within this are counted together.
    pub storm_window: Duration,
    /// How long a rack stays frozen after the last node of a storm fell silent.
    pub cool_down: Duration,
    /// A second takeover of one identity within this needs an acknowledgement.
    pub second_takeover: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        let (millis, seconds) = (Duration::from_millis, Duration::from_secs);
        Self {
            heartbeat: millis(500),
            late_after: millis(1000),
            suspect_after: millis(1500),
            ask_every: millis(250),
            sighting_max: seconds(2),
            uncorroborated_max: seconds(30),
            bmc_poll: seconds(10),
            bmc_answer_max: seconds(3),
            off_silence: millis(1000),
            power_off_again: seconds(2),
            power_off_attempts_max: 3,
            fence_max: seconds(10),
            unconfirmed_poll: seconds(30),
            release_max: seconds(10),
            activation_max: seconds(60),
            birth_max: seconds(300),
            grant_attempts_max: 3,
            unhealthy_max: seconds(30),
            settle: seconds(5),
            stall: seconds(1),
            ledger_answer_max: seconds(5),
            storm_window: seconds(60),
            cool_down: seconds(60),
            second_takeover: seconds(3600),
        }
    }
}
