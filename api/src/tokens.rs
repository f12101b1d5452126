//! Whose token this is: the answer that ingest and fanout ask for, because they never touch the store.

use std::time::Duration;

use futures_util::StreamExt;
use schemas::Millis;
use schemas::note::{AskToken, DjIdentity, TokenAnswer};
use store::{StoreError, Tokens};

use crate::desk::within;

/// Questions in the store's hands at one time. More wait in the stream, so that a burst of sign-ins cannot starve the pages.
const AT_ONCE: usize = 32;
const RETRY: Duration = Duration::from_secs(1);

pub(crate) async fn answer(broker: &nats::Broker, tokens: &dyn Tokens, deadline: Duration) {
    loop {
        match broker.token_asked().await {
            Ok(questions) => {
                questions
                    .for_each_concurrent(AT_ONCE, |question| async move {
                        match identify(tokens, &question.ask, deadline).await {
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

async fn identify(tokens: &dyn Tokens, ask: &AskToken, deadline: Duration) -> Result<TokenAnswer, StoreError> {
    let found = within(deadline, tokens.find_token(&ask.sha256, Millis::now())).await?;
    Ok(TokenAnswer { dj: found.map(|token| DjIdentity { id: token.dj, name: token.name }) })
}
