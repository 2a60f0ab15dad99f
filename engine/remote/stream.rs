//! A TCP connection that does not wait for its own acknowledgements.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
};

/// A stream with TCP_NODELAY, and TCP_QUICKACK while the login goes on.
///
/// An SSH server leaves Nagle's algorithm on until the first session starts, so its answers wait for our delayed
/// acknowledgement: 40 ms twice in each login. The kernel takes TCP_QUICKACK back by itself; it is set again on each
/// of the first reads: a login takes about ten, and what follows would only send more packets.
pub(super) struct QuickStream {
    inner: TcpStream,
    reads: u32,
}

impl QuickStream {
    const READS: u32 = 16;

    /// As much as a probe of a usual host answers.
    const BUFFER: usize = 8 * 1024;

    /// The stream, read ahead: russh asks for the length of each packet first, and then for the rest of it.
    pub(super) fn buffered(inner: TcpStream) -> io::Result<BufReader<Self>> {
        inner.set_nodelay(true)?;
        Ok(BufReader::with_capacity(Self::BUFFER, Self { inner, reads: 0 }))
    }
}

impl AsyncRead for QuickStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        if self.reads < Self::READS {
            self.reads += 1;
            // Only the speed depends on it, so a kernel may refuse.
            #[cfg(target_os = "linux")]
            let _ = self.inner.set_quickack(true);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for QuickStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
