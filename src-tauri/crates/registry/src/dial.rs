//! Connections that are begun before there is anything to ask: the first request finds the connection made, or under
//! way, that it would else have to wait for. No request is sent for that.
//!
//! reqwest has no way to connect ahead. Its connections can be made through layers of our own, though: one puts what it
//! has connected aside, the other takes what was put aside for the same place before it connects anew.

use std::{
    any::Any,
    cell::Cell,
    error::Error as StdError,
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either};
use http::Method;
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    time::sleep,
};
use tower::{Layer, Service};
use url::{Origin, Url};

use crate::host::lock;

/// How long a connection is kept that nobody has taken. What is in front of registries closes those that say nothing,
/// some after a few seconds, and that would be seen only by the request that takes one.
const KEPT: Duration = Duration::from_secs(2);

type BoxError = Box<dyn StdError + Send + Sync>;
/// A connection, of a type that reqwest does not name, or why there is none.
type Made = Result<Box<dyn Any + Send>, BoxError>;

tokio::task_local! {
    /// Where the connection leads that a request waits for.
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
        let begun = Arc::<Begun>::default();
        let take = Take(Arc::clone(&begun));
        let http = build(reqwest::Client::builder().connector_layer(take))?;
        let dialler = build(reqwest::Client::builder().connector_layer(Dial))?;
        Ok(Self { http, dialler, begun })
    }

    /// Sends a request and waits for the headers of its answer.
    pub(crate) fn execute(
        &self,
        request: reqwest::Request,
    ) -> impl Future<Output = reqwest::Result<reqwest::Response>> {
        let to = (!self.begun.is_empty()).then(|| request.url().origin());
        let answer = self.http.execute(request);
        match to {
            None => Either::Left(answer),
            Some(to) => Either::Right(TO.scope(to, answer)),
        }
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
    /// How many there are, for those who need not lock.
    count: AtomicUsize,
    numbers: AtomicU64,
}

struct Connecting {
    number: u64,
    to: Origin,
    made: oneshot::Receiver<Made>,
}

impl Begun {
    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

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
        let mut connections = lock(&self.connections);
        let result = change(&mut connections);
        self.count.store(connections.len(), Ordering::Relaxed);
        result
    }
}

/// The layer of those who send: takes what was begun before it connects anew.
#[derive(Clone)]
struct Take(Arc<Begun>);

/// Cloned for every request, even those that need no connection.
struct Taking<S> {
    inner: Arc<S>,
    begun: Arc<Begun>,
}

impl<S> Clone for Taking<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), begun: Arc::clone(&self.begun) }
    }
}

impl<S> Layer<S> for Take {
    type Service = Taking<S>;

    fn layer(&self, inner: S) -> Taking<S> {
        Taking { inner: Arc::new(inner), begun: Arc::clone(&self.0) }
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
        let begun = TO.try_with(|to| self.begun.take(to)).ok().flatten();
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let made = match begun {
                None => None,
                Some(mut begun) => match begun.try_recv() {
                    Err(TryRecvError::Empty) => begun.await.ok(),
                    // what failed before there was a request is not that request's failure
                    ended => ended.ok().filter(Result::is_ok),
                },
            };
            match made.map(|made| made.map(<Box<dyn Any + Send>>::downcast::<S::Response>)) {
                Some(Ok(Ok(connection))) => return Ok(*connection),
                Some(Err(error)) => return Err(error),
                _ => {}
            }
            let mut inner = S::clone(&inner);
            poll_fn(|context| inner.poll_ready(context)).await?;
            inner.call(request).await
        })
    }
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
mod tests {
    use testkit::Registry as Server;
    use tokio::{io::AsyncReadExt as _, net::TcpListener, time};

    use super::*;

    fn line() -> Line {
        Line::new(reqwest::ClientBuilder::build).unwrap()
    }

    fn get(host: &str) -> reqwest::Request {
        reqwest::Request::new(Method::GET, url(host))
    }

    fn url(host: &str) -> Url {
        format!("http://{host}/v2/").parse().unwrap()
    }

    /// Waits until nobody dials any more.
    async fn dialled(line: &Line) {
        while line.begun.change(|all| all.iter().any(|connecting| connecting.made.is_empty())) {
            time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_request_takes_the_connection_that_was_begun() {
        let server = Server::start().await;
        let (line, url) = (line(), url(server.host()));
        line.dial(&url);
        // while it is being made
        assert_eq!(line.execute(get(server.host())).await.unwrap().status(), 200);
        assert_eq!((server.connections(), server.requests().len()), (1, 1));
        line.dial(&url);
        line.dial(&url);
        dialled(&line).await;
        assert_eq!((server.connections(), server.requests().len()), (3, 1));
        let other = Server::start().await;
        line.execute(get(other.host())).await.unwrap();
        assert_eq!((other.connections(), server.connections()), (1, 3), "nobody else takes it");
    }

    #[tokio::test]
    async fn what_failed_before_there_was_a_request_is_tried_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        drop(listener);
        let line = line();
        line.dial(&url(&host));
        dialled(&line).await;
        let server = Server::builder().port(url(&host).port().unwrap()).start().await;
        assert_eq!(line.execute(get(&host)).await.unwrap().status(), 200);
        assert_eq!(server.connections(), 1);
        assert!(line.begun.is_empty());
    }

    #[tokio::test]
    async fn what_fails_while_a_request_waits_for_it_is_that_requests_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let line = line();
        line.dial(&url);
        let (mut stream, _) = listener.accept().await.unwrap();
        let closing = async {
            // it speaks of TLS first
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 1);
            drop(stream);
        };
        let request = reqwest::Request::new(Method::GET, url);
        let (answer, ()) = tokio::join!(line.execute(request), closing);
        assert!(answer.unwrap_err().is_connect());
        // a second one would have been accepted and waited for
        let again = std::pin::pin!(listener.accept());
        assert!(futures_util::poll!(again).is_pending());
    }

    #[tokio::test]
    async fn a_connection_that_nobody_takes_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = line();
        line.dial(&url(&listener.local_addr().unwrap().to_string()));
        let (mut stream, _) = listener.accept().await.unwrap();
        dialled(&line).await;
        time::pause();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        assert!(line.begun.is_empty());
    }
}
