//! A camera's pictures in another codec or size: made once for all viewers that take the same.
//!
//! ```text
//!   unit ── Job ──▶ worker ── Done ──▶ footage of its own ──▶ its viewers
//!
//!   Shut ── key frame ──▶ Open ── the worker falls behind, or breaks ──▶ Shut
//! ```

use super::camera_frames::CameraFrames;
use super::packing::{picture_format, target};
use super::plan::StreamPlan;
use super::route::Conversion;
use super::work::{BEHIND, BREAKDOWNS_MAX, CodingOutcome, ConversionId, Job, UNDER_WAY_MAX};
use crate::codec::Codec;
use crate::codec::video::VideoTarget;
use crate::rtp::video::PictureFormat;
use crate::time::{Duration, Instant};
/// The least between two key frames that viewers ask for.
const KEY_INTERVAL: Duration = Duration::from_millis(500);

/// What makes two renditions the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RenditionFormat {
    codec: Codec,
    format: PictureFormat,
    target: VideoTarget,
}

/// One of them.
#[derive(Debug)]
pub struct Rendition {
    id: ConversionId,
    mould: RenditionFormat,
    camera_frames: CameraFrames,
    gate: RenditionKeyFrameGate,
    under_way: usize,
    key_asked: Option<Instant>,
    breakdowns: u8,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum RenditionKeyFrameGate {
    Open,
    Shut,
}

impl RenditionFormat {
    /// What a receiver takes; none where its format cannot be packed.
    #[must_use]
    pub fn of(conversion: &Conversion, receiver: &StreamPlan) -> Option<Self> {
        let format = picture_format(&conversion.to)?;
        let target = target(&conversion.to, receiver);
        Some(Self { codec: conversion.to.codec.clone(), format, target })
    }
}

impl Rendition {
    /// Begins one, with the camera's last key frame if there is one.
    pub fn open(
        id: ConversionId,
        (from, source): (&Codec, &CameraFrames),
        mould: RenditionFormat,
        ssrc: u32,
        jobs: &mut Vec<Job>,
    ) -> Self {
        let camera_frames = CameraFrames::new(ssrc, mould.codec.clone(), mould.format);
        let mut new = Self {
            id,
            mould,
            camera_frames,
            gate: RenditionKeyFrameGate::Shut,
            under_way: 0,
            key_asked: None,
            breakdowns: 0,
        };
        new.begin((from, source), jobs);
        new
    }

    /// Begins once more under another name, after its codec has broken down; false when that has
    /// happened too often, and nothing more is asked of it.
    pub fn reopen(
        &mut self,
        id: ConversionId,
        (from, source): (&Codec, &CameraFrames),
        jobs: &mut Vec<Job>,
    ) -> bool {
        self.breakdowns = self.breakdowns.saturating_add(1);
        let again = self.breakdowns < BREAKDOWNS_MAX;
        if again {
            jobs.push(Job::Close { conversion: self.id });
            (self.id, self.under_way) = (id, 0);
            self.begin((from, source), jobs);
        }
        again
    }

    fn begin(&mut self, (from, source): (&Codec, &CameraFrames), jobs: &mut Vec<Job>) {
        jobs.push(Job::Open {
            conversion: self.id,
            from: from.clone(),
            to: self.mould.codec.clone(),
            target: self.mould.target.clone(),
        });
        self.gate = RenditionKeyFrameGate::Shut;
        if !source.key.is_empty() {
            self.take((source.timestamp, true, &source.key), jobs);
            // What else has come since then is not known here.
            self.gate = if source.is_fresh() {
                RenditionKeyFrameGate::Open
            } else {
                RenditionKeyFrameGate::Shut
            };
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> ConversionId {
        self.id
    }

    /// Whether it is what this mould asks for.
    #[must_use]
    pub fn is_of(&self, mould: &RenditionFormat) -> bool {
        self.mould == *mould
    }

    /// Its pictures.
    pub fn camera_frames(&mut self) -> &mut CameraFrames {
        &mut self.camera_frames
    }

    /// Takes in a picture of the camera.
    pub fn take(&mut self, (timestamp, key, bytes): (u32, bool, &[u8]), jobs: &mut Vec<Job>) {
        if self.gate == RenditionKeyFrameGate::Shut && !key || self.breakdowns >= BREAKDOWNS_MAX {
            return;
        }
        if self.under_way >= UNDER_WAY_MAX {
            self.gate = RenditionKeyFrameGate::Shut;
            return;
        }
        self.gate = RenditionKeyFrameGate::Open;
        jobs.push(Job::Frame {
            conversion: self.id,
            timestamp,
            coded: bytes.to_vec(),
            wanted: self.under_way < BEHIND,
        });
        self.under_way += 1;
    }

    /// Pictures are missing up to the next key frame.
    pub fn shut(&mut self) {
        self.gate = RenditionKeyFrameGate::Shut;
    }

    /// Takes back what a worker has done; the picture, if one came.
    pub fn done(&mut self, outcome: CodingOutcome) -> Option<Vec<u8>> {
        self.under_way = self.under_way.saturating_sub(1);
        match outcome {
            CodingOutcome::Coded { timestamp, coded } => {
                self.camera_frames.timestamp = timestamp;
                Some(coded)
            }
            CodingOutcome::Nothing => None,
            CodingOutcome::Broken | CodingOutcome::Gone => {
                self.gate = RenditionKeyFrameGate::Shut;
                None
            }
        }
    }

    /// A viewer needs a key frame.
    pub fn want_key_frame(&mut self, now: Instant, jobs: &mut Vec<Job>) {
        if self.key_asked.is_none_or(|at| now.since(at) >= KEY_INTERVAL) {
            self.key_asked = Some(now);
            jobs.push(Job::KeyFrame { conversion: self.id });
        }
    }
}
