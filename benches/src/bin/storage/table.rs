//! The table that is printed, and the figures in it.

use anyhow::Result;
use firekeep_bench::{cpu_seconds, to_f64};

/// What two alternating measurements gave: medians over the rounds.
pub(crate) struct Pair {
    pub(crate) ours: f64,
    pub(crate) bare: f64,
    /// Of ours to bare, in each round.
    pub(crate) ratio: f64,
    /// CPU time of bare to ours, background work included: what a busy machine changes little.
    pub(crate) cpu_ratio: f64,
    /// Rounds of ours in a second of CPU.
    pub(crate) ours_per_cpu_second: f64,
}

/// Measures ours and bare in turn, the first one changing from round to round.
pub(crate) fn alternate(
    rounds: usize,
    mut ours: impl FnMut() -> Result<f64>,
    mut bare: impl FnMut() -> Result<f64>,
) -> Result<Pair> {
    let (mut all_ours, mut all_bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_cpu, mut their_cpu) = (0.0, 0.0);
    for round in 0..rounds {
        let (our, their) = if round % 2 == 0 {
            let our = timed(&mut ours, &mut our_cpu)?;
            (our, timed(&mut bare, &mut their_cpu)?)
        } else {
            let their = timed(&mut bare, &mut their_cpu)?;
            (timed(&mut ours, &mut our_cpu)?, their)
        };
        all_ours.push(our);
        all_bare.push(their);
        ratios.push(our / their);
    }
    Ok(Pair {
        ours: quantile(&mut all_ours, 0.5),
        bare: quantile(&mut all_bare, 0.5),
        ratio: quantile(&mut ratios, 0.5),
        cpu_ratio: their_cpu / our_cpu,
        ours_per_cpu_second: to_f64(rounds as u64) / our_cpu,
    })
}

fn timed(work: &mut impl FnMut() -> Result<f64>, cpu: &mut f64) -> Result<f64> {
    let before = cpu_seconds("self")?;
    let rate = work()?;
    *cpu += cpu_seconds("self")? - before;
    Ok(rate)
}

/// The value below which that part of the values lies.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = (values.len() as f64 * part) as usize;
    let last = values.len().saturating_sub(1);
    values.get(at.min(last)).copied().unwrap_or(f64::NAN)
}

/// The head of the table.
pub(crate) fn head() {
    println!(
        "{:<46} {:>12} {:>8} {:>8}",
        "what", "measured", "ratio", "target"
    );
}

/// A rate beside the bare engine's.
pub(crate) fn at_least(name: &str, pair: &Pair, target: f64) {
    let Pair { ours, ratio, .. } = pair;
    let verdict = if *ratio >= target { "" } else { "  short" };
    let note = beside(pair);
    println!("{name:<46} {ours:>10.0}/s {ratio:>8.2} {target:>8.2}{verdict}{note}");
}

/// A rate beside the bare engine's, without a target.
pub(crate) fn compared(name: &str, pair: &Pair) {
    let Pair { ours, ratio, .. } = pair;
    let note = beside(pair);
    println!("{name:<46} {ours:>10.0}/s {ratio:>8.2}         {note}");
}

fn beside(pair: &Pair) -> String {
    format!("   (bare {:.0}/s; by CPU {:.2})", pair.bare, pair.cpu_ratio)
}

/// A figure that stands for itself.
pub(crate) fn at_most(name: &str, measured: f64, target: f64, unit: &str, note: &str) {
    let verdict = if measured <= target { "" } else { "  over" };
    println!(
        "{name:<46} {measured:>9.1} {unit:<3} {:>7.2} <={target:>6}{verdict}{note}",
        measured / target
    );
}

/// A figure without a target.
pub(crate) fn remark(name: &str, measured: f64, unit: &str, note: &str) {
    println!("{name:<46} {measured:>9.1} {unit:<3}{note}");
}
