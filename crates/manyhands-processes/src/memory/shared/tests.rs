//! Shared values between an encoder and a decoder in one process, with descriptors that were
//! duplicated on the way as they are when they are sent.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::memory::attachments::{collect, provide, take_failure};

/// What came over, with everything that the sender has made still there.
fn send<T: Serialize>(value: &T) -> (Vec<u8>, Attachments) {
    let (encoded, attachments) = collect(|| postcard::to_stdvec(value).unwrap());
    let fds = attachments.fds.iter().map(|fd| Arc::new(fd.try_clone().unwrap())).collect();
    (encoded, Attachments { fds, ..attachments })
}

fn receive<T: de::DeserializeOwned>((encoded, attachments): (Vec<u8>, Attachments)) -> T {
    provide(attachments, || postcard::from_bytes(&encoded)).unwrap()
}

/// The reason why it was not received.
fn refusal<T: de::DeserializeOwned>(encoded: &[u8], fds: Vec<OwnedFd>) -> String {
    let fds = fds.into_iter().map(Arc::new).collect();
    let attachments = Attachments { fds, ..Attachments::default() };
    assert!(provide(attachments, || postcard::from_bytes::<T>(encoded)).is_err());
    take_failure().unwrap()
}

fn handle(lengths: &[u64]) -> Vec<u8> {
    postcard::to_stdvec(&Wire { fd: 0, lengths: lengths.to_vec(), nested: Vec::new() }).unwrap()
}

#[test]
fn the_same_process_gets_the_same_value() {
    let shared = Shared::<[u32]>::copy_from_slice(&[1, 2, 3]).unwrap();
    let again: Shared<[u32]> = receive(send(&shared));
    assert_eq!(again.as_ptr(), shared.as_ptr());
    let map = Shared::new(BTreeMap::from([(1, "one".to_owned())])).unwrap();
    let again: Shared<BTreeMap<i32, String>> = receive(send(&map));
    assert!(std::ptr::eq(&*again, &*map));
}

#[test]
fn slices_are_read_where_they_are() {
    let shared = Shared::<[u64]>::build(1 << 17, |all| {
        assert!(all.iter().all(|element| *element == 0));
        all.iter_mut().zip(0..).for_each(|(element, n)| *element = n);
    })
    .unwrap();
    let message = send(&shared);
    let original = shared.as_ptr();
    drop(shared);
    let received: Shared<[u64]> = receive(message);
    assert!(received.iter().copied().eq(0..1 << 17));
    let mapped = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let address = format!("{:x}-", received.as_ptr().addr());
    let entry = mapped.split_once(&address).unwrap().1;
    let kilobytes = |what: &str| -> u64 {
        let line = entry.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    assert_eq!(kilobytes("Anonymous:"), 0, "a copy was made ({original:p}): {entry:.900}");
    assert_eq!(kilobytes("Rss:"), 1024);
}

#[test]
fn values_are_decoded_once() {
    static DECODED: AtomicUsize = AtomicUsize::new(0);
    #[derive(Serialize)]
    struct Counted(u8);
    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            DECODED.fetch_add(1, Ordering::Relaxed);
            u8::deserialize(deserializer).map(Counted)
        }
    }
    let shared = Shared::new(Counted(7)).unwrap();
    let messages: Vec<_> = (0..3).map(|_| send(&shared)).collect();
    drop(shared);
    let received: Vec<Shared<Counted>> = messages.into_iter().map(receive).collect();
    assert!(received.iter().all(|shared| shared.0.held.0 == 7));
    assert_eq!(DECODED.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_no_longer_used_is_forgotten() {
    let shared = Shared::<str>::copy_from_str("many hands").unwrap();
    let fd = shared.0.fd.try_clone().unwrap();
    let (encoded, attachments) = send(&shared);
    assert!(registry::is_known::<Inner<str>>(&fd));
    assert!(!registry::is_known::<Inner<[u8]>>(&fd));
    drop(shared);
    assert!(!registry::is_known::<Inner<str>>(&fd));
    let again: Shared<str> = receive((encoded, attachments));
    assert_eq!(&*again, "many hands");
    assert!(registry::is_known::<Inner<str>>(&fd));
}

#[test]
fn nothing_and_odd_types_are_shared_too() {
    let empty = Shared::<[u64]>::copy_from_slice(&[]).unwrap();
    assert!(receive::<Shared<[u64]>>(send(&empty)).is_empty());
    let none = Shared::<[u64]>::build(0, |all| assert!(all.is_empty())).unwrap();
    assert!(none.is_empty());
    assert_eq!(&*Shared::<str>::copy_from_str("").unwrap(), "");
    let unit = Shared::new(()).unwrap();
    receive::<Shared<()>>(send(&unit));
    let triples = Shared::<[[f32; 3]]>::copy_from_slice(&[[1.0, 2.0, 3.0]; 5]).unwrap();
    assert_eq!(receive::<Shared<[[f32; 3]]>>(send(&triples))[4], [1.0, 2.0, 3.0]);
}

#[test]
fn bytes_inside_of_a_value_and_handles_inside_of_it_arrive() {
    #[derive(Serialize, Deserialize)]
    struct Model {
        name: String,
        weights: Bytes,
        table: Shared<[u16]>,
    }
    let table = Shared::<[u16]>::copy_from_slice(&[5, 6]).unwrap();
    let weights = Bytes::from(vec![3; 100_000]);
    let model = Shared::new(Model { name: "m".to_owned(), weights, table }).unwrap();
    let message = send(&(1_u8, &model));
    drop(model);
    let (_, received): (u8, Shared<Model>) = receive(message);
    assert_eq!((&received.name[..], &received.table[..]), ("m", &[5, 6][..]));
    assert_eq!(received.weights, [3; 100_000][..]);
}

#[test]
fn a_file_is_read_into_memory_that_is_shared() {
    let text = "hands ".repeat(400_000);
    let shared = SharedBytes::read_from(text.as_bytes()).unwrap();
    assert_eq!(&*shared, text.as_bytes());
    assert!(SharedBytes::read_from(&b""[..]).unwrap().is_empty());
    let bytes = Bytes::from(shared.clone());
    assert_eq!(bytes.as_ptr(), shared.as_ptr(), "no copy");
}

#[test]
fn it_is_encoded_for_nobody_else() {
    let shared = Shared::new(1_u8).unwrap();
    assert!(postcard::to_stdvec(&shared).is_err());
    let why = take_failure().unwrap();
    assert!(why.contains("Shared<u8>") && why.contains("worker or process of manyhands"), "{why}");
}

#[test]
fn what_cannot_be_encoded_or_held_is_an_error() {
    #[derive(Deserialize)]
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("I stay"))
        }
    }
    let error = Shared::new(Stubborn).map(|_| ()).unwrap_err();
    assert!(error.is_codec() && error.to_string().contains("Stubborn"), "{error}");
    for length in [usize::MAX, memfd::limit() / 8 + 1] {
        let error = Shared::<[u64]>::build(length, |_| unreachable!()).unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }
}

#[test]
fn memory_that_could_be_changed_is_refused_with_the_type() {
    let open = memfd::create_fixed("test", 100).unwrap();
    let why = refusal::<Shared<[u32]>>(&handle(&[100]), vec![open]);
    assert!(why.contains("Shared<[u32]>") && why.contains("seals"), "{why}");
    let file = tempfile::tempfile().unwrap();
    let why = refusal::<Shared<String>>(&handle(&[0]), vec![file.into()]);
    assert!(why.contains("String") && why.contains("not shared memory"), "{why}");
}

#[test]
fn memory_that_is_not_what_it_says_is_refused_with_the_type() {
    let frozen = |bytes: &[u8]| frozen::freeze("test", &[bytes]).unwrap();
    let why = refusal::<Shared<[u32]>>(&handle(&[7]), vec![frozen(&[0; 7])]);
    assert!(why.contains("Shared<[u32]>") && why.contains("7 bytes"), "{why}");
    let why = refusal::<Shared<[u32]>>(&handle(&[400]), vec![frozen(&[0; 40])]);
    assert!(why.contains("shorter than its sender says"), "{why}");
    let why = refusal::<Shared<[u32]>>(&handle(&[4, 4]), vec![frozen(&[0; 100])]);
    assert!(why.contains("not one part"), "{why}");
    let why = refusal::<Shared<str>>(&handle(&[4]), vec![frozen(&[0xff; 4])]);
    assert!(why.contains("no text"), "{why}");
    let why = refusal::<Shared<String>>(&handle(&[4]), vec![frozen(&[0xff; 4])]);
    assert!(why.contains("String") && why.contains("not understood"), "{why}");
    let why = refusal::<Shared<String>>(&handle(&[]), vec![frozen(&[])]);
    assert!(why.contains("empty"), "{why}");
    let why = refusal::<Shared<String>>(&handle(&[4]), vec![]);
    assert!(why.contains("did not come"), "{why}");
}

#[test]
fn no_bytes_of_a_worker_are_taken_for_a_value_that_they_are_not() {
    let shared = Shared::<[u32]>::copy_from_slice(&[7; 1000]).unwrap();
    let (good, attachments) = send(&shared);
    drop(shared);
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..5000 {
        let mut bytes = good.clone();
        for _ in 0..next() % 4 {
            let at = next() % bytes.len();
            bytes[at] = next() as u8;
        }
        let received =
            provide(attachments.clone(), || postcard::from_bytes::<Shared<[u32]>>(&bytes));
        if let Ok(received) = received {
            assert!(received.len() <= 1024);
            assert!(received.iter().take(1000).all(|element| *element == 7));
        }
    }
}
