//! The event loop and what it touches: sockets, the clock, the log. Performing never decides.
//!
//! ```text
//! layer 9  admin_socket
//! layer 8  event_loop
//! layer 7  loop_parts
//! layer 6  loop_sockets
//! layer 5  stream
//! layer 4  connecting  media_sockets  routes
//! layer 3  dtls  websocket  udp  parked_sockets  cameras  recordings  codec_workers  telemetry
//! layer 2  tls  connection_task  ledger_file  resting_ports  waiting_packets  fd_store  connection_limiter  liveness  open_files  resolver  clock
//! layer 1  camera_connection  camera_url  reserve  breakdown  complaints  sip_trace
//! layer 1  course  crash_guard  account  notify  memory  passed_files  message_reader  host  certificate
//! layer 1  stream_event  handshakes  packet_info  page_places
//! ```

pub mod account;
pub mod admin_socket;
mod breakdown;
mod camera_connection;
mod camera_url;
pub mod cameras;
pub mod certificate;
pub mod clock;
mod codec_workers;
mod complaints;
pub mod connecting;
mod connection_limiter;
mod connection_task;
pub mod course;
pub mod crash_guard;
pub mod dtls;
pub mod event_loop;
pub mod fd_store;
mod handshakes;
pub mod host;
pub mod ledger_file;
mod liveness;
pub mod loop_parts;
pub mod loop_sockets;
pub mod media_sockets;
pub mod memory;
mod message_reader;
pub mod notify;
pub mod open_files;
mod packet_info;
mod page_places;
mod parked_sockets;
pub mod passed_files;
pub mod recordings;
mod reserve;
pub mod resolver;
pub mod resting_ports;
mod routes;
pub mod sip_trace;
mod stream;
mod stream_event;
pub mod telemetry;
pub mod tls;
mod udp;
mod waiting_packets;
mod websocket;

pub use camera_url::{CameraUrl, CameraUrlFault, URL_BYTES_MAX};
pub use codec_workers::CodecWorkers;
pub use connection_limiter::{
    CONNECTIONS_MAX, RESERVE, Settings as ConnectionLimiterSettings, TRUSTED_FACTOR,
};
pub use handshakes::{HANDSHAKE_MAX, HANDSHAKES_MAX};
pub use reserve::{RESERVE_MIN, Reserve};
pub use routes::Routes;
pub use stream::{PageListener, StreamSettings};
pub use udp::own_address_towards;
pub use websocket::Origins;
