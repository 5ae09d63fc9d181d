//! A connection that can be cut at any moment, at an exact byte, with a reset or without.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
};

use crate::{fault::Cut, lock};

/// Cuts a connection.
#[derive(Debug)]
pub(crate) struct Control {
    cut: watch::Sender<Option<Cut>>,
    after_flush: Mutex<Option<Cut>>,
}

impl Control {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { cut: watch::Sender::new(None), after_flush: Mutex::default() })
    }

    /// Cuts now.
    pub(crate) fn cut(&self, cut: Cut) {
        self.cut.send_if_modified(|state| {
            let first = state.is_none();
            state.get_or_insert(cut);
            first
        });
    }

    /// Cuts once everything that was written has gone to the system.
    pub(crate) fn cut_after_flush(&self, cut: Cut) {
        lock(&self.after_flush).get_or_insert(cut);
    }

    /// Waits for the cut.
    pub(crate) async fn wait(&self) {
        // the sender is `self`
        let _ = self.cut.subscribe().wait_for(Option::is_some).await;
    }

    /// Cuts now, and never comes back.
    pub(crate) async fn hang_up(&self, cut: Cut) -> ! {
        self.cut(cut);
        std::future::pending().await
    }
}

/// A connection under such a control.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    control: Arc<Control>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, control: Arc<Control>) -> Self {
        Self { stream, control }
    }

    /// The first byte that the client sent, left in place; `None` when it closed instead.
    pub(crate) async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.stream.peek(&mut byte).await? > 0).then_some(byte[0]))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if *self.control.cut.borrow() == Some(Cut::Reset) {
            // where that fails the connection is closed, which is the next best
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if let Some(cut) = lock(&self.control.after_flush).take() {
            self.control.cut(cut);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
