//! The file (RFC 9559): a head with room for what is known later, then clusters of a second each, and
//! at the end an index.
//!
//! ```text
//!   EBML │ Segment ─ seek head │ info │ tracks │ cluster │ cluster │ … │ cues
//!                      ▲ at the end   ▲ when the first picture comes    ▲ at the end
//! ```
//!
//! A file whose writer was cut off plays up to its last cluster.

use super::ebml::{EbmlElements, Id, length_of_eight};
use crate::rtp::video::nal_units;

/// Where the room for the seek head begins, from the beginning of the segment, and its length.
const SEEK_HEAD: usize = 96;
/// Room for the tracks.
const TRACKS: usize = 512;
/// No cluster lasts longer, in ms. What a crash costs is at most one.
const CLUSTER_MS: u64 = 1000;
/// Entries of the index; a file of more than a day is searched by its clusters.
const CUES_MAX: usize = 100_000;

/// An element of the length: two bytes of identifier, one of its own length, a number.
const DURATION_ROOM: usize = 11;

const SOUND: u64 = 1;
const PICTURES: u64 = 2;
/// The identifiers of RFC 9559 §5.1 that are written more than once.
const SEGMENT: Id = Id(0x1853_8067);
const INFO: Id = Id(0x1549_a966);
const TRACKS_ID: Id = Id(0x1654_ae6b);
const CUES: Id = Id(0x1c53_bb6b);
const CLUSTER: Id = Id(0x1f43_b675);
const DURATION: Id = Id(0x4489);
/// An H.264 NAL unit of each kind.
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const DELIMITER: u8 = 9;

/// What is to be done to the file, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileWrite {
    /// Written at its end.
    Append(Vec<u8>),
    /// Written over what is there.
    Patch {
        /// From the beginning of the file.
        at: u64,
        /// As many as were reserved.
        bytes: Vec<u8>,
    },
}

/// How the sound is coded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SoundTrack {
    /// Hz, of what went into the encoder.
    pub sample_rate: u32,
    /// Samples at 48 kHz that the decoder gives before the first one that counts.
    pub pre_skip: u16,
}

/// Writes one file.
#[derive(Debug)]
pub struct Muxer {
    sound: SoundTrack,
    /// Points of the pictures.
    size: (usize, usize),
    /// What has been given out, in bytes.
    written: u64,
    /// Where the segment's contents, its info's duration and its tracks are.
    segment: u64,
    info: u64,
    duration: u64,
    tracks: u64,
    has_pictures: bool,
    cluster: Cluster,
    cues: Vec<(u64, u64, u64)>,
    end_ms: u64,
}

/// What becomes the next cluster.
#[derive(Debug, Default)]
struct Cluster {
    begins_ms: Option<u64>,
    blocks: EbmlElements,
    /// The first block of pictures is a key frame.
    key_frame: bool,
}

impl Muxer {
    /// A file without pictures as yet, and its head.
    #[must_use]
    pub fn new(title: &str, sound: SoundTrack, size: (usize, usize)) -> (Self, FileWrite) {
        let mut file = EbmlElements::new();
        file.master(Id(0x1a45_dfa3), |head| {
            // EBMLVersion, EBMLReadVersion, EBMLMaxIDLength, EBMLMaxSizeLength.
            head.number(Id(0x4286), 1).number(Id(0x42f7), 1).number(Id(0x42f2), 4);
            head.number(Id(0x42f3), 8);
            // DocType and its versions.
            head.text(Id(0x4282), "matroska").number(Id(0x4287), 4).number(Id(0x4285), 2);
        });
        file.open(SEGMENT);
        let segment = file.0.len() as u64;
        file.fill(segment as usize + SEEK_HEAD);
        let info = file.0.len() as u64;
        file.master(INFO, |info| {
            // TimestampScale: 1 ms.
            info.number(Id(0x2a_d7b1), 1_000_000).text(Id(0x7ba9), title);
            info.text(Id(0x4d80), "cordboard").text(Id(0x5741), "cordboard");
            // The length is not known yet: room for it.
            info.fill(info.0.len() + DURATION_ROOM);
        });
        let duration = (file.0.len() - DURATION_ROOM) as u64;
        let tracks = file.0.len() as u64;
        let muxer = Self {
            sound,
            size,
            written: tracks + TRACKS as u64,
            segment,
            info,
            duration,
            tracks,
            has_pictures: false,
            cluster: Cluster::default(),
            cues: Vec::new(),
            end_ms: 0,
        };
        file.0.extend_from_slice(&muxer.tracks(None));
        (muxer, FileWrite::Append(file.0))
    }

    /// A packet of Opus that is heard from `at_ms` on, for `lasts_ms`.
    pub fn sound(
        &mut self,
        (at_ms, lasts_ms): (u64, u64),
        packet: &[u8],
        ink: &mut Vec<FileWrite>,
    ) {
        self.block(SOUND, (at_ms, lasts_ms), true, packet, ink);
    }

    /// A coded picture, as a byte stream with start codes, that is seen from `at_ms` on. What comes
    /// before the first key frame is left out.
    pub fn video_frame(
        &mut self,
        at_ms: u64,
        key_frame: bool,
        stream: &[u8],
        ink: &mut Vec<FileWrite>,
    ) {
        if !self.has_pictures {
            let Some(record) = decoder_configuration(stream).filter(|_| key_frame) else { return };
            self.has_pictures = true;
            let bytes = self.tracks(Some(&record));
            ink.push(FileWrite::Patch { at: self.tracks, bytes });
        }
        // ISO/IEC 14496-15 §5.3.2: each NAL unit behind its length; the parameter sets are in the head.
        let mut sample = Vec::with_capacity(stream.len() + 16);
        let kept = |nal: &&[u8]| {
            !matches!(nal[0] & 0x1f, SEQUENCE_PARAMETERS | PICTURE_PARAMETERS | DELIMITER)
        };
        for nal in nal_units(stream).filter(kept) {
            sample.extend_from_slice(&u32::try_from(nal.len()).unwrap_or(u32::MAX).to_be_bytes());
            sample.extend_from_slice(nal);
        }
        self.block(PICTURES, (at_ms, 0), key_frame, &sample, ink);
    }

    /// The file is whole.
    pub fn finish(mut self, ink: &mut Vec<FileWrite>) {
        self.end_cluster(ink);
        let cues_at = self.written - self.segment;
        let mut cues = EbmlElements::new();
        cues.master(CUES, |cues| {
            for (at_ms, track, position) in &self.cues {
                cues.master(Id(0xbb), |point| {
                    point.number(Id(0xb3), *at_ms).master(Id(0xb7), |place| {
                        place.number(Id(0xf7), *track).number(Id(0xf1), *position);
                    });
                });
            }
        });
        let has_cues = !self.cues.is_empty();
        if has_cues {
            self.append(cues.0, ink);
        }
        let mut seek_head = EbmlElements::new();
        seek_head.master(Id(0x114d_9b74), |head| {
            let places =
                [(INFO, self.info - self.segment), (TRACKS_ID, self.tracks - self.segment)];
            let cues = has_cues.then_some((CUES, cues_at));
            for (Id(id), place) in places.into_iter().chain(cues) {
                head.master(Id(0x4dbb), |seek| {
                    seek.bytes(Id(0x53ab), &id.to_be_bytes()).number(Id(0x53ac), place);
                });
            }
        });
        seek_head.fill(SEEK_HEAD);
        ink.push(FileWrite::Patch { at: self.segment, bytes: seek_head.0 });
        let mut duration = EbmlElements::new();
        duration.float(DURATION, self.end_ms as f64);
        ink.push(FileWrite::Patch { at: self.duration, bytes: duration.0 });
        let len = length_of_eight(self.written - self.segment);
        ink.push(FileWrite::Patch { at: self.segment - 8, bytes: len.to_vec() });
    }

    fn block(
        &mut self,
        track: u64,
        (at_ms, lasts_ms): (u64, u64),
        key_frame: bool,
        payload: &[u8],
        ink: &mut Vec<FileWrite>,
    ) {
        let begun = self.cluster.begins_ms;
        let new_group = track == PICTURES && key_frame && begun.is_some_and(|at| at_ms > at);
        // In between, a block may lie before its cluster: sound and pictures take turns.
        let is_long = begun.is_some_and(|at| at_ms.abs_diff(at) >= CLUSTER_MS);
        if new_group || is_long {
            self.end_cluster(ink);
        }
        let begins_ms = *self.cluster.begins_ms.get_or_insert(at_ms);
        self.cluster.key_frame |= track == PICTURES && key_frame;
        let relative = at_ms as i64 - begins_ms as i64;
        let relative = i16::try_from(relative).expect("a cluster lasts a second");
        let mut block = vec![0x80 | track as u8];
        block.extend_from_slice(&relative.to_be_bytes());
        block.push(if key_frame { 0x80 } else { 0 });
        block.extend_from_slice(payload);
        self.cluster.blocks.bytes(Id(0xa3), &block);
        self.end_ms = self.end_ms.max(at_ms + lasts_ms);
    }

    fn end_cluster(&mut self, ink: &mut Vec<FileWrite>) {
        let Cluster { begins_ms, blocks, key_frame } = std::mem::take(&mut self.cluster);
        let Some(begins_ms) = begins_ms else { return };
        let track = if key_frame { PICTURES } else { SOUND };
        if self.cues.len() < CUES_MAX && (key_frame || !self.has_pictures) {
            self.cues.push((begins_ms, track, self.written - self.segment));
        }
        let mut cluster = EbmlElements::new();
        cluster.master(CLUSTER, |cluster| {
            cluster.number(Id(0xe7), begins_ms);
            cluster.0.extend_from_slice(&blocks.0);
        });
        self.append(cluster.0, ink);
    }

    fn append(&mut self, bytes: Vec<u8>, ink: &mut Vec<FileWrite>) {
        self.written += bytes.len() as u64;
        ink.push(FileWrite::Append(bytes));
    }

    /// The tracks, in the room that is reserved for them.
    fn tracks(&self, pictures: Option<&[u8]>) -> Vec<u8> {
        let SoundTrack { sample_rate, pre_skip } = self.sound;
        let mut tracks = EbmlElements::new();
        tracks.master(TRACKS_ID, |tracks| {
            if let Some(record) = pictures {
                tracks.master(Id(0xae), |track| {
                    track.number(Id(0xd7), PICTURES).number(Id(0x73c5), PICTURES);
                    // TrackType, FlagLacing, CodecID, CodecPrivate.
                    track.number(Id(0x83), 1).number(Id(0x9c), 0);
                    track.text(Id(0x86), "V_MPEG4/ISO/AVC").bytes(Id(0x63a2), record);
                    track.master(Id(0xe0), |video| {
                        video.number(Id(0xb0), self.size.0 as u64);
                        video.number(Id(0xba), self.size.1 as u64);
                    });
                });
            }
            tracks.master(Id(0xae), |track| {
                track.number(Id(0xd7), SOUND).number(Id(0x73c5), SOUND);
                track.number(Id(0x83), 2).number(Id(0x9c), 0);
                track.text(Id(0x86), "A_OPUS").bytes(Id(0x63a2), &opus_head(pre_skip, sample_rate));
                // CodecDelay and SeekPreRoll, in ns (draft-ietf-cellar-codec, A_OPUS).
                track.number(Id(0x56aa), u64::from(pre_skip) * 1_000_000_000 / 48_000);
                track.number(Id(0x56bb), 80_000_000);
                track.master(Id(0xe1), |audio| {
                    audio.float(Id(0xb5), 48_000.0).number(Id(0x9f), 2);
                });
            });
        });
        tracks.fill(TRACKS);
        tracks.0
    }
}

/// RFC 7845 §5.1.
fn opus_head(pre_skip: u16, sample_rate: u32) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    // Version, channels.
    head.extend_from_slice(&[1, 2]);
    head.extend_from_slice(&pre_skip.to_le_bytes());
    head.extend_from_slice(&sample_rate.to_le_bytes());
    // No gain, the usual order of channels.
    head.extend_from_slice(&[0, 0, 0]);
    head
}

/// The AVCDecoderConfigurationRecord of ISO/IEC 14496-15 §5.3.3.1 for a stream that begins with its
/// parameter sets.
fn decoder_configuration(stream: &[u8]) -> Option<Vec<u8>> {
    let find = |kind| nal_units(stream).find(move |nal| nal[0] & 0x1f == kind);
    let (sequence, picture) = (find(SEQUENCE_PARAMETERS)?, find(PICTURE_PARAMETERS)?);
    let [_, profile, compatibility, level, ..] = *sequence else { return None };
    // Lengths of four bytes, one sequence parameter set.
    let mut record = vec![1, profile, compatibility, level, 0xff, 0xe1];
    record.extend_from_slice(&u16::try_from(sequence.len()).ok()?.to_be_bytes());
    record.extend_from_slice(sequence);
    record.push(1);
    record.extend_from_slice(&u16::try_from(picture.len()).ok()?.to_be_bytes());
    record.extend_from_slice(picture);
    (record.len() <= TRACKS / 2).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND_TRACK: SoundTrack = SoundTrack { sample_rate: 16_000, pre_skip: 312 };

    /// A file on no disk.
    fn perform(ink: Vec<FileWrite>) -> Vec<u8> {
        let mut file: Vec<u8> = Vec::new();
        for ink in ink {
            match ink {
                FileWrite::Append(bytes) => file.extend_from_slice(&bytes),
                FileWrite::Patch { at, bytes } => {
                    file[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
                }
            }
        }
        file
    }

    fn count(file: &[u8], pattern: &[u8]) -> usize {
        file.windows(pattern.len()).filter(|window| *window == pattern).count()
    }

    fn key_frame() -> Vec<u8> {
        let units: [&[u8]; 3] = [&[0x67, 0x42, 0xc0, 0x1e, 9], &[0x68, 0xce, 1], &[0x65, 1, 2, 3]];
        units.into_iter().flat_map(|nal| [&[0, 0, 0, 1][..], nal].concat()).collect()
    }

    #[test]
    fn a_file_is_patched_where_room_was_left_and_its_length_is_right() {
        let (mut muxer, head) = Muxer::new("call-1", SOUND_TRACK, (704, 288));
        let mut ink = vec![head];
        for at in 0..150 {
            muxer.sound((at * 20, 20), &[1, 2, 3], &mut ink);
            if at % 50 == 10 {
                muxer.video_frame(at * 20, true, &key_frame(), &mut ink);
            }
        }
        muxer.finish(&mut ink);
        let file = perform(ink);
        let segment = file.windows(4).position(|w| w == [0x18, 0x53, 0x80, 0x67]).unwrap();
        let mut length = [0; 8];
        length.copy_from_slice(&file[segment + 4..segment + 12]);
        assert_eq!(u64::from_be_bytes(length), (file.len() - segment - 12) as u64 | 1 << 56);
        assert_eq!(count(&file, b"V_MPEG4/ISO/AVC"), 1);
        assert_eq!(count(&file, b"A_OPUS"), 1);
        assert!(count(&file, &[0x1f, 0x43, 0xb6, 0x75]) >= 3, "clusters of a second");
        let duration = [&[0x44, 0x89, 0x88][..], &3000_f64.to_be_bytes()].concat();
        assert_eq!(count(&file, &duration), 1);
        // What the seek head says of the index is where it is.
        let cues = file.windows(4).rposition(|w| w == [0x1c, 0x53, 0xbb, 0x6b]).unwrap();
        let place = ((cues - segment - 12) as u32).to_be_bytes();
        let place = &place[place.iter().position(|byte| *byte != 0).unwrap()..];
        let told = [&[0x53, 0xac, 0x80 | place.len() as u8][..], place].concat();
        assert_eq!(count(&file[..segment + 12 + SEEK_HEAD], &told), 1);
    }

    #[test]
    fn a_call_without_pictures_has_no_track_of_them() {
        let (mut muxer, head) = Muxer::new("call-1", SOUND_TRACK, (704, 288));
        let mut ink = vec![head];
        muxer.sound((0, 20), &[1], &mut ink);
        muxer.video_frame(10, false, &key_frame(), &mut ink);
        muxer.finish(&mut ink);
        let file = perform(ink);
        assert_eq!(count(&file, b"V_MPEG4/ISO/AVC"), 0, "no key frame came");
        assert_eq!(count(&file, b"OpusHead"), 1);
    }

    #[test]
    fn parameter_sets_that_are_too_long_leave_the_pictures_out() {
        let long = [&[0, 0, 0, 1, 0x67][..], &[0x55; TRACKS], &[0, 0, 0, 1, 0x68, 1]].concat();
        assert_eq!(decoder_configuration(&long), None);
        assert_eq!(decoder_configuration(&[0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x68]), None);
        assert_eq!(decoder_configuration(&[]), None);
    }
}
