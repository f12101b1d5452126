//! Budgets: how often a person or a session may say a kind of thing. The numbers stand in the table of kinds.

use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::time::Duration;

use dashmap::DashMap;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use schemas::SessionId;
use schemas::caller::Caller;
use schemas::error::Refusal;
use schemas::rules::{Budget, Kind, Per};
use tokio_util::sync::CancellationToken;

/// How often buckets that are full again are thrown away, so that memory follows the people who are here.
const SWEEP: Duration = Duration::from_secs(60);

pub struct Budgets {
    factor: f64,
    limiters: std::sync::Arc<DashMap<Kind, DefaultKeyedRateLimiter<u64>>>,
}

impl Budgets {
    pub fn new(factor: f64, stop: CancellationToken) -> Self {
        let limiters = std::sync::Arc::new(DashMap::<Kind, DefaultKeyedRateLimiter<u64>>::new());
        let swept = limiters.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(SWEEP);
            while stop.run_until_cancelled(tick.tick()).await.is_some() {
                swept.iter().for_each(|limiter| limiter.retain_recent());
            }
        });
        Budgets { factor, limiters }
    }

    /// Takes one message out of the bucket, or refuses with the budget's words.
    pub fn spend(&self, kind: Kind, budget: Budget, caller: &Caller, session: Option<&SessionId>) -> Result<(), Refusal> {
        let Some(quota) = quota(budget, self.factor) else { return Ok(()) };
        let key = match (budget.per, session) {
            (Per::Session, Some(session)) => hash(session),
            (Per::Session, None) | (Per::Person, _) => hash(&caller.person),
        };
        if !self.limiters.contains_key(&kind) {
            self.limiters.entry(kind).or_insert_with(|| RateLimiter::keyed(quota));
        }
        let limiter = self.limiters.get(&kind).ok_or(Refusal::from(budget.code))?;
        limiter.check_key(&key).map_err(|_| budget.code.into())
    }
}

/// A bucket of `messages` that refills evenly over `seconds`; none when budgets are lifted.
fn quota(budget: Budget, factor: f64) -> Option<Quota> {
    let messages = (f64::from(budget.messages) * factor).round();
    let burst = NonZeroU32::new(messages as u32)?;
    let quota = Quota::with_period(Duration::from_secs(u64::from(budget.seconds)).div_f64(messages))?;
    Some(quota.allow_burst(burst))
}

fn hash(key: &impl Hash) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use schemas::{Code, PersonId};

    #[tokio::test]
    async fn the_eleventh_like_in_a_breath_is_refused_and_another_person_is_not() {
        let budgets = Budgets::new(1.0, CancellationToken::new());
        let rule = Kind::SendLike.rule();
        let (one, other) = (Caller::new(PersonId::random(), true), Caller::new(PersonId::random(), true));
        for _ in 0..10 {
            budgets.spend(Kind::SendLike, rule.budget, &one, None).unwrap();
        }
        assert_eq!(budgets.spend(Kind::SendLike, rule.budget, &one, None).unwrap_err().code, Code::LikeRate);
        assert!(budgets.spend(Kind::SendLike, rule.budget, &other, None).is_ok());
    }

    #[tokio::test]
    async fn a_factor_of_zero_lifts_every_budget() {
        let budgets = Budgets::new(0.0, CancellationToken::new());
        let one = Caller::new(PersonId::random(), true);
        for _ in 0..1000 {
            assert!(budgets.spend(Kind::SendLike, Kind::SendLike.rule().budget, &one, None).is_ok());
        }
    }
}
