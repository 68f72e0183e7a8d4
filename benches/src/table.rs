//! The table that is printed.

/// The head.
pub fn head() {
    println!(
        "{:<50} {:>12} {:>8} {:>8}",
        "what", "measured", "ratio", "target"
    );
}

/// A ratio that is to be reached.
pub fn ratio(name: &str, ratio: f64, target: f64, note: &str) {
    let verdict = if ratio >= target { "" } else { "  short" };
    println!(
        "{name:<50} {:>12} {ratio:>8.2} {target:>8.2}{verdict}{note}",
        ""
    );
}

/// A rate that is to be reached.
pub fn at_least(name: &str, measured: f64, target: f64, note: &str) {
    let verdict = if measured >= target { "" } else { "  short" };
    let ratio = measured / target;
    println!("{name:<50} {measured:>10.0}/s {ratio:>8.2} >={target:>8.0}{verdict}{note}");
}

/// What is to stay below a target.
pub fn at_most(name: &str, measured: f64, target: f64, unit: &str, note: &str) {
    let verdict = if measured <= target { "" } else { "  over" };
    let ratio = measured / target;
    println!("{name:<50} {measured:>8.2} {unit:<3} {ratio:>8.2} <={target:>6}{verdict}{note}");
}

/// A figure without a target.
pub fn remark(name: &str, measured: f64, unit: &str, note: &str) {
    println!("{name:<50} {measured:>8.1} {unit:<3}{note}");
}

/// The value in the middle.
#[must_use]
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
