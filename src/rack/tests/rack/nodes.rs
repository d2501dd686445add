//! Nodes that speak only what nodes speak: heartbeats. Whether they live is what their machine's power, clock and cable say.

use crate::machines::Server;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::{Beat, Heartbeat, Held, Order, Phase, Probe, Seen};
use understudy_lab::machine::Power;
use understudy_plan::config::Needs;
use understudy_rack::Handle;
use understudy_rack::facts::{Facts, NodeFacts};

/// How often a machine is looked at that says nothing.
const LOOK: Duration = Duration::from_millis(20);

/// What everybody in the rack shares.
pub struct Network {
    pub servers: BTreeMap<NodeId, Server>,
    /// The way to the site; `None` while it is down.
    pub site: RwLock<Option<Handle>>,
    pub facts: watch::Sender<Facts>,
    pub witness: Witness,
    /// Nodes that take an identity and never come to serve it.
    pub is_slow: AtomicBool,
}

/// Sees who acts under what, and every order that was given.
#[derive(Default)]
pub struct Witness {
    seen: Mutex<Seens>,
}

#[derive(Default)]
struct Seens {
    acting: BTreeMap<Name, BTreeMap<NodeId, Epoch>>,
    taken: BTreeMap<(Name, Epoch), NodeId>,
    orders: Vec<(NodeId, Order)>,
    wrong: Vec<String>,
}

impl Witness {
    /// A node begins to act. Whoever acts already must be without power.
    fn acts(&self, network: &Network, node: &NodeId, identity: &Name, epoch: Epoch) {
        let mut seen = self.seen.lock().unwrap();
        let seen = &mut *seen;
        let acting = seen.acting.entry(identity.clone()).or_default();
        let others = acting.keys().filter(|other| *other != node && network.servers[*other].is_live());
        let mut wrong: Vec<String> = others
            .map(|other| format!("{other} lives and acts under {identity}, and so does {node}"))
            .collect();
        if let Some(before) = seen.taken.insert((identity.clone(), epoch), node.clone())
            && before != *node
        {
            wrong.push(format!("epoch {epoch} of {identity} was given to {before} and to {node}"));
        }
        if let Some((_, newest)) = seen.taken.keys().rfind(|(name, _)| name == identity)
            && *newest > epoch
        {
            wrong.push(format!("{identity} went back from epoch {newest} to {epoch}"));
        }
        acting.insert(node.clone(), epoch);
        seen.wrong.extend(wrong);
    }

    fn stops(&self, node: &NodeId) {
        for acting in self.seen.lock().unwrap().acting.values_mut() {
            acting.remove(node);
        }
    }

    fn ordered(&self, node: &NodeId, order: &Order) {
        self.seen.lock().unwrap().orders.push((node.clone(), order.clone()));
    }

    /// The orders that a node got, `Keep` left out, since so many.
    pub fn orders(&self, node: &NodeId, since: usize) -> Vec<Order> {
        let seen = self.seen.lock().unwrap();
        let orders = seen.orders.iter().skip(since).filter(|(of, order)| of == node && *order != Order::Keep);
        orders.map(|(_, order)| order.clone()).collect()
    }

    /// The very first answer that a node got since so many.
    pub fn first_answer(&self, node: &NodeId, since: usize) -> Option<Order> {
        let seen = self.seen.lock().unwrap();
        seen.orders.iter().skip(since).find(|(of, _)| of == node).map(|(_, order)| order.clone())
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().orders.len()
    }

    /// At most one live holder at any time, and no epoch twice.
    #[track_caller]
    pub fn expect_all_well(&self) {
        let seen = self.seen.lock().unwrap();
        assert!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
    }

    /// Epochs of an identity that were taken up, in order.
    pub fn epochs(&self, identity: &Name) -> Vec<u64> {
        let seen = self.seen.lock().unwrap();
        seen.taken.keys().filter(|(name, _)| name == identity).map(|(_, epoch)| epoch.number()).collect()
    }
}

/// One boot of a node.
struct Boot {
    id: String,
    since: Option<Instant>,
    began: Instant,
    held: Option<Held>,
    seen: Vec<Seen>,
}

pub struct Node {
    pub id: NodeId,
    pub server: Server,
    pub network: Arc<Network>,
    /// The highest epoch that it ever saw, on its disk.
    pub epochs: BTreeMap<Name, Epoch>,
}

impl Node {
    /// Lives for ever, as often as its machine is switched on.
    pub async fn run(mut self) {
        let (mut count, mut boot) = (0, None::<Boot>);
        loop {
            let status = self.server.status();
            if status.power == Power::Off {
                if boot.take().is_some() {
                    self.network.witness.stops(&self.id);
                }
                sleep(LOOK).await;
                continue;
            }
            if boot.as_ref().is_none_or(|boot| boot.since != status.since) {
                count += 1;
                self.network.witness.stops(&self.id);
                boot = Some(self.begin(count, status.since));
            }
            let next = match boot.as_mut() {
                Some(boot) if !status.frozen && status.plugged => self.speak(boot),
                _ => LOOK,
            };
            sleep(next).await;
        }
    }

    /// The registry hears of the boot, with proof.
    fn begin(&self, count: u32, since: Option<Instant>) -> Boot {
        let id = format!("{}-{count}", self.server.plan.name);
        self.network.facts.send_modify(|facts| {
            let fresh = || NodeFacts {
                serial: self.server.plan.name.to_string(),
                uuid: Some(self.server.plan.uuid.clone()),
                // Leases outlive a site: the registry knows where a node was even if it never spoke since.
                address: Some(IpAddr::V4(*self.server.plan.bmc.ip())),
                bmc: Some(self.server.bmc()),
                is_ready_spare: true,
                boot_id: String::new(),
                is_retired: false,
                has: Needs::default(),
            };
            facts.entry(self.id.clone()).or_insert_with(fresh).boot_id.clone_from(&id);
        });
        Boot { id, since, began: Instant::now(), held: None, seen: Vec::new() }
    }

    fn speak(&mut self, boot: &mut Boot) -> Duration {
        let Some(site) = self.network.site.read().unwrap().clone() else { return LOOK };
        let uptime_ms = u64::try_from(boot.began.elapsed().as_millis()).unwrap() + 1;
        let beat = Heartbeat {
            boot_id: boot.id.clone(),
            uptime_ms,
            held: boot.held.clone(),
            seen: std::mem::take(&mut boot.seen),
        };
        let remote = IpAddr::V4(*self.server.plan.bmc.ip());
        let Beat { order, probe, next_in_ms } = site.heartbeat(&self.id, beat, remote);
        boot.seen = probe.iter().map(|probe| self.look(probe)).collect();
        self.network.witness.ordered(&self.id, &order);
        self.obey(boot, order);
        Duration::from_millis(next_in_ms)
    }

    /// An echo to a peer: answered by whoever has power, a running clock and a cable.
    fn look(&self, probe: &Probe) -> Seen {
        let peer = &self.network.servers[&probe.node];
        let is_reachable = peer.is_live() && peer.status().plugged;
        Seen { node: probe.node.clone(), is_reachable, age_ms: 0 }
    }

    fn obey(&mut self, boot: &mut Boot, order: Order) {
        match order {
            Order::Hold { identity, epoch } => self.hold(boot, identity, epoch),
            Order::Release { identity, epoch } => {
                let held = boot.held.as_mut().filter(|held| held.identity == identity && held.epoch <= epoch);
                if let Some(held) = held {
                    held.phase = Phase::Released;
                    self.network.witness.stops(&self.id);
                }
            }
            Order::Keep => drop(boot.held.take_if(|held| held.phase == Phase::Released)),
        }
    }

    fn hold(&mut self, boot: &mut Boot, identity: Name, epoch: Epoch) {
        let highest = self.epochs.entry(identity.clone()).or_insert(Epoch::NEVER);
        if epoch > *highest {
            *highest = epoch;
            self.network.witness.acts(&self.network, &self.id, &identity, epoch);
            boot.held = Some(Held { identity, epoch, phase: Phase::Activating });
        } else if let Some(held) = boot.held.as_mut()
            && (&held.identity, held.epoch) == (&identity, epoch)
            && held.phase == Phase::Activating
            && !self.network.is_slow.load(Ordering::SeqCst)
        {
            held.phase = Phase::Serving;
        }
    }
}
