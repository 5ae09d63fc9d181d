use std::{
    sync::atomic::{AtomicBool, AtomicUsize},
    task::{Poll::Ready, Wake, Waker},
};

use testkit::{
    Registry as Server,
    tls::{Authority, Flaw},
};
use tokio::{
    io::{AsyncReadExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};

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
    assert!(line.begun.change(|all| all.is_empty()));
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
    assert!(line.begun.change(|all| all.is_empty()));
}

/// Connects when it is let, and then fails where it shall.
#[derive(Clone, Default)]
struct Gate(Arc<State>);

struct State {
    begun: AtomicUsize,
    may: Semaphore,
}

impl Default for State {
    fn default() -> Self {
        Self { begun: AtomicUsize::new(0), may: Semaphore::new(0) }
    }
}

impl Service<()> for Gate {
    type Response = ();
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        let state = Arc::clone(&self.0);
        state.begun.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            state.may.acquire().await?.forget();
            Ok(())
        })
    }
}

/// A pool whose connections lead to one place.
#[derive(Default)]
struct Pool {
    gate: Gate,
    queues: Arc<Queues>,
}

type Connection = BoxFuture<'static, Result<(), BoxError>>;

impl Pool {
    fn place() -> Origin {
        url("registry.example.com").origin()
    }

    /// A request that has found no connection free.
    fn wants(&self) -> Connection {
        let queues = Arc::clone(&self.queues);
        let take = Take { begun: Arc::default(), queues, patience: PATIENCE };
        let mut taking = take.layer(self.gate.clone());
        let mut connection = TO.sync_scope(Self::place(), || taking.call(()));
        assert!(Self::awaited(&mut connection).is_pending());
        connection
    }

    /// Polls a connection that its request still waits for.
    fn awaited(connection: &mut Connection) -> Poll<Result<(), BoxError>> {
        TO.sync_scope(Self::place(), || Self::left(connection))
    }

    /// Polls a connection whose request has found another.
    fn left(connection: &mut Connection) -> Poll<Result<(), BoxError>> {
        connection.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn begun(&self) -> usize {
        self.gate.0.begun.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn as_many_connections_are_begun_as_requests_wait() {
    let pool = Pool::default();
    let mut first = pool.wants();
    let mut second = pool.wants();
    assert_eq!(pool.begun(), 2);
    // another connection has become free for the first: what was begun for it is for who comes next
    assert!(Pool::left(&mut first).is_pending());
    let mut third = pool.wants();
    assert_eq!(pool.begun(), 2);
    let mut fourth = pool.wants();
    assert_eq!(pool.begun(), 3);
    pool.gate.0.may.add_permits(1);
    assert!(matches!(Pool::left(&mut first), Ready(Ok(()))));
    drop(first);
    // the third has got it, and needs none of its own
    assert!(matches!(Pool::left(&mut third), Ready(Err(_))));
    drop(third);
    pool.gate.0.may.add_permits(2);
    assert!(matches!(Pool::awaited(&mut second), Ready(Ok(()))));
    assert!(matches!(Pool::awaited(&mut fourth), Ready(Ok(()))));
    drop((second, fourth));
    assert!(pool.queues.is_empty());
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn who_relied_on_a_connection_that_failed_begins_one() {
    let pool = Pool::default();
    let mut first = pool.wants();
    assert!(Pool::left(&mut first).is_pending());
    let mut second = pool.wants();
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut poll = || {
        let mut context = Context::from_waker(&waker);
        TO.sync_scope(Pool::place(), || second.as_mut().poll(&mut context))
    };
    assert!(poll().is_pending());
    assert_eq!(pool.begun(), 1);
    pool.gate.0.may.close();
    assert!(matches!(Pool::left(&mut first), Ready(Err(_))));
    drop(first);
    assert!(woken.0.load(Ordering::Relaxed));
    assert!(matches!(poll(), Ready(Err(_))));
    assert_eq!(pool.begun(), 2);
    drop(second);
    assert!(pool.queues.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_leads_nowhere_is_not_relied_on_for_long() {
    let pool = Pool::default();
    let mut first = pool.wants();
    assert!(Pool::left(&mut first).is_pending());
    let second = pool.wants();
    let (begin, mut second) = (time::Instant::now(), pin!(TO.scope(Pool::place(), second)));
    while pool.begun() < 2 {
        assert!(futures_util::poll!(&mut second).is_pending());
        time::sleep(Duration::from_millis(10)).await;
    }
    assert!((PATIENCE..PATIENCE * 2).contains(&begin.elapsed()));
}

#[tokio::test]
async fn a_request_that_is_given_up_is_not_waited_for() {
    let pool = Pool::default();
    drop((pool.wants(), pool.wants()));
    assert!(pool.queues.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_long_is_not_relied_on_any_more() {
    let pool = Pool::default();
    let mut first = pool.wants();
    assert!(Pool::left(&mut first).is_pending());
    time::sleep(PATIENCE).await;
    assert!(Pool::left(&mut first).is_pending());
    let _second = pool.wants();
    assert_eq!(pool.begun(), 2);
}

#[tokio::test]
async fn a_connection_whose_request_went_another_way_is_for_the_next() {
    let server = Server::builder().tls(Authority::new().server(Flaw::None)).start().await;
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = gate.local_addr().unwrap().to_string();
    let build =
        |builder: reqwest::ClientBuilder| builder.tls_danger_accept_invalid_certs(true).build();
    let line = Line::relying(Duration::from_mins(1), build).unwrap();
    let request = || {
        let url = format!("https://{host}/v2/").parse().unwrap();
        let (line, get) = (line.clone(), reqwest::Request::new(Method::GET, url));
        Box::pin(async move { assert_eq!(line.execute(get).await.unwrap().status(), 200) })
    };
    let lead = async |(mut from, _): (TcpStream, _)| {
        let mut to = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
        tokio::spawn(async move { copy_bidirectional(&mut from, &mut to).await });
    };
    let arrived = async |requests| {
        while server.requests().len() < requests {
            time::sleep(Duration::from_millis(1)).await;
        }
    };
    // the first connection
    let open = async { lead(gate.accept().await.unwrap()).await };
    tokio::join!(request(), open);
    server.set_latency(Duration::from_millis(50));
    // while it is busy, a second one is begun that is not made
    let second = tokio::spawn(request());
    arrived(2).await;
    let third = tokio::spawn(request());
    let begun = gate.accept().await.unwrap();
    second.await.unwrap();
    // the third goes over the first connection, and the fourth begins none of its own
    arrived(3).await;
    let mut fourth = request();
    assert!(futures_util::poll!(&mut fourth).is_pending());
    lead(begun).await;
    fourth.await;
    third.await.unwrap();
    assert!(futures_util::poll!(pin!(gate.accept())).is_pending());
}
