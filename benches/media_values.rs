//! What the values of floor 1 cost: `cargo bench --bench media_values`.
//!
//! Best of several rounds, in µs or ns a call; ratios matter more than figures.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // The table is the purpose; a bench may panic.

use cordboard::codec::Codec;
use cordboard::codec::audio::{AudioDecoder, AudioEncoder, PAYLOAD_MAX, SAMPLES_MAX, encode_loop};
use cordboard::codec::resample::Resampler;
use cordboard::codec::tone::Sound;
use cordboard::codec::video::{Colour, Mosaic, MosaicStream};
use cordboard::rtp::rtcp::{self, ReportBlock, RtcpWriter, SenderReport};
use cordboard::rtp::{Packet, Reception, RtpHeader, h264, rewrite, vp8};
use cordboard::sdp::SessionDescription;
use cordboard::time::Instant;
use std::hint::black_box;
use std::time;

const ROUNDS: usize = 60;
const ROUND_MS: u128 = 4;

/// The best mean of many short rounds, in ns: a busy machine spoils some of them only.
fn measure(name: &str, mut call: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let (start, mut calls) = (time::Instant::now(), 0_u32);
        while start.elapsed().as_millis() < ROUND_MS {
            (0..16).for_each(|_| call());
            calls += 16;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    if best < 1000.0 {
        println!("{name:44} {best:8.1} ns");
    } else {
        println!("{name:44} {:8.2} µs", best / 1000.0);
    }
}

fn main() {
    sound();
    pictures();
    packets();
    descriptions();
}

fn sound() {
    let codecs = [
        Codec::Pcmu,
        Codec::Pcma,
        Codec::G722,
        Codec::G729,
        Codec::Opus,
        Codec::Gsm,
        Codec::G723,
        Codec::Speex { clock_rate: 8000 },
        Codec::Speex { clock_rate: 16_000 },
    ];
    let codecs = codecs.map(|codec| codec.can_transcode().then_some(codec));
    for (codec, wanted) in
        codecs.iter().flatten().flat_map(|codec| [8000, 16_000, 48_000].map(|r| (codec, r)))
    {
        let mut encoder = AudioEncoder::new(codec, wanted).unwrap();
        let rate = encoder.sample_rate();
        if rate != wanted {
            continue;
        }
        let mut decoder = AudioDecoder::new(codec, wanted).unwrap();
        let ms = codec.facts().frame_ms;
        let tune = Sound::HoldMelody.samples(rate);
        let mut frames = tune.chunks_exact((rate * ms / 1000) as usize).cycle();
        let (mut payload, mut out) = ([0; PAYLOAD_MAX], [0; SAMPLES_MAX]);
        measure(&format!("{codec} at {rate} Hz, encode {ms} ms"), || {
            let frame = frames.next().unwrap();
            black_box(encoder.encode(frame, &mut payload).unwrap());
        });
        let coded = encode_loop(codec, Sound::HoldMelody, ms).unwrap();
        let mut index = 0;
        measure(&format!("{codec} at {rate} Hz, decode {ms} ms"), || {
            black_box(decoder.decode(coded.frame(index), &mut out).unwrap());
            index += 1;
        });
    }
    for (from, to) in [(8000, 16_000), (16_000, 8000), (8000, 48_000), (48_000, 8000)] {
        let mut resampler = Resampler::new(from, to).unwrap();
        let pcm = &Sound::Sine { hz: 440 }.samples(from)[..from as usize / 50];
        let mut out = Vec::new();
        measure(&format!("resample {from} to {to} Hz, 20 ms"), || {
            out.clear();
            resampler.run(black_box(pcm), &mut out);
        });
    }
    measure("hold melody, computed", || {
        black_box(Sound::HoldMelody.samples(16_000));
    });
    let hold = encode_loop(&Codec::Opus, Sound::HoldMelody, 20).unwrap();
    let mut index = 0;
    measure("hold melody, one payload", || {
        black_box(hold.frame(index));
        index += 1;
    });
}

fn pictures() {
    let background = Colour::from_rgb(20, 30, 90);
    let number = Mosaic::plain(22, 18, background).with_number(42, Colour::from_rgb(250, 210, 60));
    let mut stream = MosaicStream::new(number);
    measure("picture of a number, CIF, key frame", || {
        stream.request_key_frame();
        black_box(stream.next_frame());
    });
    measure("picture like the one before", || {
        black_box(stream.next_frame());
    });
}

fn packets() {
    let header = RtpHeader { payload_type: 96, marker: true, sequence: 7, timestamp: 8, ssrc: 9 };
    let mut packet = [&header.to_bytes()[..], &[0x41; 1000]].concat();
    measure("RTP: check, read, rewrite", || {
        let read = Packet::parse(black_box(&packet)).unwrap().header();
        rewrite(&mut packet, &RtpHeader { sequence: read.sequence.wrapping_add(1), ..header });
    });
    let (mut reception, mut sequence) = (Reception::new(8000), 0_u16);
    measure("RTP: count a reception", || {
        sequence = sequence.wrapping_add(1);
        black_box(reception.receive(Instant::from_micros(20_000), sequence, 160));
    });
    let mut report = Vec::new();
    measure("RTCP: write SR, SDES, PLI", || {
        RtcpWriter::new(&mut report)
            .sender_report(&SenderReport::default(), &[ReportBlock::default()])
            .cname(1, "leg-1")
            .picture_loss(1, 2);
    });
    measure("RTCP: read them", || {
        black_box(rtcp::parse(black_box(&report)).unwrap().count());
    });
    let payload = [&[0x7c, 0x85][..], &[7; 1000]].concat();
    measure("H.264: look for a key frame", || {
        black_box(h264::Contents::of(black_box(&payload)));
    });
    let mut payload = [0x90, 0xf0, 0x81, 0x02, 7, 0x20, 0x10];
    measure("VP8: renumber", || vp8::renumber(black_box(&mut payload), 3, 4));
}

fn descriptions() {
    let text = "v=0\r\no=- 3911 3912 IN IP4 192.0.2.1\r\ns=phone\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                m=audio 4000 RTP/AVP 96 0 8 9 101\r\na=rtpmap:96 opus/48000/2\r\n\
                a=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n\
                a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\nm=video 4002 RTP/AVPF 97 98\r\n\
                a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n\
                a=rtpmap:98 VP8/90000\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n";
    let session = SessionDescription::parse(text.as_bytes()).unwrap();
    measure("SDP: read a call with video", || {
        black_box(SessionDescription::parse(black_box(text.as_bytes())).unwrap());
    });
    measure("SDP: its payload types", || {
        let maps = session.media.iter().map(|media| media.rtpmaps().count());
        black_box(maps.sum::<usize>());
    });
    measure("SDP: print it", || {
        black_box(session.to_string());
    });
}
