//! A TCP connection that does not wait for its own acknowledgements.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
};

/// A stream with TCP_NODELAY, and TCP_QUICKACK while the login goes on.
///
/// An SSH server leaves Nagle's algorithm on until the first session starts, so what it has to say waits for our delayed
/// acknowledgement: 40 ms twice in each login. What we say carries the acknowledgement of what we heard; so only where we
/// wait to hear more without having said anything is it sent at once. The kernel takes TCP_QUICKACK back by itself. A
/// login needs it less than ten times, and what follows would only send more packets.
pub(super) struct QuickStream {
    inner: TcpStream,
    /// Whether something was heard since the last time that something was said or acknowledged.
    heard: bool,
    acknowledged: u32,
}

impl QuickStream {
    const ACKNOWLEDGED_MAX: u32 = 16;

    /// As much as a probe of a usual host answers.
    const BUFFER: usize = 8 * 1024;

    /// The stream, read ahead: russh asks for the length of each packet first, and then for the rest of it.
    pub(super) fn buffered(inner: TcpStream) -> io::Result<BufReader<Self>> {
        inner.set_nodelay(true)?;
        Ok(BufReader::with_capacity(Self::BUFFER, Self { inner, heard: false, acknowledged: 0 }))
    }
}

impl AsyncRead for QuickStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if read.is_ready() {
            self.heard = true;
        } else if self.heard && self.acknowledged < Self::ACKNOWLEDGED_MAX {
            (self.heard, self.acknowledged) = (false, self.acknowledged + 1);
            // Only the speed depends on it, so a kernel may refuse.
            #[cfg(target_os = "linux")]
            let _ = self.inner.set_quickack(true);
        }
        read
    }
}

impl AsyncWrite for QuickStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.heard &= !written.is_ready();
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
