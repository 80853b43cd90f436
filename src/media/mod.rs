//! The relay: every packet of sound and pictures passes here, and one table says to whom.
//!
//! A leg opens a port for each of its streams and patches ports together; a switch changes the
//! table and nothing else. What a peer receives stays one stream under one SSRC, whoever speaks.
//! Media knows no SIP, no SDP beyond the direction, and no call. On the path of a packet nothing
//! is allocated, and the bytes are rewritten where they lie.
//!
//! A file here imports from lower layers only:
//!
//! ```text
//! layer 17  machine  resumption                          the doors: commands, packets, what is due; going on
//! layer 16  switching  saved                             a port comes or goes, rows change
//! layer 15  camera  recording                            pictures of a camera to all its viewers; who is recorded
//! layer 14  routing  previews                            what a row means for its receiver; stills of who waits
//! layer 13  feedback                                     what a peer is asked for by RTCP
//! layer 12  relay                                        all that is kept, and when it is looked at next
//! layer 11  ports  forwarding  playout                   what one receiver gets: of its source, or of our own
//! layer 10  transcoding                                  coded or packed anew for it
//! layer 9   port                                         both together: a stream on its transport
//! layer 8   stream                                       codecs, numbering, reports
//! layer 7   inbound                                      what the peer sends
//! layer 6   transport                                    addresses and keys, and the other machines that streams
//! layer 6   conversion  feed  cameras  taps              and the relay are made of
//! layer 5   outgoing  hold  rendition  video_transcoder  what leaves the relay; sounds and pictures of our own
//! layer 4   work                                         jobs for the workers, and what comes of them
//! layer 3   camera_frames  encoded_prompts  preview  voice_transcoder
//! layer 2   frame_assembler  packing  patchbay  peer_packet  repacker  reports  route  sounds  srtp_context  wait_picture
//! layer 1   continuity  demultiplex  dropped  dtmf  frame  health  jitter_buffer  key_frames  latch  ledger  openings
//! layer 1   checks  consent  pace  path  plan  prompt  stock  tap  values and machines that know nothing of each other
//! ```

mod camera;
mod camera_frames;
mod cameras;
mod checks;
mod consent;
mod continuity;
mod conversion;
mod demultiplex;
mod dropped;
mod dtmf;
mod encoded_prompts;
mod feed;
mod feedback;
mod forwarding;
mod frame;
mod frame_assembler;
mod health;
mod hold;
mod inbound;
mod jitter_buffer;
mod key_frames;
mod latch;
mod ledger;
mod machine;
mod openings;
mod outgoing;
mod pace;
mod packing;
mod patchbay;
mod path;
mod peer_packet;
mod plan;
mod playout;
mod port;
mod ports;
mod preview;
mod previews;
mod prompt;
mod recording;
mod relay;
mod rendition;
mod repacker;
mod reports;
mod resumption;
mod route;
mod routing;
mod saved;
mod sounds;
mod srtp_context;
mod stock;
mod stream;
mod switching;
mod tap;
mod taps;
mod transcoding;
mod transport;
mod video_transcoder;
mod voice_transcoder;
mod wait_picture;
mod work;

pub use camera::CameraState;
pub use camera_frames::VideoCodec;
pub use cameras::UNIT_MAX;
pub use dropped::Dropped;
pub use dtmf::KEY_ECHO;
pub use encoded_prompts::{EncodedPrompt, PromptKey, PromptOrder};
pub use health::PortHealth;
pub use ledger::{
    Handling, LedgerFault, LedgerHead, LedgerSlot, LeftOut, MachineBoot, PeerSlot, RelayLedger,
    SealedSlot,
};
pub use machine::Command;
pub use outgoing::{Channel, Event, Outgoing};
pub use packing::packing;
pub use patchbay::{PatchChange, Patchbay, Source, Tone};
pub use path::MediaPath;
pub use plan::{
    BitrateFeedback, FORMATS_MAX, KeyFrameFeedback, PayloadFormat, PictureLimits, Plan, Protection,
    SrtpKeys, StreamPlan, TransportPlan, Trust,
};
pub use preview::{STILL_INTERVAL, Still};
pub use prompt::{
    Announcement, PLACEHOLDER, PromptMessage, TEXT_MAX, Texts, VideoPrompt, Voices, WaitingProfile,
    WaitingProfileId,
};
pub use relay::{Machine, Settings};
pub use resumption::PortFacts;
pub use saved::SavedPort;
pub use sounds::{SoundKey, SoundOrder};
pub use tap::{LOT_BYTES, LOT_ENTRIES, RecordingTap, Side, TapEntry, TappedPacket};
pub use work::{CodingOutcome, ConversionId, Done, Job, StillOrder, WorkerConversions};
