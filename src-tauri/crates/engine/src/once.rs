//! Things that a run does once, whoever wants them: the first does it while others wait; where it fails, the next tries.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};

use crate::row::lock;

type Done = Arc<tokio::sync::Mutex<bool>>;

/// What was done, by key.
#[derive(Debug)]
pub(crate) struct Once<K>(Mutex<HashMap<K, Done>>);

impl<K> Default for Once<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Once<K> {
    /// Does it unless it is done. True when this call did it.
    pub(crate) async fn run<E>(
        &self,
        key: K,
        action: impl Future<Output = Result<(), E>>,
    ) -> Result<bool, E> {
        let done = lock(&self.0).entry(key).or_default().clone();
        let mut done = done.lock().await;
        if *done {
            return Ok(false);
        }
        action.await?;
        *done = true;
        Ok(true)
    }

    /// It must be done again.
    pub(crate) fn forget(&self, key: &K) {
        lock(&self.0).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_is_not_done_again_and_what_failed_is() {
        let once = Once::default();
        assert_eq!(once.run(1, async { Err("no") }).await, Err("no"));
        assert_eq!(once.run(1, async { Ok::<_, &str>(()) }).await, Ok(true));
        assert_eq!(once.run(1, async { Err("not asked") }).await, Ok(false));
        assert_eq!(once.run(2, async { Ok::<_, &str>(()) }).await, Ok(true));
        once.forget(&1);
        assert_eq!(once.run(1, async { Ok::<_, &str>(()) }).await, Ok(true));
    }
}
