//! The states of libopus (RFC 6716) in memory of ours, mono at 48 kHz: the one module of the crate with unsafe code.
//!
//! A state of libopus is one flat block whose size the library tells. It holds no pointer into itself and none to
//! memory that somebody frees, only to constant tables, so it may be moved and copied like any bytes. That is why this
//! module exists: a finished binding keeps its pointer to itself, and a listener who begins to speak needs a copy of the
//! encoder that served him until then. Owning the block also makes copying safe code, and leaves nothing to free.
//!
//! A state begins as a copy too: libopus asks the processor over and over what it can do when it begins one, and in a
//! virtual machine those questions take a tenth of a millisecond.
//!
//! Invariants: a block is as long as the library asked for and aligned as `malloc` would align it; it is initialised
//! before it becomes a state; every call passes the length of the slice next to its pointer; no pointer outlives its call.
#![expect(
    unsafe_code,
    reason = "libopus is C; the blocks and slices passed outlive each call and have the lengths passed"
)]

use std::{fmt, mem::MaybeUninit, ptr, sync::OnceLock};

use opusic_sys as ffi;

use super::CodecError;
use crate::SAMPLE_RATE;

/// What an encoder is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Application {
    /// Speech that has to be understood, without what lies below it.
    #[cfg(test)]
    Voip = ffi::OPUS_APPLICATION_VOIP,
    /// Sound that has to be like the original.
    Audio = ffi::OPUS_APPLICATION_AUDIO,
}

/// A setting of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Control {
    /// Bits per second.
    BitRate = ffi::OPUS_SET_BITRATE_REQUEST,
    /// Effort, 0 to 10.
    Complexity = ffi::OPUS_SET_COMPLEXITY_REQUEST,
    /// The widest band coded, one of `OPUS_BANDWIDTH_*`.
    MaxBandwidth = ffi::OPUS_SET_MAX_BANDWIDTH_REQUEST,
    /// What the sound is, one of `OPUS_SIGNAL_*`.
    Signal = ffi::OPUS_SET_SIGNAL_REQUEST,
    /// 1 if packets carry copies of the sound before them.
    InbandFec = ffi::OPUS_SET_INBAND_FEC_REQUEST,
    /// Expected loss in per cent.
    PacketLoss = ffi::OPUS_SET_PACKET_LOSS_PERC_REQUEST,
}

/// The state of one encoder.
pub(crate) struct EncoderState(Box<[Line]>);

impl EncoderState {
    /// Makes an encoder with the library's own settings.
    pub(crate) fn new(application: Application) -> Result<Self, CodecError> {
        Ok(Self(Self::fresh(application)?.into()))
    }

    /// Forgets the stream and all settings.
    pub(crate) fn init(&mut self, application: Application) -> Result<(), CodecError> {
        self.0.copy_from_slice(Self::fresh(application)?);
        Ok(())
    }

    fn fresh(application: Application) -> Result<&'static [Line], CodecError> {
        static AUDIO: OnceLock<Option<Box<[Line]>>> = OnceLock::new();
        #[cfg(test)]
        static VOIP: OnceLock<Option<Box<[Line]>>> = OnceLock::new();
        let known = match application {
            #[cfg(test)]
            Application::Voip => &VOIP,
            Application::Audio => &AUDIO,
        };
        known_or_made(known, || {
            // SAFETY: the function takes a number and returns one.
            let mut block = block(unsafe { ffi::opus_encoder_get_size(CHANNELS) })?;
            let state = block.as_mut_ptr().cast();
            // SAFETY: the block has the size the library asked for; libopus writes all of it before it reads any.
            check(unsafe { ffi::opus_encoder_init(state, RATE, CHANNELS, application as i32) })?;
            Ok(block)
        })
    }

    pub(crate) fn set(&mut self, control: Control, value: i32) -> Result<(), CodecError> {
        let state: *mut ffi::OpusEncoder = self.0.as_mut_ptr().cast();
        // SAFETY: the block is an initialised encoder; every `Control` takes one `opus_int32` by value.
        check(unsafe { ffi::opus_encoder_ctl(state, control as i32, value) })?;
        Ok(())
    }

    /// Encodes one frame of a length that Opus knows; returns the bytes written.
    pub(crate) fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        let state = self.0.as_mut_ptr().cast();
        let (frame, room) = (length(samples)?, length(out)?);
        // SAFETY: the block is an initialised encoder; `frame` samples of one channel and `room` bytes lie where said.
        check(unsafe { ffi::opus_encode(state, samples.as_ptr(), frame, out.as_mut_ptr(), room) })
    }

    /// Becomes a copy of another encoder, its settings included; allocates nothing.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        // Both blocks have the one size there is for mono.
        self.0.copy_from_slice(&other.0);
    }
}

/// The state of one decoder.
pub(crate) struct DecoderState(Box<[Line]>);

impl DecoderState {
    /// Makes a decoder at the start of a stream.
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self(Self::fresh()?.into()))
    }

    /// Forgets the stream.
    pub(crate) fn init(&mut self) -> Result<(), CodecError> {
        self.0.copy_from_slice(Self::fresh()?);
        Ok(())
    }

    fn fresh() -> Result<&'static [Line], CodecError> {
        static KNOWN: OnceLock<Option<Box<[Line]>>> = OnceLock::new();
        known_or_made(&KNOWN, || {
            // SAFETY: the function takes a number and returns one.
            let mut block = block(unsafe { ffi::opus_decoder_get_size(CHANNELS) })?;
            let state = block.as_mut_ptr().cast();
            // SAFETY: the block has the size the library asked for; libopus writes all of it before it reads any.
            check(unsafe { ffi::opus_decoder_init(state, RATE, CHANNELS) })?;
            Ok(block)
        })
    }

    /// Becomes a copy of another decoder.
    #[cfg(test)]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }

    /// Decodes a packet; returns the samples written.
    pub(crate) fn decode(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.run(packet, Part::Sound, out)
    }

    /// Decodes the copy of the sound before a packet, or makes that sound up if the packet carries none.
    pub(crate) fn recover(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.run(packet, Part::CopyOfBefore, out)
    }

    /// Makes up sound; `out` has to be a multiple of 2.5 ms.
    pub(crate) fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        self.run(&[], Part::Sound, out)
    }

    fn run(&mut self, packet: &[u8], part: Part, out: &mut [i16]) -> Result<usize, CodecError> {
        let state = self.0.as_mut_ptr().cast();
        let (len, room) = (length(packet)?, length(out)?);
        // SAFETY: the block is an initialised decoder; `len` bytes lie where said, and a length of zero means loss and
        // is not read; libopus writes at most `room` samples of one channel.
        check(unsafe {
            ffi::opus_decode(
                state,
                packet.as_ptr(),
                len,
                out.as_mut_ptr(),
                room,
                part as i32,
            )
        })
    }
}

/// Returns the samples a packet holds at 48 kHz; refuses one whose frames do not fill it exactly (RFC 6716 §3.4).
pub(crate) fn samples_in(packet: &[u8]) -> Result<usize, CodecError> {
    let len = length(packet)?;
    let mut sizes = [0; MAX_FRAMES];
    let (toc, frames, offset) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: `len` bytes lie where said, and libopus writes the sizes of at most 48 frames; it takes null for results
    // that nobody wants.
    check(unsafe {
        ffi::opus_packet_parse(
            packet.as_ptr(),
            len,
            toc,
            frames,
            sizes.as_mut_ptr(),
            offset,
        )
    })?;
    // SAFETY: `len` bytes lie where said; libopus reads none beyond and refuses an empty packet.
    check(unsafe { ffi::opus_packet_get_nb_samples(packet.as_ptr(), len, RATE) })
}

impl fmt::Debug for EncoderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncoderState({} bytes)", size_of_val(&*self.0))
    }
}

impl fmt::Debug for DecoderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecoderState({} bytes)", size_of_val(&*self.0))
    }
}

/// Which sound of a packet to decode.
#[derive(Debug, Clone, Copy)]
#[repr(i32)]
enum Part {
    Sound = 0,
    CopyOfBefore = 1,
}

/// A piece of a block, aligned as `malloc` would align it. C may leave padding unwritten, so it is never read as numbers.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Line([MaybeUninit<u8>; LINE_BYTES]);

/// Allocates a block of at least `bytes`.
fn block(bytes: i32) -> Result<Box<[Line]>, CodecError> {
    let bytes = check(bytes)?;
    if bytes == 0 {
        return Err(CodecError::Library("no size"));
    }
    let lines = bytes.div_ceil(LINE_BYTES);
    Ok(vec![Line([MaybeUninit::zeroed(); LINE_BYTES]); lines].into())
}

/// Returns the state at the start of a stream, which is made once for the process.
fn known_or_made(
    known: &'static OnceLock<Option<Box<[Line]>>>,
    make: impl FnOnce() -> Result<Box<[Line]>, CodecError>,
) -> Result<&'static [Line], CodecError> {
    let state = known.get_or_init(|| make().ok());
    state
        .as_deref()
        .ok_or(CodecError::Library("no state could be made"))
}

fn length<T>(slice: &[T]) -> Result<i32, CodecError> {
    i32::try_from(slice.len()).map_err(|_| CodecError::TooLong("slice"))
}

/// Turns what libopus returns into a count or an error.
fn check(returned: i32) -> Result<usize, CodecError> {
    usize::try_from(returned).map_err(|_| match returned {
        ffi::OPUS_INVALID_PACKET => CodecError::Malformed("Opus packet"),
        ffi::OPUS_BUFFER_TOO_SMALL => CodecError::BufferTooSmall,
        ffi::OPUS_BAD_ARG => CodecError::Library("bad argument"),
        ffi::OPUS_INVALID_STATE => CodecError::Library("invalid state"),
        _ => CodecError::Library("internal error"),
    })
}

const RATE: i32 = SAMPLE_RATE.cast_signed();
const CHANNELS: i32 = 1;
const LINE_BYTES: usize = 16;

/// Frames of the fullest packet: 120 ms in frames of 2.5 ms.
const MAX_FRAMES: usize = 48;
