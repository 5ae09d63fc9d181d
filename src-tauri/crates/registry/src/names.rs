//! The addresses of hosts. Connections are opened in bursts, and each would ask the system anew, on a thread of its own:
//! here the first asks, and those that come within the next seconds have its answer.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{net::lookup_host, sync::OnceCell, time::Instant};

/// How long an answer holds: longer than a burst, and too short to hide that a host has moved.
const HOLDS: Duration = Duration::from_secs(10);

type Answer = Arc<OnceCell<Vec<SocketAddr>>>;

/// What was asked and answered.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, (Instant, Answer)>>);

impl Names {
    /// The answer for a host, or the place where it will be; whoever finds it empty asks. A failure leaves it empty.
    fn answer(&self, host: &str) -> Answer {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (asked, _)| asked.elapsed() < HOLDS);
        let (_, answer) =
            known.entry(host.to_owned()).or_insert_with(|| (Instant::now(), Answer::default()));
        Arc::clone(answer)
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let answer = self.answer(&host);
        Box::pin(async move {
            let ask = || async { lookup_host((host, 0)).await.map(Iterator::collect) };
            let found = answer.get_or_try_init(ask).await?;
            Ok(Box::new(found.clone().into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn addresses(names: &Names, host: &str) -> Option<Vec<SocketAddr>> {
        Some(names.resolve(host.parse().unwrap()).await.ok()?.collect())
    }

    #[tokio::test]
    async fn an_answer_holds_for_a_burst_and_not_for_ever() {
        let names = Names::default();
        let found = addresses(&names, "localhost").await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        let first = names.answer("localhost");
        assert_eq!(first.get(), Some(&found));
        assert!(Arc::ptr_eq(&first, &names.answer("localhost")));

        tokio::time::pause();
        tokio::time::advance(HOLDS).await;
        assert_eq!(names.answer("localhost").get(), None);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let names = Names::default();
        assert_eq!(addresses(&names, "no such host").await, None);
        assert_eq!(names.answer("no such host").get(), None);
    }
}
