//! Makes a failing plan smaller: leaves out ever smaller pieces while the same judge still objects.

use crate::scenario::Step;
use crate::{Options, run};

/// A plan that still fails, with as few steps as this finds; `told` hears how far it is.
pub fn shrink(steps: &[Step], options: Options, mut told: impl FnMut(usize)) -> Vec<Step> {
    let options = Options { trace: false, ..options };
    let mut steps = steps.to_vec();
    let Some(checker) = verdict(&steps, options) else { return steps };
    let mut piece = steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < steps.len() {
            let end = (at + piece).min(steps.len());
            let mut fewer = steps.clone();
            fewer.drain(at..end);
            if verdict(&fewer, options) == Some(checker) {
                steps = fewer;
                told(steps.len());
            } else {
                at = end;
            }
        }
        piece /= 2;
    }
    steps
}

/// The judge that objects first.
fn verdict(steps: &[Step], options: Options) -> Option<&'static str> {
    run(steps, options).violations.first().map(|violation| violation.checker)
}
