//! The RTP sockets of a simulated phone: two pairs on an even port each, as RFC 3550 §11 wants.

use std::io;
use std::net::IpAddr;
use tokio::net::UdpSocket;

/// How often another port is tried.
const TRIES: usize = 100;

/// Sound and pictures, each with its RTCP.
pub struct PhoneSockets {
    /// Sound.
    pub audio: UdpSocket,
    /// Its RTCP: held, so that no other phone gets what is sent there.
    _audio_rtcp: UdpSocket,
    /// Pictures.
    pub video: UdpSocket,
    /// Where key frames are asked for.
    pub video_rtcp: UdpSocket,
}

impl PhoneSockets {
    /// Binds all four.
    ///
    /// # Errors
    /// When there are no ports.
    pub async fn bind(ip: IpAddr) -> io::Result<Self> {
        let (audio, audio_rtcp) = pair(ip).await?;
        let (video, video_rtcp) = pair(ip).await?;
        Ok(Self { audio, _audio_rtcp: audio_rtcp, video, video_rtcp })
    }
}

async fn pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut refused = Vec::new();
    for _ in 0..TRIES {
        let rtp = UdpSocket::bind((ip, 0)).await?;
        let port = rtp.local_addr()?.port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = UdpSocket::bind((ip, port + 1)).await
        {
            return Ok((rtp, rtcp));
        }
        // Kept until one fits, so that the system does not offer it again.
        refused.push(rtp);
    }
    Err(io::Error::from(io::ErrorKind::AddrInUse))
}
