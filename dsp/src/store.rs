//! Payloads in one fixed block of chunks, so that neither many small nor few large packets allocate or waste memory.

use crate::limit::{CHUNK_BYTES, MAX_CHUNKS, MAX_RECEIVED_PAYLOAD};

/// Payloads in chunks of one fixed block, so that neither many small nor few large packets allocate.
pub(crate) struct Store {
    bytes: Box<[[u8; CHUNK_BYTES]]>,
    /// Bit n: chunk n is free.
    free: u64,
    /// A payload put together.
    scratch: Box<[u8]>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![[0; CHUNK_BYTES]; MAX_CHUNKS].into(),
            free: ALL_FREE,
            scratch: vec![0; PLACE_CHUNKS * CHUNK_BYTES].into(),
        }
    }

    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.free.count_ones() as usize >= bytes.div_ceil(CHUNK_BYTES)
    }

    pub(crate) fn write(&mut self, payload: &[u8]) -> Option<Place> {
        if !self.has_room(payload.len()) {
            return None;
        }
        let mut place = Place {
            chunks: [0; PLACE_CHUNKS],
            len: u16::try_from(payload.len()).ok()?,
        };
        for (slot, part) in place.chunks.iter_mut().zip(payload.chunks(CHUNK_BYTES)) {
            let chunk = u8::try_from(self.free.trailing_zeros()).expect("a word has 64 bits");
            self.free &= self.free - 1;
            *slot = chunk;
            self.bytes[usize::from(chunk)][..part.len()].copy_from_slice(part);
        }
        Some(place)
    }

    /// Returns a payload: where it lies, if its chunks do so side by side as most do, else put together in the scratch space.
    pub(crate) fn read(&mut self, place: &Place) -> &[u8] {
        let chunks = place.chunks();
        if chunks.windows(2).all(|pair| pair[0] + 1 == pair[1]) {
            let first = chunks.first().map_or(0, |&chunk| usize::from(chunk));
            return &self.bytes.as_flattened()[first * CHUNK_BYTES..][..place.len()];
        }
        for (to, &chunk) in self.scratch.chunks_exact_mut(CHUNK_BYTES).zip(chunks) {
            to.copy_from_slice(&self.bytes[usize::from(chunk)]);
        }
        &self.scratch[..place.len()]
    }

    pub(crate) fn free(&mut self, place: &Place) {
        for &chunk in place.chunks() {
            self.free |= 1 << chunk;
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({} chunks free)", self.free.count_ones())
    }
}

/// Where a payload lies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    chunks: [u8; PLACE_CHUNKS],
    len: u16,
}

impl Place {
    /// Returns the bytes of the payload.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    fn chunks(&self) -> &[u8] {
        &self.chunks[..self.len().div_ceil(CHUNK_BYTES)]
    }
}

const PLACE_CHUNKS: usize = MAX_RECEIVED_PAYLOAD.div_ceil(CHUNK_BYTES);

const ALL_FREE: u64 = u64::MAX >> (64 - MAX_CHUNKS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_any_length_come_back() {
        let mut store = Store::new();
        for len in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, MAX_RECEIVED_PAYLOAD] {
            let payload: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0]).collect();
            let place = store.write(&payload).unwrap();
            assert_eq!(store.read(&place), payload);
        }
    }

    #[test]
    fn a_payload_whose_chunks_lie_apart_is_put_together() {
        let mut store = Store::new();
        let places: Vec<_> = std::iter::from_fn(|| store.write(&[1])).collect();
        store.free(&places[3]);
        store.free(&places[5]);
        let payload: Vec<u8> = (0..2 * CHUNK_BYTES).map(|at| at.to_le_bytes()[0]).collect();
        let place = store.write(&payload).unwrap();
        assert_eq!(store.read(&place), payload);
    }

    #[test]
    fn a_full_store_refuses_until_something_is_freed() {
        let mut store = Store::new();
        let places: Vec<_> = std::iter::from_fn(|| store.write(&[1; 2 * CHUNK_BYTES])).collect();
        assert_eq!(places.len(), MAX_CHUNKS / 2);
        assert!(!store.has_room(1));
        store.free(&places[3]);
        assert!(store.has_room(2 * CHUNK_BYTES) && !store.has_room(2 * CHUNK_BYTES + 1));
        assert_eq!(store.read(&places[4]), [1; 2 * CHUNK_BYTES]);
    }
}
