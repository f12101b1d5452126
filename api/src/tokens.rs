//! Whose token this is: the answer that ingest and fanout ask for, because they never touch the store. And the broom.

use std::time::Duration;

use accounts::Accounts;
use futures_util::StreamExt;
use schemas::Millis;
use store::Swept;

use crate::desk::within;

/// Questions in the store's hands at one time. More wait in the stream, so that a burst of sign-ins cannot starve the pages.
const AT_ONCE: usize = 32;
const RETRY: Duration = Duration::from_secs(1);

pub(crate) async fn answer(broker: &nats::Broker, accounts: &Accounts, deadline: Duration) {
    loop {
        match broker.token_asked().await {
            Ok(questions) => {
                questions
                    .for_each_concurrent(AT_ONCE, |question| async move {
                        match within(deadline, accounts.identify(&question.ask, Millis::now())).await {
                            Ok(answer) => question.answer(answer).await,
                            // Silence, not "no": the asker then knows that nobody could tell, and asks again later.
                            Err(error) => tracing::warn!(error = %error, "a question for a token stays unanswered"),
                        }
                    })
                    .await;
            }
            Err(error) => tracing::warn!(error = %error, "questions for tokens are not heard for now"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Every process that answers does it; twice is as good as once.
pub(crate) async fn tidy(accounts: &Accounts, every: Duration) {
    loop {
        let mut swept = Swept::default();
        let ended = accounts.tidy(Millis::now(), &mut swept).await;
        if !swept.is_empty() {
            tracing::info!(removed = %swept, "what was kept long enough was removed");
        }
        if let Err(error) = ended {
            tracing::warn!(error = %error, "what has grown old could not be removed; it is tried again");
        }
        tokio::time::sleep(every).await;
    }
}
