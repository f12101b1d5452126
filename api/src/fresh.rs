//! An answer that costs much to find, given out again for a while.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

pub(crate) struct Fresh<T> {
    lasts: Duration,
    kept: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Fresh<T> {
    pub fn new(lasts: Duration) -> Self {
        Fresh { lasts, kept: Mutex::new(None) }
    }

    /// The kept value, or a new one. Of many who ask at once one looks and the others wait for it; a failure is not kept. Give
    /// the whole a deadline, since the wait is as long as somebody else's look.
    pub async fn get<E>(&self, look: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut kept = self.kept.lock().await;
        if let Some((at, value)) = kept.as_ref()
            && at.elapsed() < self.lasts
        {
            return Ok(value.clone());
        }
        let value = look.await?;
        *kept = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_value_is_looked_up_again_only_when_it_is_old() {
        let fresh = Fresh::new(Duration::from_secs(10));
        assert_eq!(fresh.get(async { Ok::<_, ()>(1) }).await, Ok(1));
        assert_eq!(fresh.get(async { Ok::<_, ()>(2) }).await, Ok(1));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(fresh.get(async { Err(()) }).await, Err(()));
        assert_eq!(fresh.get(async { Ok::<_, ()>(3) }).await, Ok(3));
    }
}
