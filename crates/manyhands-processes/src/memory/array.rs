//! Arrays that several processes read and write.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::MemoryError;
use super::cells::Cells;

/// An array of plain elements in memory of several processes, all of which may read and write it at
/// any time.
///
/// Clones are the same array, and so is what another process receives: send it as a part of an
/// argument or a result of a task, to a process, or through a pipe. The length does not change.
///
/// # What happens when several write
///
/// There is no reference into the array, neither `&[T]` nor `&mut [T]`: other processes may write at
/// any moment, and Rust's references promise that nobody does. Elements are copied in and out.
///
/// * An element of 1, 2, 4 or 8 bytes is read and written as a whole (it is an atomic). A reader
///   sees one value that somebody wrote, never a mixture; [`update`](Self::update),
///   [`swap`](Self::swap) and [`compare_exchange`](Self::compare_exchange) lose nothing.
/// * Any other element is read and written in pieces, as large as its size is a multiple of, up to 8
///   bytes. A reader may see a mixture of two values that were written at the same time. If that can
///   happen, let one process write each element, or put a lock around it.
/// * [`get`](Self::get) sees all that another process did before the [`set`](Self::set) whose value
///   it returns (acquire and release). Methods for many elements give no such promise for all of
///   them together: they are many small operations.
///
/// A process that is killed meanwhile leaves each of those operations done or not done.
///
/// ```
/// use manyhands_processes::SharedArray;
///
/// let totals = SharedArray::<f64>::new(3)?;
/// totals.set(0, 0.5);
/// totals.update(0, |total| total + 1.0);
/// assert_eq!(totals.to_vec(), [1.5, 0.0, 0.0]);
/// # Ok::<(), manyhands_processes::MemoryError>(())
/// ```
#[doc(alias = "multiprocessing.Array")]
pub struct SharedArray<T: Pod> {
    cells: Arc<Cells>,
    of: PhantomData<fn() -> T>,
}

impl<T: Pod> SharedArray<T> {
    /// How large the pieces are in which an element is read and written, in bytes.
    const PIECE: usize = {
        let size = size_of::<T>();
        assert!(size > 0, "elements without a size need not be shared");
        let power = 1 << size.trailing_zeros();
        if power > 8 { 8 } else { power }
    };

    /// Whether an element is one piece.
    const IS_WHOLE: bool = Self::PIECE == size_of::<T>();

    /// An array of `length` elements, which are zero.
    ///
    /// # Errors
    /// If there is no memory or descriptor for it.
    pub fn new(length: usize) -> Result<SharedArray<T>, MemoryError> {
        let bytes = length.checked_mul(size_of::<T>()).ok_or_else(|| {
            let element = std::any::type_name::<T>();
            MemoryError::too_large(format!("{length} elements of {element} are more than can be"))
        })?;
        Ok(SharedArray { cells: Cells::create("manyhands-array", bytes)?, of: PhantomData })
    }

    /// An array of these elements.
    ///
    /// # Errors
    /// If there is no memory or descriptor for it.
    pub fn copy_from_slice(elements: &[T]) -> Result<SharedArray<T>, MemoryError> {
        let array = SharedArray::new(elements.len())?;
        array.write(0, elements);
        Ok(array)
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.cells.length() / size_of::<T>()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element of this index.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn get(&self, index: usize) -> T {
        self.check(index..index.saturating_add(1));
        let mut element = T::zeroed();
        self.load(index, &mut element, Ordering::Acquire);
        element
    }

    /// Sets the element of this index.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn set(&self, index: usize, element: T) {
        self.check(index..index.saturating_add(1));
        self.store(index, &element, Ordering::Release);
    }

    /// Copies the elements from `start` on into `elements`.
    ///
    /// # Panics
    /// If there are not so many.
    #[track_caller]
    pub fn read(&self, start: usize, elements: &mut [T]) {
        self.check(start..start.saturating_add(elements.len()));
        for (index, element) in (start..).zip(elements) {
            self.load(index, element, Ordering::Acquire);
        }
    }

    /// Sets the elements from `start` on to those of `elements`.
    ///
    /// # Panics
    /// If there are not so many.
    #[track_caller]
    pub fn write(&self, start: usize, elements: &[T]) {
        self.check(start..start.saturating_add(elements.len()));
        for (index, element) in (start..).zip(elements) {
            self.store(index, element, Ordering::Release);
        }
    }

    /// A copy of all elements.
    pub fn to_vec(&self) -> Vec<T> {
        let mut elements = vec![T::zeroed(); self.len()];
        self.read(0, &mut elements);
        elements
    }

    /// Sets an element and returns the one before, as one operation. Only for elements of 1, 2, 4 or
    /// 8 bytes; for others it does not compile.
    ///
    /// # Panics
    /// If there is no element of this index.
    #[track_caller]
    pub fn swap(&self, index: usize, element: T) -> T {
        self.update(index, |_| element)
    }

    /// Sets an element to `new` if its bytes are those of `current`, as one operation. Only for
    /// elements of 1, 2, 4 or 8 bytes; for others it does not compile.
    ///
    /// # Errors
    /// The element, if it is another.
    ///
    /// # Panics
    /// If there is no element of this index.
    #[track_caller]
    pub fn compare_exchange(&self, index: usize, current: T, new: T) -> Result<T, T> {
        const { assert!(Self::IS_WHOLE, "only elements of 1, 2, 4 or 8 bytes are atomic") };
        self.check(index..index.saturating_add(1));
        let at = index * size_of::<T>();
        let exchanged = self.exchange(at, to_word(&current), to_word(&new));
        exchanged.map(from_word).map_err(from_word)
    }

    /// Sets an element to what `f` makes of it and returns the one before; `f` is called again if
    /// another process was faster, so no change is lost. Only for elements of 1, 2, 4 or 8 bytes;
    /// for others it does not compile.
    ///
    /// # Panics
    /// If there is no element of this index.
    #[track_caller]
    pub fn update(&self, index: usize, mut f: impl FnMut(T) -> T) -> T {
        const { assert!(Self::IS_WHOLE, "only elements of 1, 2, 4 or 8 bytes are atomic") };
        self.check(index..index.saturating_add(1));
        let at = index * size_of::<T>();
        let mut before = self.word(at, Ordering::Acquire);
        loop {
            let new = to_word(&f(from_word(before)));
            match self.exchange(at, before, new) {
                Ok(before) => return from_word(before),
                Err(other) => before = other,
            }
        }
    }

    #[track_caller]
    fn check(&self, range: Range<usize>) {
        let length = self.len();
        assert!(
            range.end <= length && range.start <= range.end,
            "{range:?} is not within a shared array of {length} elements"
        );
    }

    fn load(&self, index: usize, element: &mut T, order: Ordering) {
        let at = index * size_of::<T>();
        let pieces = bytemuck::bytes_of_mut(element).chunks_exact_mut(Self::PIECE);
        for (number, piece) in pieces.enumerate() {
            let word = self.word(at + number * Self::PIECE, order).to_ne_bytes();
            piece.copy_from_slice(low_bytes(&word, Self::PIECE));
        }
    }

    fn store(&self, index: usize, element: &T, order: Ordering) {
        let at = index * size_of::<T>();
        let pieces = bytemuck::bytes_of(element).chunks_exact(Self::PIECE);
        for (number, piece) in pieces.enumerate() {
            self.set_word(at + number * Self::PIECE, word_of(piece), order);
        }
    }

    fn word(&self, at: usize, order: Ordering) -> u64 {
        match Self::PIECE {
            1 => self.atomic::<AtomicU8>(at).load(order).into(),
            2 => self.atomic::<AtomicU16>(at).load(order).into(),
            4 => self.atomic::<AtomicU32>(at).load(order).into(),
            _ => self.atomic::<AtomicU64>(at).load(order),
        }
    }

    fn set_word(&self, at: usize, word: u64, order: Ordering) {
        match Self::PIECE {
            1 => self.atomic::<AtomicU8>(at).store(word as u8, order),
            2 => self.atomic::<AtomicU16>(at).store(word as u16, order),
            4 => self.atomic::<AtomicU32>(at).store(word as u32, order),
            _ => self.atomic::<AtomicU64>(at).store(word, order),
        }
    }

    fn exchange(&self, at: usize, current: u64, new: u64) -> Result<u64, u64> {
        macro_rules! exchange {
            ($atomic:ty, $word:ty) => {
                self.atomic::<$atomic>(at)
                    .compare_exchange(
                        current as $word,
                        new as $word,
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    )
                    .map(u64::from)
                    .map_err(u64::from)
            };
        }
        match Self::PIECE {
            1 => exchange!(AtomicU8, u8),
            2 => exchange!(AtomicU16, u16),
            4 => exchange!(AtomicU32, u32),
            _ => exchange!(AtomicU64, u64),
        }
    }

    fn atomic<A: super::mapping::Atomic>(&self, at: usize) -> &A {
        // A page begins at a multiple of everything, elements follow without gaps, and the size of
        // an element is a multiple of a piece.
        self.cells.mapping().atomic(at).expect("the piece is within the array and aligned")
    }
}

/// An element of up to 8 bytes as a number.
fn to_word<T: Pod>(element: &T) -> u64 {
    word_of(bytemuck::bytes_of(element))
}

fn from_word<T: Pod>(word: u64) -> T {
    let mut element = T::zeroed();
    let bytes = word.to_ne_bytes();
    let length = size_of::<T>();
    bytemuck::bytes_of_mut(&mut element).copy_from_slice(low_bytes(&bytes, length));
    element
}

/// The number that these bytes (1, 2, 4 or 8) are in memory.
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let start = if cfg!(target_endian = "little") { 0 } else { 8 - bytes.len() };
    word[start..start + bytes.len()].copy_from_slice(bytes);
    u64::from_ne_bytes(word)
}

/// Those bytes of a number that make it up when it has this length.
fn low_bytes(word: &[u8; 8], length: usize) -> &[u8] {
    if cfg!(target_endian = "little") { &word[..length] } else { &word[8 - length..] }
}

impl<T: Pod> Clone for SharedArray<T> {
    fn clone(&self) -> SharedArray<T> {
        SharedArray { cells: Arc::clone(&self.cells), of: PhantomData }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for SharedArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).map(|index| self.get(index))).finish()
    }
}

impl<T: Pod> Serialize for SharedArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells.serialize(std::any::type_name::<Self>(), serializer)
    }
}

impl<'de, T: Pod> Deserialize<'de> for SharedArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fits = |length: usize| length.is_multiple_of(size_of::<T>());
        let cells = Cells::deserialize(std::any::type_name::<Self>(), fits, deserializer)?;
        Ok(SharedArray { cells, of: PhantomData })
    }
}

#[cfg(test)]
mod tests;
