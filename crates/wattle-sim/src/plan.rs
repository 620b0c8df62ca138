//! Plans: long scenarios that a seed writes, with rates that the seed draws too.

mod claim;
mod govern;
mod write;

use crate::rng::Rng;
use crate::scenario::{Net, Step};
use claim::Claimer;
use govern::Governor;
use write::Writer;

/// How large a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Peers.
    pub peers: usize,
    /// Virtual seconds before everything is healed.
    pub seconds: u64,
}

impl Default for Size {
    fn default() -> Self {
        Self { peers: 4, seconds: 60 }
    }
}

/// What happens how often, in events a thousand; drawn from the seed, so that one plan crashes all the
/// time and another never, and no fault hides another.
#[derive(Clone, Copy, Debug)]
struct Rates {
    cut: u64,
    heal: u64,
    crash: u64,
    restart: u64,
    relay_crash: u64,
    compact: u64,
    slow: u64,
    settle: u64,
    /// Grants, revocations, rotations.
    govern: u64,
}

/// Writes the plan of a seed.
pub fn generate(seed: u64, size: Size) -> Vec<Step> {
    let mut rng = Rng::new(seed, "plan");
    let net = draw_net(&mut rng);
    let mut steps = vec![Step::Seed(seed), Step::Net(net)];
    let names: Vec<String> = (0..size.peers).map(|peer| format!("p{peer}")).collect();
    let late = if names.len() > 2 && rng.permille(300) { 1 } else { 0 };
    let (early, late) = names.split_at(names.len() - late);
    let relay = names.len() < 2 || !rng.permille(100);
    if relay {
        steps.push(Step::Relay("r".to_owned()));
    }
    let mut governor = Governor::new(early, &mut rng);
    steps.extend(governor.arrivals());
    links(&mut steps, early, (relay, &mut rng));
    let mut claimer = Claimer::new(seed);
    let crowd = Crowd { early, late, relay, governor: &mut governor, claimer: &mut claimer };
    body(&mut steps, crowd, (size, &mut rng));
    steps.push(Step::Heal(Vec::new()));
    steps.extend(names.iter().cloned().map(Step::Restart));
    if relay {
        steps.push(Step::Restart("r".to_owned()));
    }
    steps.push(Step::Settle);
    steps
}

/// Without a relay the peers form a chain; with one, some have a direct link as well.
fn links(steps: &mut Vec<Step>, names: &[String], (relay, rng): (bool, &mut Rng)) {
    for (one, other) in names.iter().zip(names.iter().skip(1)) {
        if !relay || rng.permille(150) {
            steps.push(Step::Link(other.clone(), one.clone()));
        }
    }
}

/// Who takes part.
struct Crowd<'a> {
    early: &'a [String],
    late: &'a [String],
    relay: bool,
    governor: &'a mut Governor,
    claimer: &'a mut Claimer,
}

fn body(steps: &mut Vec<Step>, crowd: Crowd<'_>, (size, rng): (Size, &mut Rng)) {
    let Crowd { early, late, relay, governor, claimer } = crowd;
    let rates = draw_rates(rng);
    let pause_ms = rng.within(20..=400);
    let mut peers = early.to_vec();
    let mut writer = Writer::new();
    let mut left_ms = size.seconds * 1_000;
    let joins_at = rng.within(0..=left_ms);
    let mut late = late.iter();
    while left_ms > 0 {
        if left_ms <= joins_at
            && let Some(name) = late.next()
        {
            steps.push(Step::Peers(vec![name.clone()]));
            if !relay && let Some(other) = peers.first() {
                steps.push(Step::Link(name.clone(), other.clone()));
            }
            peers.push(name.clone());
        }
        if rng.permille(rates.govern)
            && let Some(act) = governor.act(rng)
        {
            steps.push(Step::Act(act));
        }
        steps.extend(claimer.act(&peers, &writer.tasks()).map(Step::Act));
        let fault = fault(&peers, relay, (rates, rng));
        let Some(editor) = rng.pick(&peers).cloned() else { return };
        match fault {
            // The worst moment to die is while something is being written.
            Some(Step::Crash(node)) if rng.permille(600) => {
                let editor = if peers.contains(&node) { node.clone() } else { editor };
                steps.push(Step::Act(writer.act(editor, rng)));
                if rng.permille(500) {
                    steps.push(Step::Wait(rng.within(1..=200)));
                }
                steps.push(Step::Crash(node));
            }
            Some(step) => steps.push(step),
            None => steps.push(Step::Act(writer.act(editor, rng))),
        }
        let wait = rng.within(0..=2 * pause_ms).min(left_ms);
        if wait > 0 {
            steps.push(Step::Wait(wait));
        }
        left_ms -= wait.max(1).min(left_ms);
    }
    steps.extend(late.map(|name| Step::Peers(vec![name.clone()])));
}

fn fault(peers: &[String], relay: bool, (rates, rng): (Rates, &mut Rng)) -> Option<Step> {
    let node = rng.pick(peers)?.clone();
    let relay = relay.then(|| "r".to_owned());
    let mut dice = rng.within(0..=999);
    let mut hit = |rate: u64| {
        let hit = dice < rate;
        dice = if hit { u64::MAX } else { dice - rate.min(dice) };
        hit
    };
    if hit(rates.cut) {
        let other = rng.pick(peers).filter(|other| **other != node && rng.permille(300)).cloned();
        return Some(Step::Cut { node, other, half_open: rng.permille(200) });
    }
    if hit(rates.heal) {
        return Some(Step::Heal(if rng.permille(500) { Vec::new() } else { vec![node] }));
    }
    if hit(rates.crash) {
        return Some(Step::Crash(node));
    }
    if hit(rates.restart) {
        return Some(Step::Restart(relay.filter(|_| rng.permille(500)).unwrap_or(node)));
    }
    if hit(rates.slow) {
        return Some(Step::Slow(node));
    }
    if hit(rates.settle) {
        return Some(Step::Settle);
    }
    if hit(rates.relay_crash) {
        return relay.map(Step::Crash);
    }
    if hit(rates.compact) { relay.map(Step::Compact) } else { None }
}

fn draw_rates(rng: &mut Rng) -> Rates {
    let mut rate = |most: u64| if rng.permille(300) { 0 } else { rng.within(1..=most) };
    Rates {
        cut: rate(40),
        heal: rate(60),
        crash: rate(40),
        restart: rate(120),
        relay_crash: rate(40),
        compact: rate(20),
        slow: rate(20),
        settle: rate(6),
        govern: rate(60),
    }
}

fn draw_net(rng: &mut Rng) -> Net {
    let delay = rng.within(1..=100);
    // A slow disk leaves time for what may go wrong between an answer and the disk.
    let commit = if rng.permille(400) { rng.within(100..=500) } else { rng.within(1..=40) };
    Net {
        delay_ms: (rng.within(0..=delay), delay),
        tail_permille: rng.within(0..=60),
        tail_ms_max: rng.within(200..=4_000),
        rate_bytes_per_ms: rng.within(20..=5_000),
        disk_ms: (rng.within(0..=commit), commit),
        half_open_permille: rng.within(0..=600),
    }
}
