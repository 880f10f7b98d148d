//! A connection that must keep up: who reads an answer too slowly is cut off.
//!
//! Hyper bounds how long a client may take to send the head of a request, and the layers above how
//! long an answer may take to be made. Nothing there bounds how long a client may take to read it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Longest time in which nothing can be written.
const STALL: Duration = Duration::from_secs(30);
/// Time that a connection may spend waiting to write, beside what its bytes bring.
const GRACE: Duration = Duration::from_secs(60);
/// Bytes that have to be read for each further second of waiting.
const SLOWEST: u64 = 1024;

/// A stream whose other end has to read.
pub struct Paced<T> {
    inner: T,
    written: u64,
    waited: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<T> Paced<T> {
    /// Around a stream.
    pub fn new(inner: T) -> Self {
        Self { inner, written: 0, waited: Duration::ZERO, waiting: None }
    }

    /// Time that is left for a wait that begins now.
    fn allowed(&self) -> Duration {
        let earned = Duration::from_secs(self.written / SLOWEST);
        GRACE.saturating_add(earned).saturating_sub(self.waited).min(STALL)
    }

    fn judge(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(done) = polled {
            if let Some((since, _)) = self.waiting.take() {
                self.waited = self.waited.saturating_add(since.elapsed());
            }
            if let Ok(n) = done {
                self.written = self.written.saturating_add(n as u64);
            }
            return Poll::Ready(done);
        }
        let allowed = self.allowed();
        let (_, timer) =
            self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(allowed))));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client does not read",
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.judge(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bytes);
        self.judge(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx).map_ok(|()| 0);
        self.judge(cx, polled).map_ok(drop)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(cx).map_ok(|()| 0);
        self.judge(cx, polled).map_ok(drop)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    // SPEC.md R-10-27.
    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_cut_off() {
        let (near, _far) = duplex(1024);
        let began = Instant::now();
        let error = Paced::new(near).write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, STALL));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_a_byte_now_and_then_is_cut_off_and_who_keeps_up_is_not() {
        for (bytes, passes) in [(1, false), (64 * 1024, true)] {
            let (near, mut far) = duplex(16);
            let reader = tokio::spawn(async move {
                let mut buffer = vec![0; bytes];
                while far.read_exact(&mut buffer).await.is_ok() {
                    sleep(Duration::from_secs(20)).await;
                }
            });
            let written = Paced::new(near).write_all(&[0; 512 * 1024]).await;
            assert_eq!(written.is_ok(), passes);
            reader.abort();
        }
    }
}
