//! Figures, and whether a goal is met.

use std::fmt::Display;

/// The middle of `values`.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A limit for a figure.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Prints a figure.
pub fn say(what: &str, figure: impl Display) {
    println!("  {what:<58} {figure}");
}

/// Prints a figure with its goal and whether it is met.
pub fn judge(name: &str, what: &str, value: f64, unit: &str, goal: Goal) {
    let (is_met, sign, limit) = match goal {
        Goal::AtLeast(limit) => (value >= limit, "≥", limit),
        Goal::AtMost(limit) => (value <= limit, "≤", limit),
    };
    let verdict = if is_met { "met" } else { "NOT MET" };
    let digits = if value.abs() < 10.0 { 2 } else { 0 };
    let figure = format!("{value:.digits$} {unit}");
    println!("{name:<4} {what:<56} {figure:<14} {sign} {limit} {unit:<6} {verdict}");
}
