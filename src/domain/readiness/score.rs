//! A weighted score beside the verdict, with its formula and inputs in sight. It decides nothing.
//!
//! Weights as published by one vendor (`test-management.md` section 7): pass rate 0.35, executed 0.25,
//! coverage 0.20, and a factor 0.20 for criticals. How the factor falls is our decision: with n open
//! blockers and criticals it is 1 / (1 + n).

use super::measures::{Measures, Ratio};

/// A score from 0 to 100.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// In tenths, rounded down: 0 to 1000.
    pub tenths: u32,
    /// What it is made of.
    pub inputs: [ScoreInput; 4],
}

/// A part of the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScoreInput {
    /// What it measures.
    pub name: &'static str,
    /// What it weighs, in hundredths.
    pub weight: u32,
    /// How much of it there is; nothing of nothing counts as none.
    pub value: Ratio,
}

impl Score {
    /// How the inputs make the score.
    pub const FORMULA: &'static str = "100 × (0.35 × pass rate + 0.25 × executed + 0.20 × coverage \
         + 0.20 × criticals factor), where the criticals factor is 1 / (1 + open blockers and \
         criticals)";

    /// The score of a population.
    #[must_use]
    pub fn of(measures: &Measures) -> Self {
        let input = |name, weight, value| ScoreInput {
            name,
            weight,
            value,
        };
        let criticals = Ratio {
            part: 1,
            whole: measures.severe_defects.saturating_add(1),
        };
        let inputs = [
            input("pass rate", 35, measures.pass_rate()),
            input("executed", 25, measures.executed()),
            input("coverage", 20, measures.coverage()),
            input("criticals factor", 20, criticals),
        ];
        let hundredths: u32 = inputs
            .iter()
            .map(|input| input.weight * input.value.per_mille().unwrap_or(0))
            .sum();
        Self {
            tenths: hundredths / 100,
            inputs,
        }
    }
}
