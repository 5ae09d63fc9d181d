//! Connections that are begun before there is anything to ask: the first request finds the connection made, or under
//! way, that it would else have to wait for. No request is sent for that.
//!
//! reqwest has no way to connect ahead. Its connections can be made through layers of our own, though: one puts what it
//! has connected aside, the other takes what was put aside for the same place before it connects anew. And it begins no
//! more connections than there are requests that wait for one.

mod queue;

use std::{
    any::Any,
    cell::Cell,
    error::Error as StdError,
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Method;
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    time::{sleep, timeout},
};
use tower::{Layer, Service};
use url::{Origin, Url};

use self::queue::{Queues, Ticket};
use crate::host::lock;

/// How long a connection is kept that nobody has taken. What is in front of registries closes those that say nothing,
/// some after a few seconds, and that would be seen only by the request that takes one.
const KEPT: Duration = Duration::from_secs(2);
/// How long a request relies on connections that others have begun, and how old these may be. They may lead nowhere, or
/// go to nobody, and its own has only what is left of the time to connect.
const PATIENCE: Duration = Duration::from_millis(250);

type BoxError = Box<dyn StdError + Send + Sync>;
/// A connection, of a type that reqwest does not name, or why there is none.
type Made = Result<Box<dyn Any + Send>, BoxError>;

tokio::task_local! {
    /// Where the connection leads that a request waits for. Not set where one is made that its request no longer needs:
    /// that is done in a task of its own.
    static TO: Origin;
    /// Who gets the connection that is made ahead.
    static FOR: Cell<Option<oneshot::Sender<Made>>>;
}

/// Sends requests, over connections that may have been begun ahead.
#[derive(Clone)]
pub(crate) struct Line {
    http: reqwest::Client,
    /// Never sends anything: it only connects.
    dialler: reqwest::Client,
    begun: Arc<Begun>,
}

impl Line {
    /// `build` is called for both of its clients, so that they connect alike.
    pub(crate) fn new<E>(
        build: impl Fn(reqwest::ClientBuilder) -> Result<reqwest::Client, E>,
    ) -> Result<Self, E> {
        Self::relying(PATIENCE, build)
    }

    fn relying<E>(
        patience: Duration,
        build: impl Fn(reqwest::ClientBuilder) -> Result<reqwest::Client, E>,
    ) -> Result<Self, E> {
        let begun = Arc::<Begun>::default();
        let take = Take { begun: Arc::clone(&begun), queues: Arc::default(), patience };
        let http = build(reqwest::Client::builder().connector_layer(take))?;
        let dialler = build(reqwest::Client::builder().connector_layer(Dial))?;
        Ok(Self { http, dialler, begun })
    }

    /// Sends a request and waits for the headers of its answer.
    pub(crate) fn execute(
        &self,
        request: reqwest::Request,
    ) -> impl Future<Output = reqwest::Result<reqwest::Response>> {
        TO.scope(request.url().origin(), self.http.execute(request))
    }

    /// Begins a connection to where `url` leads. A request that comes while it is under way waits for it, within its own
    /// time-out, and is told if it fails; if it times out, the request connects by itself in the time that it has left.
    pub(crate) fn dial(&self, url: &Url) {
        let (tell, told) = oneshot::channel();
        let number = self.begun.put(url.origin(), told);
        let request = reqwest::Request::new(Method::HEAD, url.clone());
        let dialling = FOR.scope(Cell::new(Some(tell)), self.dialler.execute(request));
        let begun = Arc::clone(&self.begun);
        tokio::spawn(async move {
            // always an error; what there is to tell was told
            let _ = dialling.await;
            sleep(KEPT).await;
            begun.remove(number);
        });
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line(..)")
    }
}

/// The connections that nobody has taken, oldest first.
#[derive(Default)]
struct Begun {
    connections: Mutex<Vec<Connecting>>,
    numbers: AtomicU64,
}

struct Connecting {
    number: u64,
    to: Origin,
    made: oneshot::Receiver<Made>,
}

impl Begun {
    fn put(&self, to: Origin, made: oneshot::Receiver<Made>) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.change(|all| all.push(Connecting { number, to, made }));
        number
    }

    fn take(&self, to: &Origin) -> Option<oneshot::Receiver<Made>> {
        self.change(|all| {
            let at = all.iter().position(|connecting| connecting.to == *to)?;
            Some(all.remove(at).made)
        })
    }

    fn remove(&self, number: u64) {
        self.change(|all| all.retain(|connecting| connecting.number != number));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Connecting>) -> T) -> T {
        change(&mut lock(&self.connections))
    }
}

/// The layer of those who send: takes what was begun before it connects anew.
#[derive(Clone)]
struct Take {
    begun: Arc<Begun>,
    queues: Arc<Queues>,
    /// How long connections that others have begun are relied on.
    patience: Duration,
}

/// Cloned for every request, even those that need no connection.
struct Taking<S> {
    inner: Arc<S>,
    take: Arc<Take>,
}

impl<S> Clone for Taking<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), take: Arc::clone(&self.take) }
    }
}

impl<S> Layer<S> for Take {
    type Service = Taking<S>;

    fn layer(&self, inner: S) -> Taking<S> {
        Taking { inner: Arc::new(inner), take: Arc::new(self.clone()) }
    }
}

impl<S, R> Service<R> for Taking<S>
where
    S: Service<R, Error = BoxError> + Clone + Send + Sync + 'static,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let to = TO.try_with(Origin::clone).ok();
        let begun = to.as_ref().and_then(|to| self.take.begun.take(to));
        let ticket = to.map(|to| Ticket::new(&self.take.queues, to));
        let (inner, patience) = (Arc::clone(&self.inner), self.take.patience);
        Box::pin(async move {
            let Some(mut ticket) = ticket else { return connect(S::clone(&inner), request).await };
            if begun.is_none() {
                let mut turn = pin!(ticket.turn());
                let turn = poll_fn(|context| {
                    if is_needed() { turn.as_mut().poll(context) } else { Poll::Ready(()) }
                });
                let _ = timeout(patience, turn).await;
                if !is_needed() {
                    return Err("another connection has become free".into());
                }
            }
            ticket.connect();
            let mut connecting = pin!(async {
                match taken(begun).await {
                    Some(made) => made,
                    None => connect(S::clone(&inner), request).await,
                }
            });
            let mut is_late = pin!(sleep(patience));
            let made = poll_fn(|context| {
                if !is_needed() {
                    ticket.served();
                    if is_late.as_mut().poll(context).is_ready() {
                        ticket.lose();
                    }
                }
                connecting.as_mut().poll(context)
            });
            let made = made.await?;
            ticket.made();
            Ok(made)
        })
    }
}

/// Whether the request that this task works for still waits for its connection.
fn is_needed() -> bool {
    TO.try_with(|_| ()).is_ok()
}

/// What was begun ahead, where that came to something.
async fn taken<C: 'static>(begun: Option<oneshot::Receiver<Made>>) -> Option<Result<C, BoxError>> {
    let mut begun = begun?;
    let made = match begun.try_recv() {
        Err(TryRecvError::Empty) => begun.await.ok(),
        // what failed before there was a request is not that request's failure
        ended => ended.ok().filter(Result::is_ok),
    };
    match made?.map(<Box<dyn Any + Send>>::downcast::<C>) {
        Ok(Ok(connection)) => Some(Ok(*connection)),
        Ok(Err(_)) => None,
        Err(error) => Some(Err(error)),
    }
}

async fn connect<S, R>(mut service: S, request: R) -> Result<S::Response, BoxError>
where
    S: Service<R, Error = BoxError>,
{
    poll_fn(|context| service.poll_ready(context)).await?;
    service.call(request).await
}

/// The layer of those who only connect: gives the connection away, and tells its own client that there is none.
#[derive(Clone)]
struct Dial;

#[derive(Clone)]
struct Dialling<S>(S);

impl<S> Layer<S> for Dial {
    type Service = Dialling<S>;

    fn layer(&self, inner: S) -> Dialling<S> {
        Dialling(inner)
    }
}

impl<S, R> Service<R> for Dialling<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let tell = FOR.try_with(Cell::take).ok().flatten();
        let connecting = self.0.call(request);
        Box::pin(async move {
            let made = connecting.await.map(|made| Box::new(made) as Box<dyn Any + Send>);
            if let Some(tell) = tell {
                let _ = tell.send(made);
            }
            Err("the connection is for another request".into())
        })
    }
}

#[cfg(test)]
mod tests;
