//! How the loss of a peer is noticed that has vanished without a word: a cable pulled, a battery empty, a
//! router that has forgotten the connection.

use rustix::net::sockopt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// What is written has to be acknowledged within so long, or the connection is closed (RFC 5482).
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// A connection on which nothing comes is asked after so long whether its peer is still there,
pub const QUIET_MAX: Duration = Duration::from_secs(60);
/// and again after so long,
pub const PROBE_EVERY: Duration = Duration::from_secs(10);
/// so often in vain before it is closed.
pub const PROBES_MAX: u32 = 3;

/// Has the system watch a connection: reading from it ends when its peer is gone.
///
/// # Errors
/// When the system cannot: the connection is as good as any other, its loss is noticed later.
pub fn watch(stream: impl AsFd) -> io::Result<()> {
    let stream = stream.as_fd();
    let millis = u32::try_from(UNACKNOWLEDGED_MAX.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(stream, millis)?;
    sockopt::set_tcp_keepidle(stream, QUIET_MAX)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, PROBES_MAX)?;
    sockopt::set_socket_keepalive(stream, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_is_watched() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        watch(&stream).unwrap();
        assert_eq!(sockopt::tcp_user_timeout(&stream), Ok(30_000));
        assert_eq!(sockopt::socket_keepalive(&stream), Ok(true));
        assert_eq!(sockopt::tcp_keepidle(&stream), Ok(QUIET_MAX));
        assert_eq!(sockopt::tcp_keepintvl(&stream), Ok(PROBE_EVERY));
        assert_eq!(sockopt::tcp_keepcnt(&stream), Ok(PROBES_MAX));
    }
}
