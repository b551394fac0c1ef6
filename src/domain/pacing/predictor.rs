//! Predictors: how many lines are wanted. A closed set behind the budget: whatever one proposes, the budget decides.

use serde::{Deserialize, Serialize};

use super::{Budget, Cover, Forecast, Share, Situation, cover::counted};

/// The chance of finding nobody that is taken with a new line while abandonment is at its target.
const RISK: f64 = 0.02;
/// And at most, while it is far below.
const MOST_RISK: f64 = 0.20;
/// How strongly that chance follows the distance from the target.
const GAIN: f64 = 18.0;
/// Abandonment is taken for on target until there are some dozens of calls.
const CAUTION: f64 = 40.0;
/// No forecast is so good that it asks for more lines per agent.
const MOST_LINES: usize = 10;

/// How a predictive dialer finds out how many lines it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predictor {
    /// From the [`Forecast`]: another line as long as the chance that who answers it finds nobody is small. How small follows
    /// from how far abandonment is below its target, today and in all.
    Forecast,
    /// So many lines per ready agent, in hundredths, whatever was seen.
    Ratio(u32),
}

/// What a predictor wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proposal {
    /// So many lines more, of which what is above the most that is allowed is no exact number.
    pub(super) lines: u32,
    /// The chance that the next one after those that are wanted and allowed, answered, finds nobody.
    pub(super) risk: Option<Share>,
}

impl Predictor {
    /// How many lines to open, when `most` are allowed. What ready agents cover is opened in any case.
    pub(super) fn propose(self, situation: &Situation<'_>, cover: Cover, forecast: &Forecast, most: u32) -> Proposal {
        let covered = cover.ready.saturating_sub(cover.in_flight);
        match self {
            Self::Ratio(hundredths) => {
                let wanted = u64::from(cover.ready) * u64::from(hundredths) / 100;
                let lines = u32::try_from(wanted.saturating_sub(u64::from(cover.in_flight))).unwrap_or(u32::MAX);
                Proposal { lines: lines.max(covered), risk: None }
            }
            Self::Forecast => {
                let enough = counted(situation.agents.len().saturating_mul(MOST_LINES));
                let tolerated = tolerated(situation.budget);
                let mut outlook = forecast.outlook(situation, cover.ready);
                let mut lines = covered.min(most);
                (0..lines).for_each(|_| outlook.open());
                let mut risk = outlook.risk();
                while lines < most.min(enough) && risk <= tolerated {
                    lines += 1;
                    outlook.open();
                    risk = outlook.risk();
                }
                let one_more = lines < covered || (lines < enough && risk <= tolerated);
                Proposal { lines: lines.saturating_add(u32::from(one_more)), risk: share(risk) }
            }
        }
    }
}

/// The chance that is taken with a new line.
fn tolerated(budget: &Budget) -> f64 {
    let target = f64::from(budget.limits.target().basis_points()) / 10_000.0;
    // how far below target, as a part of it: 1 with none abandoned, 0 on target, negative above
    let below = |answered: u64, abandoned: u64| {
        let expected = target * (count(answered) + CAUTION);
        if expected > 0.0 { (target * count(answered) - count(abandoned)) / expected } else { -1.0 }
    };
    let (tally, today) = (budget.tally, budget.today);
    let below = below(tally.answered, tally.abandoned).min(below(today.answered, today.abandoned));
    (RISK * (1.0 + GAIN * below)).clamp(0.0, MOST_RISK)
}

fn count(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10,000")]
fn share(chance: f64) -> Option<Share> {
    Share::new((chance.clamp(0.0, 1.0) * 10_000.0) as u16)
}
